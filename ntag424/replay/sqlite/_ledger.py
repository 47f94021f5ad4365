"""`TagLedger` over one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from itertools import count
from pathlib import Path
from typing import Self

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay._clock import BootClock, Clock
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
from ntag424.replay._phases import require_serving
from ntag424.replay.sqlite import _opening, _operations, _schema
from ntag424.replay.sqlite._group_commit import GroupCommit, Operation, T
from ntag424.replay.sqlite._operations import Moment, Redemption
from ntag424.replay.sqlite._same_files import SameFiles
from ntag424.sdm import CountedTap

# Ended sessions are swept out faster than taps bring new ones.
_REDEMPTIONS_PER_SWEEP = 64


class SqliteLedger:
    """A `TagLedger` for one machine; several processes may share the file.

    Made by `init` once, then opened with the id that `init` returned.
    """

    init = staticmethod(_schema.init)
    migrate = staticmethod(_schema.migrate)

    def __init__(self, path: Path, db: sqlite3.Connection, clock: Clock) -> None:
        """Take over a connection that was checked; call `open` instead."""
        self._clock = clock
        self._boot = _operations.boot_number(db, clock.boot_id)
        self._files = SameFiles(path)
        self._db = db
        self._reader = _schema.connect(path)
        self._reading = threading.Lock()
        self._redemptions = count(1)
        self._writer = GroupCommit(db, self._require_ours)

    @classmethod
    def open(cls, path: Path, *, store_id: str, clock: Clock | None = None) -> Self:
        """Open the ledger called *store_id* at *path*.

        Raises:
            LedgerMismatchError: the file is missing, foreign, older, newer or not serving.
            LedgerUnavailableError: it is damaged or cannot be written.

        """
        with _opening.taking_over(path, store_id) as db:
            require_serving(_opening.phase_of(db))
            return cls(path, db, clock or BootClock())

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
        redemption = Redemption(tap, nonce, grant, policy)

        def redeem(db: sqlite3.Connection) -> Verdict:
            """Decide, by a time taken under the write lock: it runs as the commits run."""
            now = self._now()
            if next(self._redemptions) % _REDEMPTIONS_PER_SWEEP == 0:
                _operations.forget_ended_sessions(db, now)
            return redemption.decide(db, now)

        return await self._writer.run(redeem)

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        require_read_counter(counter)
        await self._writer.run(lambda db: _operations.enrol(db, uid, generation, counter))

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        await self._writer.run(lambda db: _operations.set_state(db, uid, state))

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        return await self._writer.run(lambda db: _operations.revoke(db, digest, self._now()))

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        return await self._read(lambda db: _operations.find_tag(db, uid))

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        return await self._read(lambda db: _operations.find_grant(db, digest, self._now()))

    async def check(self) -> None:
        """See `TagLedger.check`."""
        # A write that changes nothing: a full disk shows only when something is written.
        await self._writer.run(lambda db: _operations.touch(db, self._now()))

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._writer.aclose()
        with self._reading:
            self._reader.close()
        self._db.close()

    async def _read(self, operation: Operation[T]) -> T:
        """Run *operation* beside the writer, which WAL mode allows."""

        def read() -> T:
            with self._reading:
                self._require_ours(self._reader)
                return operation(self._reader)

        try:
            return await asyncio.to_thread(read)
        except (*_schema.FILE_ERRORS, OSError, LedgerMismatchError) as error:
            raise LedgerUnavailableError(f"the ledger cannot be read: {error}") from error

    def _now(self) -> Moment:
        return Moment(self._boot, self._clock.uptime_ms(), self._clock.wall())

    def _require_ours(self, db: sqlite3.Connection) -> None:
        """Go on only while nobody took the files away, or the ledger elsewhere."""
        self._files.require()
        require_serving(_opening.phase_of(db))
