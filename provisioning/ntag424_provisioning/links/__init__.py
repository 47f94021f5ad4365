"""Ways to a tag: `pcsc:NAME`, `usb`, `udp:HOST:PORT`, `sim:NAME`."""

from ntag424_provisioning.links._candidates import candidates
from ntag424_provisioning.links._link import Link
from ntag424_provisioning.links._names import (
    NfcpyName,
    PcscName,
    ReaderName,
    SimulatedName,
    as_option,
    parse_reader,
)
from ntag424_provisioning.links._open import open_link
from ntag424_provisioning.links._usb_bus import (
    USB_DEVICES,
    AttachedReader,
    attached_readers,
    ccid_readers,
)

__all__ = [
    "USB_DEVICES",
    "AttachedReader",
    "Link",
    "NfcpyName",
    "PcscName",
    "ReaderName",
    "SimulatedName",
    "as_option",
    "attached_readers",
    "candidates",
    "ccid_readers",
    "open_link",
    "parse_reader",
]
