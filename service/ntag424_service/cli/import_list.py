"""`import`: every tag of a signed list goes into the ledger; doing it again does no harm."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ntag424.replay import (
    Enrolled,
    Enrolment,
    EnrolmentList,
    EnrolmentVerdict,
    Stale,
    TagLedger,
    TagRecord,
    TagState,
    enrol_once,
)
from ntag424_service.errors import NotServedError
from ntag424_service.tags.served import Served

# As many as the ledger commits together without making anybody wait for long.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the tags of a list."""

    enrolled: int
    #: Known in this generation before; some may be tapped since.
    already: int
    #: Left as they are: the ledger knows a higher generation, or a lower counter.
    stale: tuple[TagRecord, ...]
    #: Left out: none of their taps could be accepted.
    not_served: tuple[NotServedError, ...] = ()


async def import_list(
    ledger: TagLedger, tags: EnrolmentList, served: Served | None
) -> ImportReport:
    """Enrol the tags whose taps can be accepted, and report; all of them if nobody knows.

    Raises:
        LedgerUnavailableError: some may be enrolled; import the list again.

    """
    refusals = {tag.uid: refusal for tag in tags.tags if (refusal := _refusal(tag, served))}
    wanted = [tag for tag in tags.tags if tag.uid not in refusals]
    verdicts: list[tuple[Enrolment, EnrolmentVerdict]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        batch = wanted[start : start + _AT_ONCE]
        done = await asyncio.gather(*(enrol_once(ledger, tag) for tag in batch))
        verdicts += zip(batch, done, strict=True)
    stale = tuple(
        verdict.record
        for tag, verdict in verdicts
        if isinstance(verdict, Stale) and not _was_tapped_since(tag, verdict.record)
    )
    enrolled = sum(isinstance(verdict, Enrolled) for _, verdict in verdicts)
    already = len(verdicts) - enrolled - len(stale)
    return ImportReport(enrolled, already, stale, tuple(refusals.values()))


def _refusal(tag: Enrolment, served: Served | None) -> NotServedError | None:
    try:
        if served is not None:
            served.require(tag)
    except NotServedError as refusal:
        return refusal
    return None


def _was_tapped_since(tag: Enrolment, record: TagRecord) -> bool:
    same = record.generation == tag.generation and record.state is not TagState.ERASED
    return same and record.counter >= tag.counter
