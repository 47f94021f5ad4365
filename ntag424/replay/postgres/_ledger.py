"""`TagLedger` over PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from psycopg.rows import TupleRow
from psycopg.types.numeric import Int4, Int8

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerWentBackError,
    StaleGenerationError,
    UnknownTagError,
)
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS, Examination
from ntag424.replay._ledger import (
    DEADLINE_SECONDS,
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
    position,
    require_nonce,
    require_read_counter,
    require_uid,
)
from ntag424.replay._witness import Witness
from ntag424.replay.postgres._connection import Arguments, Connection, Statement
from ntag424.replay.postgres._pool import Call, Pool
from ntag424.sdm import CountedTap

T = TypeVar("T")

# Sessions are looked up also while all the others wait for a standby.
_WRITERS, _READERS = 12, 4
# Nobody waits for an examination, but whoever closes the ledger.
_PATIENCE_SECONDS = 2.0

_REDEEM = b"""
SELECT verdict, expires, revision
FROM redeem(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_ENROL = b"SELECT enrol(%s, %s, %s, %s, %s)"
_SET_STATE = b"SELECT set_state(%s, %s, %s, %s)"
_REVOKE = b"SELECT revoke(%s, %s, %s, %s, %s, %s)"
_FIND = b"SELECT uid, generation, counter, state, enrolled, behind FROM find(%s, %s, %s)"
_FIND_GRANT = b"""
SELECT uid, generation, counter, expires_at, remaining_ms
FROM find_grant(%s, %s, %s, %s, %s, %s)
"""
_TOUCH = b"SELECT revision, clock_ms FROM touch(%s, %s)"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Now, as a clock shows it; without one the server asks its own, once it holds the tag."""

    #: In which the milliseconds count; empty for the server's own clock.
    era: str = ""
    uptime_ms: Int8 | None = None
    wall: Int8 | None = None
    #: What the server's own clock has passed unless it was set back.
    earliest_ms: Int8 | None = None

    @classmethod
    def of(cls, clock: Clock | None, witness: Witness) -> Timestamp:
        """Look at the clock, if there is one."""
        if clock is None:
            return cls(earliest_ms=Int8(witness.earliest_now()))
        return cls(clock.boot_id, Int8(clock.uptime_ms()), Int8(clock.wall()))

    @property
    def arguments(self) -> Arguments:
        """What functions take that show nobody the time."""
        return (self.era, self.uptime_ms, self.earliest_ms)


def arguments_of(
    tap: CountedTap,
    nonce: bytes | None,
    grant: Grant | None,
    policy: EnrolmentPolicy,
    moment: Timestamp,
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


class PostgresLedger:
    """A `TagLedger` for any number of machines. Connects when it is first asked."""

    def __init__(
        self,
        store_id: str,
        clock: Clock | None,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[int]],
        *,
        witness: Witness | None = None,
        every: float = EVERY_SECONDS,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        """Call `PostgresStore.open` instead."""
        self._store_id = store_id
        self._clock = clock
        self._witness = witness or Witness.in_memory()
        self._closed = False

        async def check(connection: Connection) -> None:
            self._witness.observe_time(await prepare(connection))

        self._writers = Pool(connect, check, size=_WRITERS, deadline=deadline)
        self._readers = Pool(connect, check, size=_READERS, deadline=deadline)
        # Every look is a new connection, for old ones keep the settings that they began with.
        self._examiners = Pool(connect, check, size=1, deadline=_PATIENCE_SECONDS, lifetime=0)
        self._examination = Examination(self._look, every=every)

    async def redeem(
        self,
        tap: CountedTap,
        *,
        nonce: bytes | None = None,
        grant: Grant | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Verdict:
        """See `TagLedger.redeem`."""
        require_nonce(nonce)

        async def call(connection: Connection) -> Verdict:
            """Decide there, and remember here what holds."""
            mark = mark_of(self._witness.mark(tap.uid))
            redemption = arguments_of(tap, nonce, grant, policy, self._now())
            ((*answer, revision),) = await self._ask(connection, _REDEEM, (*redemption, mark))
            verdict = verdict_of(tuple(answer))
            if revision is not None or isinstance(verdict, Accepted | Repeated):
                reached = position(tap.generation, tap.counter)
                self._observe(revision, {tap.uid: reached})
            return verdict

        return await self._run(self._writers, call, tap.uid)

    async def enrol(self, uid: Uid | None, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        uid = require_uid(uid)
        require_read_counter(counter)

        async def call(connection: Connection) -> bool:
            """Enrol there, and remember here what holds."""
            arguments = (uid, number_of(generation), Int4(counter))
            ((revision,),) = await self._ask(connection, _ENROL, arguments)
            if revision is not None:
                self._observe(revision, {uid: position(generation, counter)})
            return revision is not None

        if not await self._run(self._writers, call, uid):
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid | None, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        uid = require_uid(uid)
        if not await self._change(_SET_STATE, lambda: (uid, state.value), uid):
            raise UnknownTagError(f"there is no tag {uid}")

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        return await self._change(_REVOKE, lambda: (digest, *self._now().arguments))

    async def find(self, uid: Uid | None) -> TagRecord | None:
        """See `TagLedger.find`."""
        uid = require_uid(uid)
        rows = await self._read(_FIND, lambda: (uid,))
        return record_of(rows[0]) if rows else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        rows = await self._read(_FIND_GRANT, lambda: (digest, *self._now().arguments))
        return live_grant_of(rows[0]) if rows else None

    async def check(self) -> None:
        """See `TagLedger.check`."""
        await self._run(self._writers, self._touch)

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        self._closed = True
        await self._examination.aclose()
        pools = (self._writers, self._readers, self._examiners)
        await asyncio.gather(*(pool.aclose() for pool in pools))
        self._witness.close()

    async def _run(self, pool: Pool, call: Call[T], about: Uid | None = None) -> T:
        # What is read of the witness is read by the call: `aclose` waits for it.
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        self._examination.require()
        try:
            return await pool.run(call, about)
        except LedgerWentBackError as error:
            self._examination.report(error)
            raise
        except LedgerMismatchError as error:
            # It was the right one, perhaps; now nobody can be served.
            raise LedgerUnavailableError(str(error), hint=error.hint) from error

    async def _read(
        self, statement: Statement, arguments: Callable[[], Arguments]
    ) -> list[TupleRow]:
        async def call(connection: Connection) -> list[TupleRow]:
            return await self._ask(connection, statement, arguments())

        return await self._run(self._readers, call)

    async def _change(
        self,
        statement: Statement,
        arguments: Callable[[], Arguments],
        about: Uid | None = None,
    ) -> bool:
        """Return whether anything changed: then the answer is a revision."""

        async def call(connection: Connection) -> bool:
            ((revision,),) = await self._ask(connection, statement, arguments())
            self._observe(revision)
            return revision is not None

        return await self._run(self._writers, call, about)

    async def _look(self) -> None:
        """Examine what old connections do not show: see `Examination`."""
        try:
            await self._examiners.run(self._touch)
        except LedgerMismatchError as error:
            raise LedgerUnavailableError(str(error), hint=error.hint) from error

    async def _touch(self, connection: Connection) -> None:
        # A write that changes nothing: a standby that is missing shows only at a commit.
        ((revision, clock_ms),) = await self._ask(connection, _TOUCH, ())
        self._observe(revision)
        self._witness.observe_time(clock_ms)

    async def _ask(
        self, connection: Connection, statement: Statement, arguments: Arguments
    ) -> list[TupleRow]:
        """Ask, provided that the ledger is as far as we know it to be."""
        seen = Int8(self._witness.revision())
        return await connection.ask(statement, (self._store_id, seen, *arguments))

    def _observe(self, revision: int | None, reached: Mapping[Uid, bytes] | None = None) -> None:
        if revision is not None or reached:
            self._witness.observe({} if revision is None else {0: revision}, reached)

    def _now(self) -> Timestamp:
        return Timestamp.of(self._clock, self._witness)
