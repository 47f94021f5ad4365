"""Readers that nfcpy drives itself, without pcscd: over USB, a serial line, or UDP."""

from __future__ import annotations

import time
from typing import Self

from ntag424.arguments import require_text
from ntag424.errors import NoTagError, TransportError
from ntag424.readers._choice import choose
from ntag424.readers._link import Identify, TagLink
from ntag424.readers._nfc import Frontend, Nfc, Tag, load_nfc, open_frontend, usb_readers
from ntag424.transport import Transport

_ANY_USB = "usb"
#: SAK: the tag speaks ISO/IEC 14443-4.
_ISO_DEP = 0x20
#: Pause in seconds between two looks into the field: nothing tells when a tag comes.
_PAUSE = 0.1


def nfcpy_readers() -> list[str]:
    """Give the paths, `usb:BBB:DDD`, of the USB readers that nfcpy has a driver for.

    Raises:
        ReaderDriverMissingError: nfcpy or libusb is not installed.

    """
    return usb_readers(load_nfc())


class NfcpyReader(TagLink):
    """A reader that nfcpy drives; it belongs to this program until it is closed."""

    @classmethod
    def open(cls, path: str, *, identify: Identify | None = None) -> Self:
        """Open the reader at *path*, in nfcpy's notation.

        `usb` is the only reader on USB, `usb:001:023` that of a bus and device number,
        `tty:USB0:pn532` a serial one, `udp:127.0.0.1:54321` one made of software. No
        tag needs to be there; `wait_for_tag` connects to it. For *identify* see
        `PcscReader.open`.

        Raises:
            ReaderDriverMissingError: nfcpy or libusb is not installed.
            ReaderChoiceError: no reader is there, or *path* fits more than one.
            ReaderBusyError: another program, or the kernel, has claimed it.
            ReaderRefusedError: this user may not open the device.
            TransportError: the reader does not answer as it should.

        """
        require_text("path", path, instead='nfcpy\'s notation as text, as "usb"')
        nfc = load_nfc()
        whole = choose(path, usb_readers(nfc)) if path == _ANY_USB else path
        return cls(nfc, open_frontend(nfc, whole), whole, identify)

    def __init__(self, nfc: Nfc, frontend: Frontend, name: str, identify: Identify | None) -> None:
        super().__init__(identify)
        #: The path of the reader.
        self.name = name
        self._nfc = nfc
        self._frontend = frontend
        self._tag: Tag | None = None
        self._told_uid: bytes | None = None

    def __repr__(self) -> str:
        return f"NfcpyReader({self.name!r})"

    def _connect(self) -> None:
        self._disconnect()
        try:
            self._activate()
        except self._nfc.mishaps as error:
            text = f"the tag was lost while it was activated: {error}"
            raise TransportError(text, outcome_unknown=False) from error

    def _activate(self) -> None:
        nfc = self._nfc
        # Switches the field off first, so the tag forgets its session.
        target = self._frontend.sense(nfc.clf.RemoteTarget("106A"))
        if target is None:
            raise NoTagError("there is no tag in the field")
        if not target.sel_res[0] & _ISO_DEP:
            raise NoTagError("what is in the field is not a Type 4 tag")
        tag = nfc.tag.activate(self._frontend, target)
        if tag is None:
            raise NoTagError("the tag in the field does not answer")
        self._tag, self._told_uid = tag, bytes(target.sdd_res)

    def _disconnect(self) -> None:
        self._tag = None

    def _give_back(self) -> None:
        self._frontend.close()

    def _exchange(self, octets: bytes) -> bytes:
        if self._tag is None:
            raise TransportError("there is no tag", outcome_unknown=False)
        try:
            return bytes(self._tag.transceive(octets))
        except self._nfc.mishaps as error:
            # nfcpy repeats frames by itself; which of them the tag saw, nobody knows.
            text = f"nfcpy lost the tag: {type(error).__name__} {error}".rstrip()
            raise TransportError(text, outcome_unknown=True) from error

    def _uid(self, reader: Transport) -> bytes | None:  # noqa: ARG002 - the anticollision told it
        return self._told_uid

    def _await_change(self, seconds: float) -> None:
        time.sleep(min(seconds, _PAUSE))
