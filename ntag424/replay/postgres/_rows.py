"""What the library's values are in PostgreSQL's columns, and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from psycopg.rows import TupleRow
from psycopg.types.numeric import Int4, Int8

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
from ntag424.replay._ledger import (
    Accepted,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    Repeated,
    Replayed,
    TagRecord,
    TagState,
    Verdict,
)
from ntag424.replay._witness import Witness
from ntag424.replay.postgres._connection import Arguments
from ntag424.sdm import CountedTap


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as a clock shows it; without one the server asks its own, once it holds the tag."""

    #: In which the milliseconds count; empty for the server's own clock.
    era: str = ""
    uptime_ms: Int8 | None = None
    wall: Int8 | None = None
    #: What the server's own clock has passed unless it was set back.
    earliest_ms: Int8 | None = None

    @classmethod
    def of(cls, clock: Clock | None, witness: Witness) -> Moment:
        """Look at the clock, if there is one."""
        if clock is None:
            return cls(earliest_ms=Int8(witness.earliest_now()))
        return cls(clock.boot_id, Int8(clock.uptime_ms()), Int8(clock.wall()))

    @property
    def arguments(self) -> Arguments:
        """What functions take that show nobody the time."""
        return (self.era, self.uptime_ms, self.earliest_ms)


def redemption(
    tap: CountedTap,
    nonce: bytes | None,
    grant: Grant | None,
    policy: EnrolmentPolicy,
    moment: Moment,
) -> Arguments:
    """Return what the function `redeem` takes, between what was seen of the store and the tag."""
    return (
        tap.uid,
        number_of(tap.generation),
        Int4(tap.counter),
        policy is EnrolmentPolicy.OPEN,
        None if nonce is None else hashlib.sha256(nonce).digest(),
        None if grant is None else grant.digest,
        None if grant is None else Int4(grant.lifetime),
        moment.era,
        moment.uptime_ms,
        moment.wall,
        moment.earliest_ms,
    )


def verdict_of(row: TupleRow) -> Verdict:
    """Read verdict and expires, as the function `redeem` says them."""
    match row:
        case "accepted", expires_at:
            return Accepted(expires_at)
        case "repeated", expires_at:
            return Repeated(expires_at)
        case "replayed", _:
            return Replayed()
        case "refused", _:
            return Refused()
    raise LedgerUnavailableError("PostgreSQL answers in an unknown way")


def record_of(row: TupleRow) -> TagRecord:
    """Read uid, generation, counter, state, enrolled and behind."""
    uid, generation, counter, state, *flags = row
    return TagRecord(Uid(uid), _generation_of(generation), counter, TagState(state), *flags)


def live_grant_of(row: TupleRow) -> LiveGrant:
    """Read uid, generation, counter, expires_at and remaining_ms."""
    uid, generation, counter, expires_at, remaining_ms = row
    remaining = remaining_ms / 1000
    return LiveGrant(Uid(uid), _generation_of(generation), counter, expires_at, remaining)


def number_of(generation: Generation) -> Int4:
    """Return the number whose order is that of the generations."""
    return Int4(int.from_bytes(bytes(generation), "big"))


def mark_of(reached: bytes) -> Int8:
    """Return the number whose order is that of positions; that of none is 0."""
    return Int8(int.from_bytes(reached, "big"))


def _generation_of(number: int) -> Generation:
    return Generation.from_bytes(number.to_bytes(2, "big"))
