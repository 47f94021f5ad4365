"""What a vault is sealed with: passphrase or key file, the data key, and every row under it."""

from __future__ import annotations

import hmac
import re
import secrets
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ntag424 import Uid
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.private_files import read_private, write_private

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


#: Fewer characters than this can be guessed from a stolen file.
LEAST_CHARACTERS = 12
_KEY_TEXT = re.compile(rb"[0-9A-Fa-f]{64}\n?")


@unique
class Lock(StrEnum):
    """What a vault asks for."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a word, not a secret
    KEY_FILE = "key file"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """At least twelve characters, the same on every keyboard."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.text) < LEAST_CHARACTERS:
            raise ValueError(f"a passphrase has at least {LEAST_CHARACTERS} characters")

    def __bytes__(self) -> bytes:
        # Keyboards differ in how they compose accents.
        return unicodedata.normalize("NFC", self.text).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file of 32 random bytes in hex, mode 0600."""

    path: Path

    def draw(self) -> None:
        """Make the file; never over an old one.

        Raises:
            VaultError: it exists, or cannot be written.

        """
        write_private(self.path, secrets.token_hex(32) + "\n")

    def read(self) -> bytes:
        """Return the 32 bytes.

        Raises:
            VaultError: the file is missing, malformed, or open to others.

        """
        text = read_private(self.path, "key file")
        if not _KEY_TEXT.fullmatch(text):
            hint = "It holds 64 hex digits; check which file was named."
            raise VaultError(f"the key file {self.path} is malformed", hint)
        return bytes.fromhex(text.decode("ascii"))


Unlock: TypeAlias = Passphrase | KeyFile


_DATA_KEY_LABEL = b"ntag424 vault v1 data key"
_NONCE, _SALT, _REVISION_BYTES = 12, 16, 8
_LABEL, _ROW_LABEL = b"ntag424 vault v1", b"ntag424 vault v2 row"
# Less would be guessed too fast, more would exhaust the machine: whatever the file says.
_LEAST_N, _MOST_N = 1 << 17, 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What scrypt (RFC 7914) takes: 128 times *n* times *r* bytes of memory."""

    n: int = _LEAST_N
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        is_power = self.n & (self.n - 1) == 0
        if not (is_power and _LEAST_N <= self.n <= _MOST_N and (self.r, self.p) == (8, 1)):
            raise ValueError("n is a power of two, 2^17 to 2^20; r is 8, and p is 1")

    def __bytes__(self) -> bytes:
        """N (4) || R (4) || P (4)."""
        return b"".join(number.to_bytes(4, "big") for number in (self.n, self.r, self.p))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands in the file: how to make the outer key, and the data key sealed under it."""

    salt: bytes
    #: None where the outer key comes from a key file.
    cost: Cost | None
    sealed: bytes = field(repr=False)

    @property
    def lock(self) -> Lock:
        """What it takes to open it."""
        return Lock.KEY_FILE if self.cost is None else Lock.PASSPHRASE

    def open(self, unlock: Unlock, vault_id: bytes) -> bytes:
        """Return the data key.

        Raises:
            VaultError: it is the wrong secret, or of the wrong kind, or the file is damaged.

        """
        outer = AESGCM(_outer_key(unlock, self.salt, self.cost))
        nonce, sealed = self.sealed[:_NONCE], self.sealed[_NONCE:]
        try:
            return outer.decrypt(nonce, sealed, _name(vault_id, self.salt, self.cost))
        except (InvalidTag, ValueError):
            hint = f"Give the {self.lock} that the vault was made with; or the file is damaged."
            raise VaultError(f"this {self.lock} does not open the vault", hint) from None


def seal_data_key(data_key: bytes, unlock: Unlock, vault_id: bytes) -> Envelope:
    """Put *data_key* into an envelope that *unlock* opens."""
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    cost = Cost() if isinstance(unlock, Passphrase) else None
    outer = AESGCM(_outer_key(unlock, salt, cost))
    return Envelope(
        salt, cost, nonce + outer.encrypt(nonce, data_key, _name(vault_id, salt, cost))
    )


def _outer_key(unlock: Unlock, salt: bytes, cost: Cost | None) -> bytes:
    match unlock:
        case Passphrase() if cost is not None:
            return Scrypt(salt, 32, cost.n, cost.r, cost.p).derive(bytes(unlock))
        case KeyFile() if cost is None:
            return HKDF(SHA256(), 32, salt, _DATA_KEY_LABEL).derive(unlock.read())
        case Passphrase():
            raise _wrong_kind(Lock.KEY_FILE)
        case KeyFile():
            raise _wrong_kind(Lock.PASSPHRASE)


def _wrong_kind(lock: Lock) -> VaultError:
    return VaultError(f"this vault opens with a {lock}", "Give that instead.")


def _name(vault_id: bytes, salt: bytes, cost: Cost | None) -> bytes:
    return _DATA_KEY_LABEL + vault_id + salt + (b"" if cost is None else bytes(cost))


class Sealer:
    """AES-256-GCM under a key derived from the data key; the nonce is drawn for every write.

    Random nonces of 96 bits are safe for 2^32 writes: many more than a vault sees.
    """

    def __init__(self, data_key: bytes, vault_id: bytes) -> None:
        self._vault_id = vault_id
        self._rows = AESGCM(_derive(data_key, vault_id, b"rows"))
        self._index = _derive(data_key, vault_id, b"index")
        self._marks = _derive(data_key, vault_id, b"marks")
        self._others = _derive(data_key, vault_id, b"others")

    def row_id(self, uid: Uid) -> bytes:
        """Return the name of a tag's row, 32 bytes that do not tell the UID."""
        return hmac.digest(self._index, uid, "sha256")

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes that only this vault gives, others for each *label*."""
        return HKDF(SHA256(), 32, None, label).derive(self._others)

    def seal(self, table: str, row: bytes, revision: int, value: bytes) -> bytes:
        """Return *value* sealed for a revision of a row: nonce (12) || ciphertext || tag (16)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._rows.encrypt(nonce, value, self._name(table, row, revision))

    def open(self, table: str, row: object, revision: object, content: object) -> bytes:
        """Undo `seal`; a damaged file may hold anything.

        Raises:
            VaultError: it was not sealed for this revision of this row, or was changed since.

        """
        if (
            not isinstance(row, bytes)
            or not isinstance(revision, int)
            or not 0 <= revision < 1 << 63
        ):
            raise _unopened(table)
        return self._decrypt(table, content, self._name(table, row, revision))

    def open_unnumbered(self, table: str, row: object, content: object) -> bytes:
        """Open a row of a vault of the first form, whose rows had no revision.

        Raises:
            VaultError: it was not sealed for this row, or was changed since.

        """
        if not isinstance(row, bytes):
            raise _unopened(table)
        name = b"\0".join((_LABEL, self._vault_id, table.encode(), row))
        return self._decrypt(table, content, name)

    def mark(self, table: str, row: bytes, revision: int, content: bytes) -> bytes:
        """Return a MAC, 32 bytes, of a sealed row to the last bit."""
        name = self._name(table, row, revision)
        return hmac.digest(self._marks, len(name).to_bytes(4, "big") + name + content, "sha256")

    def _decrypt(self, table: str, content: object, name: bytes) -> bytes:
        if not isinstance(content, bytes):
            raise _unopened(table)
        try:
            return self._rows.decrypt(content[:_NONCE], content[_NONCE:], name)
        except (InvalidTag, ValueError):
            raise _unopened(table) from None

    def _name(self, table: str, row: bytes, revision: int) -> bytes:
        number = revision.to_bytes(_REVISION_BYTES, "big")
        return b"\0".join((_ROW_LABEL, self._vault_id, table.encode(), number, row))


def _unopened(table: str) -> VaultError:
    return damaged(f"a row of {table!r} does not open")


def _derive(data_key: bytes, vault_id: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, vault_id, _LABEL + b" " + purpose).derive(data_key)
