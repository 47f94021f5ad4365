"""Making the file and opening it; nothing here happens by accident."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.private_files import (
    make_private_folder,
    require_own_folder,
    require_private,
    sync_folder,
)
from ntag424_provisioning.vault._sealing import DAMAGED_HINT, Cost, Envelope, damaged, translated

# "NTVA" in ASCII; tells our files from other SQLite files (PRAGMA application_id).
_APPLICATION_ID = 0x4E545641
_VERSION = 2
#: That of vaults whose rows had no revision; `upgrade` makes them the present one.
FORMER_VERSION = 1
_BUSY_SECONDS = 5.0
#: More than the journal writes about one job.
ROOM_BYTES = 1 << 18

#: What is sealed. Releases before this one called the content otherwise, so that one of
#: them that has the vault open while it is upgraded cannot write to it any more.
SEALED_TABLES = (
    """
    CREATE TABLE record (
        name        BLOB NOT NULL PRIMARY KEY,
        -- That of the vault when the row was written.
        revision    INTEGER NOT NULL,
        content     BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE tag (
        id          BLOB NOT NULL PRIMARY KEY,
        revision    INTEGER NOT NULL,
        content     BLOB NOT NULL
    ) STRICT
    """,
)
_TABLES = (
    """
    CREATE TABLE vault (
        id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        salt        BLOB NOT NULL,
        -- What scrypt takes; none of them where a key file opens the vault.
        n           INTEGER,
        r           INTEGER,
        p           INTEGER,
        data_key    BLOB NOT NULL
    ) STRICT
    """,
    *SEALED_TABLES,
    # Written over and over to prove that something can be written.
    "CREATE TABLE room (filler BLOB NOT NULL) STRICT",
)


@dataclass(frozen=True, slots=True)
class Head:
    """What is readable in a vault without a secret."""

    vault_id: bytes
    envelope: Envelope


def create(path: Path, head: Head, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a new vault that *fill* writes the first rows of; it appears complete or not at all.

    Raises:
        VaultError: something is there already, or the place cannot be written.

    """
    require_free(path)
    try:
        make_private_folder(path.parent)
        require_own_folder(path.parent)
        # In a folder of its own: SQLite keeps more files beside the one we name.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".vault-") as folder:
            draft = Path(folder) / "draft.db"
            draft.touch(0o600)
            with translated("made"), closing(_connected(draft)) as db:
                _fill(db, head)
                fill(db)
                db.execute("COMMIT")
            # A link, because it fails where a rename would overwrite.
            os.link(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        text = f"the vault {path} cannot be made: {error.strerror}"
        raise VaultError(text, "Check the folder, the disk, and who may write there.") from error


def require_free(path: Path) -> None:
    """Refuse a place where something is already.

    Raises:
        VaultError: it is so.

    """
    if os.path.lexists(path):
        hint = "It is never overwritten: use it, or name another place with --vault."
        raise VaultError(f"there is something at {path} already", hint)


def _fill(db: sqlite3.Connection, head: Head) -> None:
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    for table in _TABLES:
        db.execute(table)
    envelope = head.envelope
    cost = (None,) * 3 if envelope.cost is None else _numbers(envelope.cost)
    row = (head.vault_id, envelope.salt, *cost, envelope.sealed)
    db.execute("INSERT INTO vault (id, salt, n, r, p, data_key) VALUES (?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO room (filler) VALUES (zeroblob(?))", (ROOM_BYTES,))
    set_version(db)


def version_of(db: sqlite3.Connection) -> int:
    """Return which form the tables have."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def set_version(db: sqlite3.Connection) -> None:
    """Say that the tables have the present form."""
    db.execute(f"PRAGMA user_version = {_VERSION}")


def _numbers(cost: Cost) -> tuple[int, int, int]:
    return cost.n, cost.r, cost.p


def connect(path: Path) -> sqlite3.Connection:
    """Open a vault that is there, and look at nothing but whether it is a sound one.

    Raises:
        VaultError: it is missing, foreign, newer, damaged, or open to others.
        sqlite3.Error: it cannot be read.

    """
    try:
        # Not of a file that we open: closing it would drop SQLite's locks.
        status = path.stat()
    except OSError as error:
        hint = 'Make one: "ntag424 keys init"; or name another with --vault.'
        raise VaultError(f"there is no vault at {path}: {error.strerror}", hint) from error
    require_private(status, path, "vault")
    db = _connected(path)
    try:
        _require_ours(db)
    except BaseException:
        db.close()
        raise
    return db


def _connected(path: Path) -> sqlite3.Connection:
    # mode=rw: SQLite must never make a fresh, empty file.
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    db = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
    )
    # In WAL mode NORMAL may forget the last commits on power loss.
    db.execute("PRAGMA synchronous = FULL")
    return db


def _require_ours(db: sqlite3.Connection) -> None:
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    version = version_of(db)
    if application_id != _APPLICATION_ID:
        raise VaultError("this file is no vault", "Name the vault with --vault.")
    if version > _VERSION:
        raise VaultError("the vault is of a newer release", "Update ntag424 to open it.")
    if version < FORMER_VERSION:
        raise damaged("it does not say of which release it is")
    if db.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise VaultError("the vault's place takes no log", "Move it to a local disk.")
    if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise damaged("its pages do not fit together")


def read_head(db: sqlite3.Connection) -> Head:
    """Read what it takes to open the vault; nothing in the file is trusted.

    Raises:
        VaultError: it is damaged, or asks for less or more work than it ever may.

    """
    rows = db.execute("SELECT id, salt, n, r, p, data_key FROM vault").fetchall()
    match rows:
        case [(bytes(vault_id), bytes(salt), None, None, None, bytes(sealed))]:
            return Head(vault_id, Envelope(salt, None, sealed))
        case [(bytes(vault_id), bytes(salt), int(n), int(r), int(p), bytes(sealed))]:
            try:
                return Head(vault_id, Envelope(salt, Cost(n, r, p), sealed))
            except ValueError as error:
                text = f"the vault asks for a wrong amount of work: {error}"
                raise VaultError(text, DAMAGED_HINT) from None
    raise damaged("its head is unreadable")
