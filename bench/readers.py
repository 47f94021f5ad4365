"""What one command costs on each way to a simulated tag, beside the tag itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median
from time import perf_counter

from bench.report import Line
from ntag424.commands import GetKeyVersion
from ntag424.readers import NfcpyReader, PcscReader, TagLink
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from ntag424.testing.doors import IsoDepPicc, UdpTag, VirtualCard
from tests.readers.private_pcscd import READERS, PrivatePcscd

_ROUNDS, _TIMES = 20, 50
_MOST = 1e-3
_UID = bytes.fromhex("04DE5F1EACC040")
_PATIENT = 11


def lines() -> Iterator[Line]:
    """Measure both stacks against the direct call, in the same rounds."""
    for name, stack in (("pcscd and pyscard", _over_pcsc), ("nfcpy over UDP", _over_nfcpy)):
        direct, through = stack()
        yield Line(
            f"one command, {name}: {through * 1e6:.0f} us, the tag itself {direct * 1e6:.0f} us",
            f"{through * 1e3:.2f} ms",
            f"< {_MOST * 1e3:.0f} ms",
            through < _MOST,
        )


def _over_pcsc() -> tuple[float, float]:
    daemon = PrivatePcscd()
    os.environ["PCSCLITE_CSOCK_NAME"] = daemon.path
    try:
        with (
            VirtualCard(SimulatedTag.blank(_UID), daemon.port),
            PcscReader.open(READERS[0]) as reader,
        ):
            return _medians(reader)
    finally:
        daemon.stop()


def _over_nfcpy() -> tuple[float, float]:
    picc = IsoDepPicc(SimulatedTag.blank(_UID), fwi=_PATIENT)
    with UdpTag(picc) as air, NfcpyReader.open(air.path) as reader:
        return _medians(reader)


def _medians(reader: TagLink) -> tuple[float, float]:
    reader.wait_for_tag(5)
    through, direct = Session(reader), Session(SimulatedTag.blank(_UID))
    rounds = [(_seconds(direct), _seconds(through)) for _ in range(_ROUNDS)]
    return median(row[0] for row in rounds), median(row[1] for row in rounds)


def _seconds(session: Session) -> float:
    session.select()
    start = perf_counter()
    for _ in range(_TIMES):
        session.send(GetKeyVersion(1))
    return (perf_counter() - start) / _TIMES
