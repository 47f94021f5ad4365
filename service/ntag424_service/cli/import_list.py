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


async def import_list(ledger: TagLedger, tags: EnrolmentList) -> ImportReport:
    """Enrol the tags, and report.

    Raises:
        LedgerUnavailableError: some may be enrolled; import the list again.

    """
    verdicts: list[tuple[Enrolment, EnrolmentVerdict]] = []
    for start in range(0, len(tags.tags), _AT_ONCE):
        batch = tags.tags[start : start + _AT_ONCE]
        done = await asyncio.gather(*(enrol_once(ledger, tag) for tag in batch))
        verdicts += zip(batch, done, strict=True)
    stale = tuple(
        verdict.record
        for tag, verdict in verdicts
        if isinstance(verdict, Stale) and not _was_tapped_since(tag, verdict.record)
    )
    enrolled = sum(isinstance(verdict, Enrolled) for _, verdict in verdicts)
    return ImportReport(enrolled, len(verdicts) - enrolled - len(stale), stale)


def _was_tapped_since(tag: Enrolment, record: TagRecord) -> bool:
    same = record.generation == tag.generation and record.state is not TagState.ERASED
    return same and record.counter >= tag.counter
