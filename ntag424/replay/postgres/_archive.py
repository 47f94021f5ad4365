"""`LedgerArchive` over PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from psycopg.rows import TupleRow

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.replay._ledger import TagRecord
from ntag424.replay._store import Phase
from ntag424.replay.postgres._connection import Arguments, Connection, Statement
from ntag424.replay.postgres._pool import Pool
from ntag424.replay.postgres._rows import number_of, record_of

_PAGE = 1000
# Nobody holds a phone meanwhile.
_DEADLINE_SECONDS = 30.0

_PHASE = b"SELECT phase FROM store WHERE id = %s"
_ENTER = b"SELECT enter(%s, %s)"
_COUNT = b"SELECT count_tags(%s)"
_PAGE_OF_TAGS = b"""
SELECT uid, generation, counter, state, enrolled FROM page_of_tags(%s, %s, %s)
"""
_MERGE = b"SELECT merge(%s, %s::bytea[], %s::integer[], %s::integer[], %s::text[], %s::boolean[])"


class PostgresArchive:
    """A `LedgerArchive` over one schema, also while services have it open."""

    def __init__(
        self,
        store_id: str,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[None]],
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
        )
        await self._ask(_MERGE, columns)

    async def aclose(self) -> None:
        """See `LedgerArchive.aclose`."""
        await self._pool.aclose()

    async def _ask(self, statement: Statement, arguments: Arguments) -> list[TupleRow]:
        try:
            return await self._pool.run(
                lambda connection: connection.ask(statement, (self._store_id, *arguments))
            )
        except LedgerMismatchError as error:
            raise LedgerUnavailableError(str(error), hint=error.hint) from error
