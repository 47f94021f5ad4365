"""The data key of a vault, sealed under a passphrase or under a key file."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault._unlock import KeyFile, Lock, Passphrase, Unlock

_LABEL = b"ntag424 vault v1 data key"
_NONCE, _SALT = 12, 16
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
            return HKDF(SHA256(), 32, salt, _LABEL).derive(unlock.read())
        case Passphrase():
            raise _wrong_kind(Lock.KEY_FILE)
        case KeyFile():
            raise _wrong_kind(Lock.PASSPHRASE)


def _wrong_kind(lock: Lock) -> VaultError:
    return VaultError(f"this vault opens with a {lock}", "Give that instead.")


def _name(vault_id: bytes, salt: bytes, cost: Cost | None) -> bytes:
    return _LABEL + vault_id + salt + (b"" if cost is None else bytes(cost))
