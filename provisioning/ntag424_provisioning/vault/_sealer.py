"""Seals what stands in a row, so that it opens in that row of that vault and nowhere else."""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ntag424 import Uid
from ntag424_provisioning.vault._failures import damaged

_LABEL = b"ntag424 vault v1"
_NONCE = 12


class Sealer:
    """AES-256-GCM under a key derived from the data key; the nonce is drawn for every write.

    Random nonces of 96 bits are safe for 2^32 writes: many more than a vault sees.
    """

    def __init__(self, data_key: bytes, vault_id: bytes) -> None:
        self._vault_id = vault_id
        self._rows = AESGCM(_derive(data_key, vault_id, b"rows"))
        self._index = _derive(data_key, vault_id, b"index")
        self._others = _derive(data_key, vault_id, b"others")

    def row_id(self, uid: Uid) -> bytes:
        """Return the name of a tag's row, 32 bytes that do not tell the UID."""
        return hmac.digest(self._index, uid, "sha256")

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes that only this vault gives, others for each *label*."""
        return HKDF(SHA256(), 32, None, label).derive(self._others)

    def seal(self, table: str, row: bytes, value: bytes) -> bytes:
        """Return *value* sealed for one row: nonce (12) || ciphertext || tag (16)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._rows.encrypt(nonce, value, self._name(table, row))

    def open(self, table: str, row: object, sealed: object) -> bytes:
        """Undo `seal`; a damaged file may hold anything.

        Raises:
            VaultError: it was not sealed for this row, or was changed since.

        """
        try:
            if not isinstance(sealed, bytes) or not isinstance(row, bytes):
                raise ValueError  # noqa: TRY301, TRY004 - one answer to everything wrong
            return self._rows.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._name(table, row))
        except (InvalidTag, ValueError):
            raise damaged(f"a row of {table!r} does not open") from None

    def _name(self, table: str, row: bytes) -> bytes:
        return b"\0".join((_LABEL, self._vault_id, table.encode(), row))


def _derive(data_key: bytes, vault_id: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, vault_id, _LABEL + b" " + purpose).derive(data_key)
