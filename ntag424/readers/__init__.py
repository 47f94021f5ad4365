"""Readers with a tag in their field, each a `Transport`.

`PcscReader` talks to whatever PC/SC knows, `NfcpyReader` to what nfcpy drives. Both
have the same methods, and both import their driver when they are first used.
"""

from ntag424.readers._link import Identify, TagLink
from ntag424.readers.nfcpy import NfcpyReader, nfcpy_readers
from ntag424.readers.pcsc import PcscReader, pcsc_readers

__all__ = [
    "Identify",
    "NfcpyReader",
    "PcscReader",
    "TagLink",
    "nfcpy_readers",
    "pcsc_readers",
]
