"""`TagLedger` over PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from psycopg.rows import TupleRow
from psycopg.types.numeric import Int4

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    StaleGenerationError,
    UnknownTagError,
)
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
from ntag424.replay._ledger import (
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    TagRecord,
    TagState,
    Verdict,
    require_nonce,
    require_read_counter,
)
from ntag424.replay.postgres import _rows
from ntag424.replay.postgres._connection import Arguments, Connection, Statement
from ntag424.replay.postgres._pool import Pool
from ntag424.replay.postgres._rows import Moment, number_of
from ntag424.sdm import CountedTap

# Every caller's own caller has its answer within a second.
_DEADLINE_SECONDS = 0.8
# Sessions are looked up also while all the others wait for a standby.
_WRITERS, _READERS = 12, 4

_REDEEM = b"SELECT verdict, expires FROM redeem(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_ENROL = b"SELECT enrol(%s, %s, %s, %s)"
_SET_STATE = b"SELECT set_state(%s, %s, %s)"
_REVOKE = b"SELECT revoke(%s, %s, %s, %s)"
_FIND = b"SELECT uid, generation, counter, state, enrolled FROM find(%s, %s)"
_FIND_GRANT = b"""
SELECT uid, generation, counter, expires_at, remaining_ms FROM find_grant(%s, %s, %s, %s)
"""
_TOUCH = b"SELECT touch(%s)"


class PostgresLedger:
    """A `TagLedger` for any number of machines. Connects when it is first asked."""

    def __init__(
        self,
        store_id: str,
        clock: Clock | None,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[None]],
    ) -> None:
        """Call `PostgresStore.open` instead."""
        self._store_id = store_id
        self._clock = clock
        self._writers = Pool(connect, prepare, size=_WRITERS, deadline=_DEADLINE_SECONDS)
        self._readers = Pool(connect, prepare, size=_READERS, deadline=_DEADLINE_SECONDS)

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
        redemption = _rows.redemption(tap, nonce, grant, policy, self._now())
        (row,) = await self._ask(self._writers, _REDEEM, redemption, tap.uid)
        return _rows.verdict_of(row)

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        require_read_counter(counter)
        arguments = (uid, number_of(generation), Int4(counter))
        ((enrolled,),) = await self._ask(self._writers, _ENROL, arguments, uid)
        if not enrolled:
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        ((known,),) = await self._ask(self._writers, _SET_STATE, (uid, state.value), uid)
        if not known:
            raise UnknownTagError(f"there is no tag {uid}")

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        now = self._now()
        arguments = (digest, now.era, now.uptime_ms)
        ((was_live,),) = await self._ask(self._writers, _REVOKE, arguments)
        return bool(was_live)

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        rows = await self._ask(self._readers, _FIND, (uid,))
        return _rows.record_of(rows[0]) if rows else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        now = self._now()
        arguments = (digest, now.era, now.uptime_ms)
        rows = await self._ask(self._readers, _FIND_GRANT, arguments)
        return _rows.live_grant_of(rows[0]) if rows else None

    async def check(self) -> None:
        """See `TagLedger.check`."""
        # A write that changes nothing: a standby that is missing shows only at a commit.
        await self._ask(self._writers, _TOUCH, ())

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await asyncio.gather(self._writers.aclose(), self._readers.aclose())

    async def _ask(
        self,
        pool: Pool,
        statement: Statement,
        arguments: Arguments,
        about: Uid | None = None,
    ) -> list[TupleRow]:
        arguments = (self._store_id, *arguments)
        try:
            return await pool.run(lambda connection: connection.ask(statement, arguments), about)
        except LedgerMismatchError as error:
            # It was the right one, perhaps; now nobody can be served.
            raise LedgerUnavailableError(str(error), hint=error.hint) from error

    def _now(self) -> Moment:
        return Moment.of(self._clock)
