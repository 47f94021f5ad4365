"""The open file: sealed rows, read and written in transactions that survive a power cut."""

from __future__ import annotations

import hmac
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.places import state_folder
from ntag424_provisioning.private_files import (
    make_private_folder,
    read_private,
    replace_private,
    require_own_folder,
)
from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._rows import Inventory, Rows
from ntag424_provisioning.vault._sealing import Sealer, Unlock, damaged, translated

_LABEL = b"ntag424 vault witness v1"
_ACCEPT = 'if there is none: "ntag424 keys accept-restored".'


@dataclass(frozen=True, slots=True)
class Heard:
    """What a witness says: up to which revision it saw the vault, and when; or what is wrong."""

    revision: int | None = None
    #: UNIX time in seconds.
    at: int = 0
    trouble: VaultError | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the vault was never used here before."""
        return self.revision is None and self.trouble is None

    def doubt(self, revision: int) -> VaultError | None:
        """Say why a vault of this *revision* may not be the newest, if so."""
        if self.trouble is not None or self.revision is None or revision >= self.revision:
            return self.trouble
        day = datetime.fromtimestamp(self.at, UTC).date().isoformat()
        text = (
            f"this vault is older than the one used here last: it was written {revision} times, "
            f"and {self.revision} times by {day}"
        )
        return VaultError(text, f"Put the newest copy back; {_ACCEPT}")


class Witness:
    """The note on one vault."""

    def __init__(self, path: Path, vault_id: bytes, key: bytes) -> None:
        self.path = path
        self._vault_id = vault_id.hex().upper()
        self._key = key

    @classmethod
    def of(cls, vault_id: bytes, sealer: Sealer) -> Self:
        """Find the one of a vault that is open."""
        path = state_folder() / f"vault-{vault_id.hex().upper()}.json"
        return cls(path, vault_id, sealer.derive(_LABEL))

    @property
    def highest(self) -> int:
        """The revision that is noted; 0 if none can be read."""
        return self.hear().revision or 0

    def hear(self) -> Heard:
        """Read the note."""
        if not os.path.lexists(self.path):
            return Heard()
        try:
            text = read_private(self.path, "witness of the vault")
        except VaultError as trouble:
            return Heard(trouble=trouble)
        return self._understood(text)

    def note(self, revision: int, *, replacing: bool = False) -> None:
        """Note that the vault has come to *revision*; on disk on return.

        Nothing is written over a higher one, or over what cannot be understood, but
        *replacing* it was decided.

        Raises:
            VaultError: it cannot be written, or is not understood.

        """
        heard = self.hear()
        if not replacing:
            if heard.trouble is not None:
                raise heard.trouble
            if heard.revision is not None and heard.revision >= revision:
                return
        at = int(time.time())
        record = {"vault": self._vault_id, "revision": revision, "at": at}
        text = json.dumps({**record, "mac": self._mac(revision, at)})
        try:
            make_private_folder(self.path.parent)
            require_own_folder(self.path.parent)
            replace_private(self.path, f"{text}\n")
        except OSError as error:
            hint = "Let this user write there, or name another folder with XDG_STATE_HOME."
            text = f"the witness of the vault, {self.path}, cannot be written: {error.strerror}"
            raise VaultError(text, hint) from error

    def _understood(self, text: bytes) -> Heard:
        try:
            match json.loads(text):
                case {
                    "vault": self._vault_id,
                    "revision": int(revision),
                    "at": int(at),
                    "mac": str(mac),
                }:
                    if hmac.compare_digest(mac.encode(), self._mac(revision, at).encode()):
                        return Heard(revision, at)
        except (ValueError, OverflowError):
            pass
        trouble = f"the witness of the vault, {self.path}, is damaged or of another vault"
        return Heard(
            trouble=VaultError(trouble, f"Make sure that the vault is the newest copy; {_ACCEPT}")
        )

    def _mac(self, revision: int, at: int) -> str:
        text = f"{self._vault_id} {revision} {at}".encode()
        return hmac.digest(self._key, text, "sha256").hex().upper()


_TABLES = ("record", "tag")


def upgrade(db: sqlite3.Connection, sealer: Sealer, *, is_first: bool) -> None:
    """Seal every row of a former vault anew; all of them or none, also if this is cut off.

    *is_first* says that no witness knows the vault. Where one does, it was upgraded before,
    and this is an older copy of it: it gets a revision that is lower than any that was noted.

    Raises:
        VaultError: a row of the former vault was changed, or is missing.
        sqlite3.Error: it cannot be written.

    """
    if _schema.version_of(db) != _schema.FORMER_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        if _schema.version_of(db) == _schema.FORMER_VERSION:
            _rewrite(db, sealer, 1 if is_first else 0)
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _rewrite(db: sqlite3.Connection, sealer: Sealer, revision: int) -> None:
    for table in _TABLES:
        db.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for statement in _schema.SEALED_TABLES:
        db.execute(statement)
    rows = Rows(db, sealer, Inventory())
    rows.go_beyond(revision - 1)
    records = {
        name: sealer.open_unnumbered("record", name, sealed)
        for name, sealed in db.execute("SELECT name, sealed FROM former_record")
    }
    count = 0
    for name, sealed in db.execute("SELECT id, sealed FROM former_tag ORDER BY rowid"):
        rows.set_row(("tag", name), sealer.open_unnumbered("tag", name, sealed))
        count += 1
    if (
        records.keys() != {b"keys", b"census"}
        or int.from_bytes(records[b"census"], "big") != count
    ):
        raise damaged("it does not hold as many tags as it did")
    rows.set_keys(records[b"keys"])
    rows.finish()
    for table in _TABLES:
        db.execute(f"DROP TABLE former_{table}")
    _schema.set_version(db)


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
