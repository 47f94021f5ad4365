"""The open file: sealed rows, read and written in transactions that survive a power cut."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._failures import translated
from ntag424_provisioning.vault._inventory import Inventory
from ntag424_provisioning.vault._rows import Rows
from ntag424_provisioning.vault._sealer import Sealer
from ntag424_provisioning.vault._unlock import Unlock
from ntag424_provisioning.vault._upgrade import upgrade
from ntag424_provisioning.vault._witness import Witness

#: So much may be written until the witness is told at the beginning of a job, about five
#: tags: a note costs one fsync more.
_MOST_BEHIND = 64


class SealedFile:
    """One connection for all threads of the process; other processes have theirs."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, sealer: Sealer, witness: Witness
    ) -> None:
        """Take over a connection that was checked; call `open` instead."""
        self._path = path
        self._db = db
        self._sealer = sealer
        self._witness = witness
        self._known = Inventory()
        self._lock = threading.Lock()
        self._files = self._files_on_disk()
        self._noted = -_MOST_BEHIND
        #: Why nothing may be written before somebody decides; see `accept`.
        self.doubt: VaultError | None = None
        #: Whether no witness knew it when it was opened.
        self.is_new_here = False

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> tuple[Self, _schema.Head]:
        """Open the vault at *path*, and prove that every row in it is as it was written last.

        Whether the whole of it is the newest, its witness tells: `doubt` says if not. A
        vault of a former release is brought to the present form.

        Raises:
            VaultError: it is missing, damaged or newer, or *unlock* does not open it.

        """
        with translated("opened"):
            db = _schema.connect(path)
            try:
                head = _schema.read_head(db)
                sealer = Sealer(head.envelope.open(unlock, head.vault_id), head.vault_id)
                witness = Witness.of(head.vault_id, sealer)
                # Before the rows: what is committed in between only makes them newer.
                heard = witness.hear()
                upgrade(db, sealer, is_first=heard.is_silent)
                file = cls(path, db, sealer, witness)
                file.is_new_here = heard.is_silent
                with file.reading():
                    file.doubt = heard.doubt(file.revision)
            except BaseException:
                db.close()
                raise
        return file, head

    @property
    def revision(self) -> int:
        """How often the vault was written, as far as this process knows."""
        return self._known.revision

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Read, all as of one moment."""
        with self._transaction("BEGIN", "read") as rows:
            yield rows

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """Write all of it or nothing; on disk when the block is left.

        Raises:
            VaultError: it cannot be written, or `doubt` forbids it.

        """
        if self.doubt is not None:
            raise self.doubt
        with self._transaction("BEGIN IMMEDIATE", "written") as rows:
            yield rows

    @contextmanager
    def _transaction(self, begin: str, done: str) -> Iterator[Rows]:
        with self._lock, translated(done):
            self._require_same_file()
            self._db.execute(begin)
            rows = Rows(self._db, self._sealer, self._known)
            try:
                rows.prove()
                yield rows
                rows.finish()
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
            rows.remember()

    def accept(self) -> None:
        """Go on with a vault that is in doubt: from now on it is the newest there ever was.

        Raises:
            VaultError: it cannot be written, or the witness cannot.

        """
        former, self.doubt = self.doubt, None
        try:
            with self.writing() as rows:
                rows.go_beyond(self._witness.highest)
        except BaseException:
            self.doubt = former
            raise
        self._witness.note(self.revision, replacing=True)

    def note(self) -> None:
        """Have the witness note the present revision, which is on disk.

        In this order, so that it never knows of more than there is.

        Raises:
            VaultError: it cannot be written.

        """
        revision = self.revision
        self._witness.note(revision)
        self._noted = revision

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes that only this vault gives, others for each *label*."""
        return self._sealer.derive(label)

    def make_room(self) -> None:
        """Write as much as one job will, then let the log start over in that space.

        Raises:
            VaultError: it cannot be written now, or the witness cannot.

        """
        with self.writing() as rows:
            rows.fill_room()
        with self._lock, translated("written"):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        if self._known.revision >= self._noted + _MOST_BEHIND:
            self.note()

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
