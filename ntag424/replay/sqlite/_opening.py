"""What a file must be before anything is done with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError, LedgerWentBackError
from ntag424.replay._phases import require_serving
from ntag424.replay._store import Phase
from ntag424.replay.sqlite import _schema

_PHASES = {phase.value: phase for phase in Phase}
_DAMAGED = "the ledger is damaged"
_DAMAGED_HINT = (
    "Restore a backup made by `ntag424-service backup`, and run `ntag424-service recover`; a copy "
    "of the file alone, made while it is in use, lacks what its -wal holds, or is torn."
)


@contextmanager
def taking_over(path: Path, store_id: str) -> Iterator[sqlite3.Connection]:
    """Connect to the ledger called *store_id*; the connection outlives the block.

    It is closed where the block raises.

    Raises:
        LedgerMismatchError: it is missing, another file, an older one, or a newer one.
        LedgerUnavailableError: it is damaged, or cannot be used.

    """
    with ExitStack() as undo:
        try:
            db = undo.enter_context(closing(_schema.connect(path)))
            _require_store(db, store_id)
            _write_ahead(db)
            yield db
        except _schema.FILE_ERRORS as error:
            raise LedgerUnavailableError(f"the ledger cannot be used: {error}") from error
        except OSError as error:  # its text would name the path
            cause = error.strerror
            raise LedgerUnavailableError(f"the ledger cannot be used: {cause}") from error
        undo.pop_all()


def state_of(db: sqlite3.Connection) -> tuple[Phase, int]:
    """Return what the ledger is there for, and its revision.

    Raises:
        LedgerUnavailableError: it does not say.

    """
    row = db.execute("SELECT phase, revision FROM store").fetchone()
    phase = None if row is None else _PHASES.get(row[0])
    if phase is None:
        raise LedgerUnavailableError(_DAMAGED, hint=_DAMAGED_HINT)
    return phase, row[1]


def _write_ahead(db: sqlite3.Connection) -> None:
    """Put a copy that SQLite made itself (`VACUUM INTO`, `.backup`) back into WAL mode.

    Raises:
        LedgerUnavailableError: SQLite keeps no such log here.

    """
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LedgerUnavailableError(
            f"the ledger cannot be put into WAL mode from {mode} mode",
            hint="Keep it on a local disk, and stop every other program that has it open.",
        )
    # The log appears when the file is next read.
    db.execute("SELECT id FROM store").fetchone()


def require_usable(db: sqlite3.Connection, known: int) -> int:
    """Return the revision of a ledger that serves and is not behind the revision *known*.

    Raises:
        LedgerMismatchError: it does not serve.
        LedgerWentBackError: it is behind.

    """
    phase, revision = state_of(db)
    require_serving(phase)
    if revision < known:
        raise LedgerWentBackError
    return revision


def _require_store(db: sqlite3.Connection, store_id: str) -> None:
    if _schema.version_of(db) < len(_schema.migrations()):
        raise LedgerMismatchError("the ledger is older than this program; run migrate")
    row = db.execute("SELECT id FROM store").fetchone()
    if row is None or row[0] != store_id:
        raise LedgerMismatchError("this is not the ledger that was initialised for this service")
    if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise LedgerUnavailableError(_DAMAGED, hint=_DAMAGED_HINT)
