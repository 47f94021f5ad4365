"""`TagLedger` over one SQLite file."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path
from typing import Self

from ntag424.arguments import require_text
from ntag424.errors import LedgerWentBackError
from ntag424.model import Generation, Uid
from ntag424.replay._clock import BootClock, Clock
from ntag424.replay._ledger import (
    DEADLINE_SECONDS,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    TagRecord,
    TagState,
    Verdict,
    position,
    require_nonce,
    require_read_counter,
    require_uid,
)
from ntag424.replay._witness import Witness
from ntag424.replay.sqlite import _opening, _operations, _schema
from ntag424.replay.sqlite._frames import ReadFrame, WriteFrame
from ntag424.replay.sqlite._operations import Moment, Redemption
from ntag424.replay.sqlite._transactions import TransactionThread
from ntag424.sdm import CountedTap

# Ended sessions are swept out faster than taps bring new ones.
_REDEMPTIONS_PER_SWEEP = 64


class SqliteLedger:
    """A `TagLedger` for one machine; several processes may share the file.

    Made by `init` once, then opened with the id that `init` returned.
    """

    init = staticmethod(_schema.init)
    migrate = staticmethod(_schema.migrate)

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        clock: Clock,
        witness: Witness,
        deadline: float,
    ) -> None:
        """Take over a connection that was checked; call `open` instead."""
        self._clock = clock
        self._boot = _operations.boot_number(db, clock.boot_id)
        self._witness = witness
        self._redemptions = count(1)
        self._frame = WriteFrame(path, witness)
        reading = ReadFrame(path, witness)
        self._reader = TransactionThread(_schema.connect(path), reading, deadline)
        self._writer = TransactionThread(db, self._frame, deadline)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        store_id: str,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> Self:
        """Open the ledger called *store_id* at *path*; see `LedgerStore.open`.

        Raises:
            LedgerMismatchError: the file is missing, foreign, older, newer or not serving.
            LedgerWentBackError: it is behind the *witness*.
            LedgerUnavailableError: it is damaged or cannot be written.

        """
        _schema.require_path(path)
        require_text("store_id", store_id, instead="what init returned")
        witness = witness or Witness.in_memory()
        known = witness.revision()  # before the ledger is looked at: others may use it
        try:
            with _opening.taking_over(path, store_id) as db:
                _opening.require_usable(db, known)
                return cls(path, db, clock or BootClock(), witness, deadline)
        except BaseException:
            witness.close()
            raise

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
            if self._frame.knows_more_of(tap, db):
                raise LedgerWentBackError
            verdict = redemption.decide(db, now)
            if not isinstance(verdict, Refused):
                self._frame.use_up(tap.uid, position(tap.generation, tap.counter))
            return verdict

        return await self._writer.run(redeem)

    async def enrol(self, uid: Uid | None, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        uid = require_uid(uid)
        require_read_counter(counter)

        def enrol(db: sqlite3.Connection) -> None:
            """Taps up to *counter* are used from now on."""
            _operations.enrol(db, uid, generation, counter)
            self._frame.use_up(uid, position(generation, counter))

        await self._writer.run(enrol)

    async def set_state(self, uid: Uid | None, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        uid = require_uid(uid)
        await self._writer.run(lambda db: _operations.set_state(db, uid, state))

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        return await self._writer.run(lambda db: _operations.revoke(db, digest, self._now()))

    async def find(self, uid: Uid | None) -> TagRecord | None:
        """See `TagLedger.find`."""
        uid = require_uid(uid)
        return await self._reader.run(lambda db: _operations.find_tag(db, uid))

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        return await self._reader.run(lambda db: _operations.find_grant(db, digest, self._now()))

    async def check(self) -> None:
        """See `TagLedger.check`."""
        # A write that changes nothing: a full disk shows only when something is written.
        await self._writer.run(lambda db: _operations.touch(db, self._now()))

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._writer.aclose()
        await self._reader.aclose()
        self._witness.close()

    def _now(self) -> Moment:
        return Moment(self._boot, self._clock.uptime_ms(), self._clock.wall())
