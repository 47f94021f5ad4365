"""Seals what stands in a row, so that it opens in that row of that vault and nowhere else."""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ntag424 import Uid
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault._failures import damaged

_LABEL, _ROW_LABEL = b"ntag424 vault v1", b"ntag424 vault v2 row"
_NONCE, _REVISION_BYTES = 12, 8


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
