"""What is used of nfcpy, and what its exceptions mean."""

from __future__ import annotations

import errno
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from ntag424.errors import (
    Ntag424Error,
    ReaderBusyError,
    ReaderChoiceError,
    ReaderDriverMissingError,
    ReaderRefusedError,
    TransportError,
)

INSTALL = "apt-get install libusb-1.0-0 && pip install 'ntag424[nfcpy]'"


class Target(Protocol):
    """What answered in the field, as far as the anticollision tells."""

    sdd_res: bytearray
    sel_res: bytearray


class Tag(Protocol):
    """An activated Type 4 tag."""

    def transceive(self, data: bytes) -> bytearray:
        """Exchange one APDU."""
        ...


class Frontend(Protocol):
    """An opened reader."""

    def sense(self, target: object) -> Target | None:
        """Switch the field off and on and look for a tag."""
        ...

    def close(self) -> None:
        """Switch the field off and give the reader back."""
        ...


class _Clf(Protocol):
    Error: type[Exception]

    def ContactlessFrontend(self, path: str) -> Frontend: ...  # noqa: N802

    def RemoteTarget(self, brty: str) -> object: ...  # noqa: N802


class _TagModule(Protocol):
    TagCommandError: type[Exception]

    def activate(self, clf: Frontend, target: Target) -> Tag | None: ...


class _Usb(Protocol):
    def find(self, path: str) -> list[tuple[int, int, int, int]]: ...


class _Transport(Protocol):
    USB: _Usb


class _Device(Protocol):
    usb_device_map: Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class Nfc:
    """The modules of nfcpy in use."""

    clf: _Clf
    tag: _TagModule
    transport: _Transport
    device: _Device

    @property
    def mishaps(self) -> tuple[type[Exception], ...]:
        """What talking to a tag may raise.

        Beside nfcpy's own two families there are the system's errors, and what Python
        makes of answers that nfcpy indexes without a look at them.
        """
        expected = (self.tag.TagCommandError, self.clf.Error, OSError)
        return (*expected, TypeError, LookupError, ValueError)


def load_nfc() -> Nfc:
    """Import the driver.

    Raises:
        ReaderDriverMissingError: nfcpy is not there.

    """
    try:
        return Nfc(
            clf=cast("_Clf", importlib.import_module("nfc.clf")),
            tag=cast("_TagModule", importlib.import_module("nfc.tag")),
            transport=cast("_Transport", importlib.import_module("nfc.clf.transport")),
            device=cast("_Device", importlib.import_module("nfc.clf.device")),
        )
    except ImportError as error:
        raise _missing(error) from error


def usb_readers(nfc: Nfc) -> list[str]:
    """Give the paths of the USB readers that nfcpy has a driver for.

    Raises:
        ReaderDriverMissingError: there is no libusb.

    """
    try:
        found = nfc.transport.USB.find("usb")
    except FileNotFoundError as error:
        raise _missing(error) from error
    return [
        f"usb:{bus:03}:{device:03}"
        for vendor, product, bus, device in found
        if (vendor, product) in nfc.device.usb_device_map
    ]


def open_frontend(nfc: Nfc, path: str) -> Frontend:
    """Open the reader at *path*.

    Raises:
        ReaderDriverMissingError: there is no libusb, and *path* is on USB.
        ReaderChoiceError: there is no reader that nfcpy drives.
        ReaderBusyError: another program, or the kernel, has claimed it.
        ReaderRefusedError: this user may not open the device.
        TransportError: the reader does not answer as it should.

    """
    try:
        return nfc.clf.ContactlessFrontend(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.startswith("usb"):
            # No device file is ever missed: this is the library not being found.
            raise _missing(error) from error
        raise _open_error(error, path) from error


def _open_error(error: OSError, path: str) -> Ntag424Error:
    match error.errno:
        case errno.ENODEV | errno.ENOENT:
            return ReaderChoiceError(f"nfcpy finds no reader at {path!r}", candidates=())
        case errno.EACCES | errno.EPERM:
            return ReaderRefusedError(f"the reader at {path!r} is not for this user")
        case errno.EBUSY:
            return ReaderBusyError(f"the reader at {path!r} is in use")
        case _:
            text = f"the reader at {path!r} does not open: {error}"
            return TransportError(text, outcome_unknown=False)


def _missing(error: Exception) -> ReaderDriverMissingError:
    return ReaderDriverMissingError(f"this reader needs nfcpy and libusb ({error}): {INSTALL}")
