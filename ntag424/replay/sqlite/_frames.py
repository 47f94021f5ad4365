"""What every transaction of a SQLite ledger begins and ends with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ntag424.model import Uid
from ntag424.replay._ledger import position
from ntag424.replay._witness import Witness
from ntag424.replay.sqlite import _opening
from ntag424.replay.sqlite._operations import find_tag
from ntag424.replay.sqlite._same_files import SameFiles
from ntag424.sdm import CountedTap

_RAISE_REVISION = "UPDATE store SET revision = revision + 1"


class ReadFrame:
    """Lets a transaction read only what is the ledger, whole and present."""

    begin = "BEGIN"

    def __init__(self, path: Path, witness: Witness) -> None:
        self._files = SameFiles(path)
        self._witness = witness

    def opened(self, db: sqlite3.Connection) -> None:
        """Go on only while nobody took the files away, set them back, or moved the ledger."""
        # Before the first statement, which fixes what the transaction sees.
        known = self._witness.revision()
        self._files.require()
        self._revision = _opening.require_usable(db, known)

    def closing(self, db: sqlite3.Connection) -> None:
        """Do nothing more."""

    def committed(self) -> None:
        """Do nothing more."""


class WriteFrame(ReadFrame):
    """Counts the transactions that changed anything, and has the witness remember them."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, witness: Witness) -> None:
        super().__init__(path, witness)
        self._changes = 0
        self._used: dict[Uid, bytes] = {}

    def opened(self, db: sqlite3.Connection) -> None:
        """See `ReadFrame.opened`."""
        super().opened(db)
        self._changes = db.total_changes
        self._used = {}

    def knows_more_of(self, tap: CountedTap, db: sqlite3.Connection) -> bool:
        """Whether this machine saw the tag further than the ledger has it.

        Only a tap that should be used up asks: the revision tells of all others. It does not
        where a file was put back beneath a write-ahead log that was left.
        """
        mark = self._witness.mark(tap.uid)
        if position(tap.generation, tap.counter) > mark:
            return False
        known = find_tag(db, tap.uid)
        return known is None or position(known.generation, known.counter) < mark

    def use_up(self, uid: Uid, position: bytes) -> None:
        """Take note that taps of the tag up to *position* are used by this transaction."""
        self._used[uid] = max(position, self._used.get(uid, b""))

    def closing(self, db: sqlite3.Connection) -> None:
        """Raise the revision if anything changed: what changes nothing costs no write."""
        if db.total_changes != self._changes:
            db.execute(_RAISE_REVISION)
            self._revision += 1

    def committed(self) -> None:
        """Have the witness remember it, before anybody is told."""
        self._witness.observe({0: self._revision}, self._used)
