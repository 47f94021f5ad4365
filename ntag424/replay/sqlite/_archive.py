"""`LedgerArchive` over one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.replay._ledger import TagRecord
from ntag424.replay._store import Phase
from ntag424.replay._witness import CHANGES_PER_TIMELINE
from ntag424.replay.sqlite import _opening
from ntag424.replay.sqlite._operations import number_of, record_of
from ntag424.replay.sqlite._same_files import SameFiles
from ntag424.replay.sqlite._schema import FILE_ERRORS
from ntag424.replay.sqlite._transactions import Operation, T

_PAGE = 1000
# Nobody holds a phone meanwhile; a busy service lets go of the lock now and then.
_BUSY_MS = 10_000

_RECORDS = """
    SELECT uid, generation, counter, state, enrolled, behind FROM tag
    WHERE uid > ? ORDER BY uid LIMIT ?
"""
_MERGE = """
    INSERT INTO tag (uid, generation, counter, state, enrolled, behind)
    VALUES (:uid, :generation, :counter, :state, :enrolled, :behind)
    ON CONFLICT (uid) DO UPDATE SET
        generation = excluded.generation,
        counter = iif(generation = excluded.generation,
                      max(counter, excluded.counter), excluded.counter),
        state = CASE WHEN generation < excluded.generation THEN excluded.state
                     WHEN 'erased' IN (state, excluded.state) THEN 'erased'
                     WHEN 'suspended' IN (state, excluded.state) THEN 'suspended'
                     ELSE 'active' END,
        enrolled = iif(generation = excluded.generation,
                       max(enrolled, excluded.enrolled), excluded.enrolled),
        behind = iif(generation = excluded.generation,
                     max(behind, excluded.behind), excluded.behind),
        nonce_digest = NULL, nonce_boot = NULL, nonce_ms = NULL
    WHERE generation <= excluded.generation
"""
_FORGET_NONCES = """
    UPDATE tag SET nonce_digest = NULL, nonce_boot = NULL, nonce_ms = NULL
    WHERE nonce_digest IS NOT NULL
"""
# As `TagLedger.set_state` does: they must not come back with the tag.
_END_SESSIONS = """
    DELETE FROM session WHERE uid = :uid
        AND EXISTS (SELECT 1 FROM tag WHERE tag.uid = session.uid AND state <> 'active')
"""


class SqliteArchive:
    """A `LedgerArchive` over one file, also while services have it open."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        """Take over a connection that was checked; call `open` instead."""
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._db = db
        self._files = SameFiles(path)
        self._turn = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, store_id: str) -> Self:
        """Open the ledger called *store_id* at *path*, whatever its phase.

        Raises:
            LedgerMismatchError: the file is missing, foreign, older or newer.
            LedgerUnavailableError: it is damaged or cannot be used.

        """
        with _opening.taking_over(path, store_id) as db:
            return cls(path, db)

    async def phase(self) -> Phase:
        """See `LedgerArchive.phase`."""
        phase, _ = await self._run(_opening.state_of)
        return phase

    async def enter(self, phase: Phase) -> None:
        """See `LedgerArchive.enter`."""

        def enter(db: sqlite3.Connection) -> None:
            """Forget sessions from before a seal: they may have been ended elsewhere."""
            db.execute("UPDATE store SET phase = ?", (phase.value,))
            if phase in {Phase.FILLING, Phase.RECOVERING}:
                db.execute("DELETE FROM session")
                db.execute(_FORGET_NONCES)

        await self._run(enter)

    async def revisions(self) -> Mapping[int, int]:
        """See `LedgerArchive.revisions`."""
        _, revision = await self._run(_opening.state_of)
        return {0: revision}

    async def start_timeline(self, timeline: int) -> None:
        """See `LedgerArchive.start_timeline`."""
        start = (timeline * CHANGES_PER_TIMELINE,)
        await self._run(
            lambda db: db.execute("UPDATE store SET revision = max(revision, ?)", start)
        )

    async def is_incomplete(self) -> bool:
        """See `LedgerArchive.is_incomplete`."""
        row = await self._run(lambda db: db.execute("SELECT incomplete FROM store").fetchone())
        return bool(row[0])

    async def mark_incomplete(self) -> None:
        """See `LedgerArchive.mark_incomplete`."""
        await self._run(lambda db: db.execute("UPDATE store SET incomplete = 1"))

    async def mark_behind(self) -> None:
        """See `LedgerArchive.mark_behind`."""
        await self._run(lambda db: db.execute("UPDATE tag SET behind = 1"))

    async def count(self) -> int:
        """See `LedgerArchive.count`."""
        return await self._run(_count)

    async def records(self) -> AsyncIterator[Sequence[TagRecord]]:
        """See `LedgerArchive.records`."""
        page = await self._run(_page(b""))
        while page:
            yield page
            page = await self._run(_page(page[-1].uid))

    async def merge(self, records: Sequence[TagRecord]) -> None:
        """See `LedgerArchive.merge`."""
        rows = [_row(record) for record in records]

        def merge(db: sqlite3.Connection) -> None:
            """Take all in, or none."""
            db.executemany(_MERGE, rows)
            db.execute("UPDATE store SET revision = revision + 1")
            db.executemany(_END_SESSIONS, rows)

        await self._run(merge)

    async def aclose(self) -> None:
        """See `LedgerArchive.aclose`."""

        def close() -> None:
            """Let what runs finish."""
            with self._turn:
                self._db.close()

        await asyncio.to_thread(close)

    async def _run(self, operation: Operation[T]) -> T:
        """Run *operation* in a write transaction and return once it is on disk."""

        def run() -> T:
            with self._turn, _transaction(self._db):
                self._files.require()
                return operation(self._db)

        try:
            return await asyncio.to_thread(run)
        except (*FILE_ERRORS, OSError, LedgerMismatchError) as error:
            raise LedgerUnavailableError(f"the ledger cannot be used: {error}") from error


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _count(db: sqlite3.Connection) -> int:
    count: int = db.execute("SELECT count(*) FROM tag").fetchone()[0]
    return count


def _row(record: TagRecord) -> dict[str, bytes | int | str]:
    return {
        "uid": record.uid,
        "generation": number_of(record.generation),
        "counter": record.counter,
        "state": record.state.value,
        "enrolled": record.enrolled,
        "behind": record.behind,
    }


def _page(last: bytes) -> Operation[Sequence[TagRecord]]:
    """Read what comes after the tag *last*."""

    def read(db: sqlite3.Connection) -> Sequence[TagRecord]:
        return [record_of(row) for row in db.execute(_RECORDS, (last, _PAGE))]

    return read
