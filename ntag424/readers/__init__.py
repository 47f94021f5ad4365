"""Readers with a tag in their field, each a `Transport`.

`PcscReader` talks to whatever PC/SC knows, `NfcpyReader` to what nfcpy drives. Both
have the same methods, and both import their driver when they are first used; the
commands that install it are in `INSTALL_PCSC` and `INSTALL_NFCPY`.
"""

from ntag424.readers._link import Identify, TagLink
from ntag424.readers._nfc import INSTALL as INSTALL_NFCPY
from ntag424.readers._scard import INSTALL as INSTALL_PCSC
from ntag424.readers.nfcpy import NfcpyReader, nfcpy_readers
from ntag424.readers.pcsc import PcscReader, pcsc_readers

__all__ = [
    "INSTALL_NFCPY",
    "INSTALL_PCSC",
    "Identify",
    "NfcpyReader",
    "PcscReader",
    "TagLink",
    "nfcpy_readers",
    "pcsc_readers",
]
