"""`TagLedger` over PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
    Repeated,
    TagRecord,
    TagState,
    Verdict,
    position,
    require_nonce,
    require_read_counter,
)
from ntag424.replay._witness import Witness
from ntag424.replay.postgres import _rows
from ntag424.replay.postgres._connection import Arguments, Connection, Statement
from ntag424.replay.postgres._pool import Call, Pool
from ntag424.replay.postgres._rows import Moment, number_of
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

        async def look_at(connection: Connection) -> None:
            self._witness.observe_time(await prepare(connection))

        self._writers = Pool(connect, look_at, size=_WRITERS, deadline=deadline)
        self._readers = Pool(connect, look_at, size=_READERS, deadline=deadline)
        # Every look is a new connection, for old ones keep the settings that they began with.
        self._lookouts = Pool(connect, look_at, size=1, deadline=_PATIENCE_SECONDS, lifetime=0)
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
            mark = _rows.mark_of(self._witness.mark(tap.uid))
            redemption = _rows.redemption(tap, nonce, grant, policy, self._now())
            ((*answer, revision),) = await self._ask(connection, _REDEEM, (*redemption, mark))
            verdict = _rows.verdict_of(tuple(answer))
            if revision is not None or isinstance(verdict, Accepted | Repeated):
                reached = position(tap.generation, tap.counter)
                self._observe(revision, {tap.uid: reached})
            return verdict

        return await self._run(self._writers, call, tap.uid)

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
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

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        if not await self._change(_SET_STATE, lambda: (uid, state.value), uid):
            raise UnknownTagError(f"there is no tag {uid}")

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        return await self._change(_REVOKE, lambda: (digest, *self._now().arguments))

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        rows = await self._read(_FIND, lambda: (uid,))
        return _rows.record_of(rows[0]) if rows else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        rows = await self._read(_FIND_GRANT, lambda: (digest, *self._now().arguments))
        return _rows.live_grant_of(rows[0]) if rows else None

    async def check(self) -> None:
        """See `TagLedger.check`."""
        await self._run(self._writers, self._touch)

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        self._closed = True
        await self._examination.aclose()
        pools = (self._writers, self._readers, self._lookouts)
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
            await self._lookouts.run(self._touch)
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

    def _now(self) -> Moment:
        return Moment.of(self._clock, self._witness)
