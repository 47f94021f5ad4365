"""From the name of a reader to the reader."""

from __future__ import annotations

from itertools import repeat

from ntag424.readers import Identify, NfcpyReader, PcscReader
from ntag424_provisioning import sim
from ntag424_provisioning.links._link import Link
from ntag424_provisioning.links._names import NfcpyName, PcscName, ReaderName, SimulatedName
from ntag424_provisioning.links._quiet import silence_nfcpy


def open_link(reader: ReaderName, *, identify: Identify | None = None) -> Link:
    """Open *reader*; no tag needs to be there. For *identify* see `PcscReader.open`.

    A pattern of simulated tags is a tray of them: each `release_tag` makes room for the
    next, and `wait_for_tag` finds none after the last.

    Raises:
        ReaderError: it is not there, or cannot be used.
        TransportError: it does not answer as it should.

    """
    match reader:
        case PcscName(name):
            return PcscReader.open(name, identify=identify)
        case NfcpyName(path):
            silence_nfcpy()
            return NfcpyReader.open(path, identify=identify)
        case SimulatedName(pattern):
            return _simulated(pattern, identify)


def _simulated(pattern: str, identify: Identify | None) -> Link:
    shelf = sim.Shelf()
    names = shelf.names(pattern)
    if not names:
        raise sim.unknown(pattern)
    # A single tag stays on its reader when it is released, as a physical one does.
    return sim.SimLink(shelf, repeat(pattern) if names == [pattern] else names, identify)
