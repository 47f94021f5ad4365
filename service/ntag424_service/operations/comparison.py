"""Whether one ledger has all that another one has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ntag424.model import Uid
from ntag424.replay import LedgerArchive, TagRecord, TagState

#: Whether the second record may stand for the first.
Test: TypeAlias = Callable[[TagRecord, TagRecord], bool]

#: Records held in memory at once. Every kind of store has an order of its own, so two of
#: them cannot be compared page by page; with more tags both are gone through more often.
_AT_ONCE = 250_000
_STRICTNESS = {TagState.ACTIVE: 0, TagState.SUSPENDED: 1, TagState.ERASED: 2}


async def count_missing(one: LedgerArchive, other: LedgerArchive, test: Test) -> int:
    """Count the records of *one* for which *other* has none that passes the test."""
    shares = 1 + await one.count() // _AT_ONCE
    return sum([await _missing(one, other, test, (share, shares)) for share in range(shares)])


async def _missing(
    one: LedgerArchive, other: LedgerArchive, test: Test, share: tuple[int, int]
) -> int:
    wanted: dict[Uid, TagRecord] = {}
    async for records in one.records():
        wanted |= {record.uid: record for record in records if _is_in(share, record.uid)}
    async for records in other.records():
        for record in records:
            if record.uid in wanted and test(wanted[record.uid], record):
                del wanted[record.uid]
    return len(wanted)


def is_no_older(one: TagRecord, other: TagRecord) -> bool:
    """Whether all taps that are used up by *one* are used up by *other* too."""
    return (one.generation, one.counter) <= (other.generation, other.counter)


def covers(one: TagRecord, other: TagRecord) -> bool:
    """Whether *other* is what merging *one* into it left: see `LedgerArchive.merge`."""
    if not is_no_older(one, other):
        return False
    if one.generation < other.generation:
        return True
    as_strict = _STRICTNESS[one.state] <= _STRICTNESS[other.state]
    return as_strict and one.enrolled <= other.enrolled


def _is_in(share: tuple[int, int], uid: Uid) -> bool:
    number, shares = share
    # Of the last bytes, which count up; the first names the maker.
    return int.from_bytes(uid[-4:], "big") % shares == number
