"""Readers that programs open over USB themselves, instead of asking pcscd."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsbReader:
    """One USB id that nfcpy has a driver for."""

    vendor: int
    product: int
    #: nfcpy's name of the chip, which is also the name of its driver.
    chip: str
    #: What is printed on it.
    models: str
    #: The Linux module that claims it first, where there is one.
    kernel_driver: str | None = None

    @property
    def usb_id(self) -> str:
        """Vendor and product as `lsusb` prints them."""
        return f"{self.vendor:04x}:{self.product:04x}"


#: Every USB id of nfcpy 1.0 (nfc.clf.device), and what Linux does with it.
USB_READERS = (
    UsbReader(0x04CC, 0x0531, "pn531", "SCM SCL3710"),
    UsbReader(0x04CC, 0x2533, "pn533", "NXP PN533 board, Identive StickID", "pn533_usb"),
    UsbReader(0x04E6, 0x5591, "pn533", "SCM SCL3711", "pn533_usb"),
    UsbReader(0x04E6, 0x5593, "pn533", "SCM SCL3712"),
    UsbReader(0x054C, 0x0193, "pn531", "Sony PN531 reader"),
    UsbReader(0x054C, 0x02E1, "rcs956", "Sony RC-S330, RC-S360, RC-S370", "pn533_usb"),
    UsbReader(0x054C, 0x06C1, "rcs380", "Sony RC-S380/S", "port100"),
    UsbReader(0x054C, 0x06C3, "rcs380", "Sony RC-S380/P", "port100"),
    UsbReader(0x072F, 0x2200, "acr122", "ACS ACR122U", "pn533_usb"),
)
