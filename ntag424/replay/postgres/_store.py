"""`LedgerStore` and `LedgerArchive` over PostgreSQL."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8

from ntag424.arguments import require_text
from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS
from ntag424.replay._ledger import DEADLINE_SECONDS, TagRecord
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.postgres import _schema
from ntag424.replay.postgres._connection import Arguments, Connection, Statement
from ntag424.replay.postgres._ledger import PostgresLedger, number_of, record_of
from ntag424.replay.postgres._pool import Pool
from ntag424.replay.postgres._schema import ServerChecks
from ntag424.replay.postgres._url import Address

#: Records that are read at once, and tags that are changed at once.
_PAGE, _LONG_PAGE = 1000, 10_000
# Nobody holds a phone meanwhile.
_DEADLINE_SECONDS = 30.0

_PHASE = b"SELECT phase_of(%s)"
_ENTER = b"SELECT enter(%s, %s)"
_FORGET_NONCES = b"SELECT forget_nonces(%s, %s, %s)"
_REVISION = b"SELECT revision_of(%s)"
_START_TIMELINE = b"SELECT start_timeline(%s, %s)"
_MARK_BEHIND = b"SELECT mark_behind(%s, %s, %s)"
_IS_INCOMPLETE = b"SELECT is_incomplete(%s)"
_MARK_INCOMPLETE = b"SELECT mark_incomplete(%s)"
_COUNT = b"SELECT count_tags(%s)"
_PAGE_OF_TAGS = b"""
SELECT uid, generation, counter, state, enrolled, behind FROM page_of_tags(%s, %s, %s)
"""
_MERGE = b"""
SELECT merge(%s, %s::bytea[], %s::integer[], %s::integer[], %s::text[], %s::boolean[],
    %s::boolean[])
"""


class PostgresArchive:
    """A `LedgerArchive` over one schema, also while services have it open."""

    def __init__(
        self,
        store_id: str,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[object]],
    ) -> None:
        """Call `PostgresStore.archive` instead."""
        self._store_id = store_id
        self._pool = Pool(connect, prepare, size=1, deadline=_DEADLINE_SECONDS)

    async def phase(self) -> Phase:
        """See `LedgerArchive.phase`."""
        rows = await self._ask(_PHASE, ())
        if not rows:
            raise LedgerUnavailableError("the ledger is not the one any more that it was")
        return Phase(rows[0][0])

    async def enter(self, phase: Phase) -> None:
        """See `LedgerArchive.enter`."""
        await self._ask(_ENTER, (phase.value,))
        if phase in {Phase.FILLING, Phase.RECOVERING}:
            # Nobody stores new ones any more.
            await self._go_through_tags(_FORGET_NONCES)

    async def revisions(self) -> Mapping[int, int]:
        """See `LedgerArchive.revisions`."""
        ((revision,),) = await self._ask(_REVISION, ())
        return {0: int(revision)}

    async def start_timeline(self, timeline: int) -> None:
        """See `LedgerArchive.start_timeline`."""
        await self._ask(_START_TIMELINE, (Int8(timeline),))

    async def is_incomplete(self) -> bool:
        """See `LedgerArchive.is_incomplete`."""
        ((is_incomplete,),) = await self._ask(_IS_INCOMPLETE, ())
        return bool(is_incomplete)

    async def mark_incomplete(self) -> None:
        """See `LedgerArchive.mark_incomplete`."""
        await self._ask(_MARK_INCOMPLETE, ())

    async def mark_behind(self) -> None:
        """See `LedgerArchive.mark_behind`."""
        await self._go_through_tags(_MARK_BEHIND)

    async def count(self) -> int:
        """See `LedgerArchive.count`."""
        ((count,),) = await self._ask(_COUNT, ())
        return int(count)

    async def records(self) -> AsyncIterator[Sequence[TagRecord]]:
        """See `LedgerArchive.records`."""
        last = b""
        while rows := await self._ask(_PAGE_OF_TAGS, (last, _PAGE)):
            yield [record_of(row) for row in rows]
            last = rows[-1][0]

    async def merge(self, records: Sequence[TagRecord]) -> None:
        """See `LedgerArchive.merge`."""
        columns = (
            [bytes(record.uid) for record in records],
            [number_of(record.generation) for record in records],
            [record.counter for record in records],
            [record.state.value for record in records],
            [record.enrolled for record in records],
            [record.behind for record in records],
        )
        await self._ask(_MERGE, columns)

    async def aclose(self) -> None:
        """See `LedgerArchive.aclose`."""
        await self._pool.aclose()

    async def _go_through_tags(self, statement: Statement) -> None:
        """Change all tags, some at a time: all at once would take longer than the deadline."""
        last: bytes | None = b""
        while last is not None:
            ((last,),) = await self._ask(statement, (last, _LONG_PAGE))

    async def _ask(self, statement: Statement, arguments: Arguments) -> list[TupleRow]:
        try:
            return await self._pool.run(
                lambda connection: connection.ask(statement, (self._store_id, *arguments))
            )
        except LedgerMismatchError as error:
            raise LedgerUnavailableError(str(error), hint=error.hint) from error


# Nobody holds a phone while a schema is made or a ledger is moved.
_PATIENCE_SECONDS = 30.0


class PostgresStore:
    """A place for one ledger, on any number of machines."""

    def __init__(self, address: Address, *, every: float = EVERY_SECONDS) -> None:
        """Call `at` instead. An open ledger is examined *every* so many seconds."""
        self._address = address
        self._every = every
        self._checks = ServerChecks(address.schema)

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the place that *url* names; nothing is looked at yet.

        `postgresql://[user@]host[:port][,host...]/database` with libpq's parameters and
        `schema`, by default `ntag424`.

        Raises:
            StoreUrlError: it is malformed or unsafe.

        """
        require_text("url", url, instead='its URL, as "postgresql://host/database"')
        return cls(Address.of(url))

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """See `LedgerStore.init`."""
        store_id = secrets.token_hex(16) if store_id is None else store_id
        if not re.fullmatch("[0-9a-f]{32}", store_id):
            raise ValueError("the id of a store has 32 hex digits")
        async with self._visit() as connection:
            await _schema.init(connection, self._checks, store_id, phase)
        return store_id

    async def migrate(self) -> int:
        """See `LedgerStore.migrate`."""
        async with self._visit() as connection:
            return await _schema.migrate(connection, self._checks)

    def open(
        self,
        store_id: str,
        *,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> PostgresLedger:
        """See `LedgerStore.open`; the server is asked when the ledger first is."""

        async def prepare(connection: Connection) -> int:
            """Pass all checks, and return what the server's clock shows."""
            now = await self._prepare(connection, store_id)
            await self._checks.check_serving(connection, store_id)
            return now

        return PostgresLedger(
            store_id,
            clock,
            self._connect,
            prepare,
            witness=witness,
            every=self._every,
            deadline=deadline,
        )

    async def archive(self, store_id: str) -> PostgresArchive:
        """See `LedgerStore.archive`."""
        prepare = partial(self._prepare, store_id=store_id)
        async with self._visit() as connection:
            await prepare(connection)
        return PostgresArchive(store_id, self._connect_patiently, prepare)

    async def _prepare(self, connection: Connection, store_id: str) -> int:
        now = await self._checks.check_server(connection)
        await self._checks.check_store(connection, store_id)
        return now

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[Connection]:
        connection = await self._connect_patiently()
        try:
            yield connection
        finally:
            await connection.aclose()

    async def _connect(self) -> Connection:
        return await Connection.open(self._address.conninfos)

    async def _connect_patiently(self) -> Connection:
        return await Connection.open(self._address.conninfos, patience=_PATIENCE_SECONDS)
