"""The readers that are connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ntag424.errors import ReaderError, TransportError
from ntag424.readers import nfcpy_readers, pcsc_readers
from ntag424_provisioning.links._names import NfcpyName, PcscName, ReaderName
from ntag424_provisioning.links._quiet import silence_nfcpy
from ntag424_provisioning.links._usb_bus import AttachedReader, attached_readers


def candidates() -> list[ReaderName]:
    """Name every reader that PC/SC knows or nfcpy could open, with or without a tag.

    A driver or service that is missing has no readers; `ntag424 doctor` says why.
    """
    silence_nfcpy()
    names = _named(pcsc_readers)
    paths = without_known(_named(nfcpy_readers), names, attached_readers())
    return [*map(PcscName, names), *map(NfcpyName, paths)]


def without_known(
    paths: Sequence[str], names: Sequence[str], attached: Sequence[AttachedReader]
) -> list[str]:
    """Leave out of nfcpy's *paths* the *attached* reader that is among PC/SC's *names*."""
    known = {each.path for each in attached if each.is_among(names)}
    return [path for path in paths if path not in known]


def _named(ask: Callable[[], list[str]]) -> list[str]:
    try:
        return ask()
    except (ReaderError, TransportError):
        return []
