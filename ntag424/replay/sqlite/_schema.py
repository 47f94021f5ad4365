"""Making and migrating the file; nothing here happens by accident."""

from __future__ import annotations

import errno
import os
import re
import secrets
import sqlite3
import tempfile
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from ntag424.arguments import require_text, require_type
from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.replay._store import Phase

# "NT42" in ASCII; tells our files from other SQLite files (PRAGMA application_id).
_APPLICATION_ID = 0x4E543432
_BUSY_SECONDS = 0.8
_ID = re.compile("[0-9a-f]{32}")
#: What a faulty file raises: the module decodes the texts of SQLite's errors, and on a
#: damaged file they quote damaged names.
FILE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def migrations() -> list[str]:
    """Return the migration scripts in order; the first leads to version 1."""
    scripts = (files(__package__) / "migrations").iterdir()
    return [script.read_text("utf-8") for script in sorted(scripts, key=lambda item: item.name)]


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing file so that a commit survives a power cut.

    Raises:
        LedgerMismatchError: there is no such file.

    """
    if not path.is_file():
        raise LedgerMismatchError("there is no ledger at this path")
    # mode=rw: SQLite must never make a fresh, empty ledger.
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    db = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
    )
    try:
        # In WAL mode NORMAL may forget the last taps on power loss, and so accept them again.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        db.close()
        raise
    return db


def require_path(path: object) -> None:
    """Refuse what is no `Path`: most often its text."""
    require_type("path", path, Path, instead='Path("...")')


def init(path: Path, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
    """Make a new, empty ledger at *path* and return its id, 32 hex digits.

    It appears complete or not at all. An id is drawn if none is given.

    Raises:
        LedgerMismatchError: something is there already.
        OSError: the place cannot be written.

    """
    require_path(path)
    store_id = secrets.token_hex(16) if store_id is None else store_id
    require_text("store_id", store_id)
    if not _ID.fullmatch(store_id):
        raise ValueError("the id of a store has 32 hex digits")
    # In a private folder of its own: SQLite keeps more files beside the one we name.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".ledger-") as folder:
        draft = Path(folder) / "draft.db"
        _fill(draft, store_id, phase)
        try:
            # A link, because it fails where a rename would overwrite.
            os.link(draft, path)
        except FileExistsError:
            text = "something is there already; init never overwrites"
            raise LedgerMismatchError(text) from None
    return store_id


def _fill(draft: Path, store_id: str, phase: Phase) -> None:
    draft.touch(0o600)
    try:
        with closing(connect(draft)) as db:
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute("PRAGMA journal_mode = WAL")
            _apply(db, migrations())
            db.execute("INSERT INTO store (id, phase) VALUES (?, ?)", (store_id, phase.value))
    except sqlite3.OperationalError as error:
        raise OSError(errno.EIO, f"the ledger cannot be written: {error}") from error


def migrate(path: Path) -> int:
    """Bring an older ledger up to date, all of it or nothing; return the steps taken.

    Raises:
        LedgerMismatchError: there is no ledger, or it is newer than this program.
        LedgerUnavailableError: it is damaged, in use or cannot be written.

    """
    require_path(path)
    try:
        with closing(connect(path)) as db:
            return _apply(db, migrations())
    except FILE_ERRORS as error:
        raise LedgerUnavailableError(f"the ledger cannot be migrated: {error}") from error


def version_of(db: sqlite3.Connection) -> int:
    """Return how many migrations made the ledger what it is.

    Raises:
        LedgerMismatchError: it is no ledger, or newer than this program.

    """
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    if application_id != _APPLICATION_ID:
        raise LedgerMismatchError("this file is not an ntag424 ledger")
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations()):
        raise LedgerMismatchError("the ledger is newer than this program; update the program")
    return version


def _apply(db: sqlite3.Connection, scripts: list[str]) -> int:
    db.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(db)
        for number, script in enumerate(scripts[version:], start=version + 1):
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    return len(scripts) - version


def _statements(script: str) -> list[str]:
    """Cut a script into statements: `executescript` would commit between them."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
