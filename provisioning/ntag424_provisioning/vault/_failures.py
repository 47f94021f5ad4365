"""From what SQLite says of a file to one line that helps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ntag424_provisioning.errors import VaultError

DAMAGED_HINT = (
    'Put a copy of the vault back; or "ntag424 keys restore" makes a new one from the sheet.'
)
_ELSE = "Check the disk, and who may write to the vault and its folder."
_HINTS = {
    sqlite3.SQLITE_BUSY: "Another ntag424 is writing: try again when it is done.",
    sqlite3.SQLITE_FULL: "Make room on the disk and try again; nothing was changed.",
    sqlite3.SQLITE_IOERR: "Check the disk and the room on it; nothing was changed.",
    sqlite3.SQLITE_READONLY: "Let this user write to the vault and its folder.",
    sqlite3.SQLITE_CANTOPEN: "Let this user write to the vault and its folder.",
    sqlite3.SQLITE_CORRUPT: DAMAGED_HINT,
    sqlite3.SQLITE_NOTADB: DAMAGED_HINT,
}


def damaged(what: str) -> VaultError:
    """Say that the file is not as this program wrote it."""
    return VaultError(f"the vault is damaged: {what}", DAMAGED_HINT)


def put_back() -> VaultError:
    """Say that a row is older than the others, or is missing."""
    hint = (
        "Put the newest copy of the whole vault back, with all files of its name; or "
        '"ntag424 keys restore" makes a new one from the sheet.'
    )
    text = "the vault is damaged: a row in it is from an older copy of it, or is missing"
    return VaultError(text, hint)


@contextmanager
def translated(done: str) -> Iterator[None]:
    """Raise `VaultError` where SQLite fails; the message says what could not be *done*."""
    try:
        yield
    except sqlite3.Error as error:
        # Extended codes have the primary one in their low byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        hint = _HINTS.get(code, _ELSE)
        raise VaultError(f"the vault cannot be {done}: {error}", hint) from error
    except UnicodeDecodeError:
        # What SQLite says of a damaged file may quote damaged names.
        raise damaged("a name in it is no text") from None
