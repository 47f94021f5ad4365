"""Readers on USB as Linux shows them, whether or not anybody may use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ntag424_provisioning.usb_readers import USB_READERS, UsbReader

USB_DEVICES = Path("/sys/bus/usb/devices")

_BY_ID = {reader.usb_id: reader for reader in USB_READERS}
#: Class of an interface that speaks CCID, for which pcscd has a driver.
_CCID = "0b"
#: The one reader that both PC/SC and nfcpy drive; nfcpy itself advises against it there.
_CCID_CHIP, _CCID_NAME = "acr122", "ACR122"


@dataclass(frozen=True, slots=True)
class AttachedReader:
    """One reader that nfcpy has a driver for."""

    reader: UsbReader
    bus: int
    device: int
    #: What claims its interfaces: modules of the kernel, or usbfs for a program.
    drivers: tuple[str, ...]

    @property
    def path(self) -> str:
        """What nfcpy calls it."""
        return f"usb:{self.bus:03}:{self.device:03}"

    def is_among(self, names: Iterable[str]) -> bool:
        """Say whether PC/SC, which has readers of these *names*, drives it too."""
        return self.reader.chip == _CCID_CHIP and any(_CCID_NAME in name for name in names)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.reader.models} ({self.reader.usb_id})"


def attached_readers(usb_devices: Path = USB_DEVICES) -> list[AttachedReader]:
    """Find the readers of `USB_READERS` in the folder that has a folder for each device."""
    found = (_attached(folder) for folder in sorted(usb_devices.glob("*")))
    return [each for each in found if each is not None]


def ccid_readers(usb_devices: Path = USB_DEVICES) -> list[str]:
    """Name the readers that pcscd should know."""
    classes = usb_devices.glob("*/*:*/bInterfaceClass")
    folders = {path.parent.parent for path in classes if _text(path) == _CCID}
    return [_text(folder / "product") or folder.name for folder in sorted(folders)]


def _attached(folder: Path) -> AttachedReader | None:
    reader = _BY_ID.get(f"{_text(folder / 'idVendor')}:{_text(folder / 'idProduct')}")
    bus, device = _text(folder / "busnum"), _text(folder / "devnum")
    if reader is None or not bus.isdecimal() or not device.isdecimal():
        return None
    drivers = sorted({link.resolve().name for link in folder.glob("*:*/driver")})
    return AttachedReader(reader, int(bus), int(device), tuple(drivers))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        # Not every device has every file, and one may be unplugged at any moment.
        return ""
