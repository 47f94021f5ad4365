"""The open file: sealed rows, read and written in transactions that survive a power cut."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from ntag424 import Uid
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._failures import damaged, translated
from ntag424_provisioning.vault._sealer import Sealer
from ntag424_provisioning.vault._unlock import Unlock

_KEYS, _CENSUS = b"keys", b"census"
_COUNT_BYTES = 8


class Rows:
    """What can be done inside one transaction."""

    def __init__(self, db: sqlite3.Connection, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer

    def keys(self) -> bytes:
        """Return the key versions as they were written down."""
        return self._record(_KEYS)

    def set_keys(self, value: bytes) -> None:
        """Replace them all: in one row, so none of them can go missing alone."""
        self._set_record(_KEYS, value)

    def tag(self, uid: Uid) -> bytes | None:
        """Return what was written down of a tag."""
        row_id = self._sealer.row_id(uid)
        row = self._db.execute("SELECT sealed FROM tag WHERE id = ?", (row_id,)).fetchone()
        return None if row is None else self._sealer.open("tag", row_id, row[0])

    def set_tag(self, uid: Uid, value: bytes) -> None:
        """Write down what is known of a tag, instead of what was."""
        row_id = self._sealer.row_id(uid)
        row = (self._sealer.seal("tag", row_id, value), row_id)
        if self._db.execute("UPDATE tag SET sealed = ? WHERE id = ?", row).rowcount == 0:
            self._db.execute("INSERT INTO tag (sealed, id) VALUES (?, ?)", row)
            self.set_census(self._census() + 1)

    def tags_after(self, place: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the next tags behind *place*, with theirs, in the order in which they came."""
        query = "SELECT rowid, id, sealed FROM tag WHERE rowid > ? ORDER BY rowid LIMIT ?"
        rows = self._db.execute(query, (place, limit)).fetchall()
        return [(rowid, self._sealer.open("tag", row, sealed)) for rowid, row, sealed in rows]

    def _census(self) -> int:
        return int.from_bytes(self._record(_CENSUS), "big")

    def set_census(self, count: int) -> None:
        """Write down how many tags there are: a row that vanished is noticed."""
        self._set_record(_CENSUS, count.to_bytes(_COUNT_BYTES, "big"))

    def require_sound(self) -> None:
        """Open every row.

        Raises:
            VaultError: one was changed, or is missing.

        """
        self.keys()
        rows = self._db.execute("SELECT id, sealed FROM tag")
        count = sum(1 for row, sealed in rows if self._sealer.open("tag", row, sealed))
        if count != self._census():
            raise damaged("it does not hold as many tags as it did")

    def fill_room(self) -> None:
        """Write as much as the journal does about one job."""
        self._db.execute("UPDATE room SET filler = randomblob(?)", (_schema.ROOM_BYTES,))

    def _record(self, name: bytes) -> bytes:
        row = self._db.execute("SELECT sealed FROM record WHERE name = ?", (name,)).fetchone()
        return self._sealer.open("record", name, None if row is None else row[0])

    def _set_record(self, name: bytes, value: bytes) -> None:
        self._db.execute(
            "INSERT INTO record (name, sealed) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            (name, self._sealer.seal("record", name, value)),
        )


class SealedFile:
    """One connection for all threads of the process; other processes have theirs."""

    def __init__(self, path: Path, db: sqlite3.Connection, sealer: Sealer) -> None:
        """Take over a connection that was checked; call `open` instead."""
        self._path = path
        self._db = db
        self._sealer = sealer
        self._lock = threading.Lock()
        self._files = self._files_on_disk()

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> tuple[Self, _schema.Head]:
        """Open the vault at *path*, and prove that every row in it is as it was written.

        Raises:
            VaultError: it is missing, damaged or newer, or *unlock* does not open it.

        """
        with translated("opened"):
            db = _schema.connect(path)
            try:
                head = _schema.read_head(db)
                data_key = head.envelope.open(unlock, head.vault_id)
                file = cls(path, db, Sealer(data_key, head.vault_id))
                with file.reading() as rows:
                    rows.require_sound()
            except BaseException:
                db.close()
                raise
        return file, head

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Read, all as of one moment."""
        with self._transaction("BEGIN", "read") as rows:
            yield rows

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """Write all of it or nothing; on disk when the block is left."""
        with self._transaction("BEGIN IMMEDIATE", "written") as rows:
            yield rows

    @contextmanager
    def _transaction(self, begin: str, done: str) -> Iterator[Rows]:
        with self._lock, translated(done):
            self._require_same_file()
            self._db.execute(begin)
            try:
                yield Rows(self._db, self._sealer)
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes that only this vault gives, others for each *label*."""
        return self._sealer.derive(label)

    def make_room(self) -> None:
        """Write as much as one job will, then let the log start over in that space.

        Raises:
            VaultError: it cannot be written now.

        """
        with self.writing() as rows:
            rows.fill_room()
        with self._lock, translated("written"):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        with self._lock:
            self._db.close()

    def _require_same_file(self) -> None:
        # SQLite goes on writing to a file that was deleted or replaced: what is
        # put down there is lost.
        if self._files_on_disk() != self._files:
            text = "the vault's files were replaced while they were in use"
            raise VaultError(text, "Leave the vault alone while ntag424 works; start over.")

    def _files_on_disk(self) -> tuple[int, int]:
        """Tell apart the database and its log, which holds the last commits."""
        log = self._path.with_name(f"{self._path.name}-wal")
        try:
            return self._path.stat().st_ino, log.stat().st_ino
        except OSError:
            return 0, 0
