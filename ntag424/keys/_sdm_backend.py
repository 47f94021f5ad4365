"""Keys as nfc-developer/sdm-backend derives them, so that its tags verify here untouched.

Its setting DERIVE_MODE says how: `standard`, or `legacy`, which is its default. In both a
MASTER_KEY of sixteen zeros, which is its default too, stands for factory keys in every slot.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ntag424.arguments import require_octets
from ntag424.crypto import aes_cmac
from ntag424.keys._scheme import NO_EPOCHS, require
from ntag424.model import Key

_ROUNDS = 5000
#: Keys that `_pbkdf2` remembers in a process: of so many tags, at a hundred bytes or two each.
_REMEMBERED = 16384


@dataclass(frozen=True)
class _SdmBackendKeys:
    """What the two modes have in common."""

    file_read_number = 2
    meta_read_number = 1
    epochs = NO_EPOCHS

    #: Its MASTER_KEY: 16 bytes, or any other number of them.
    master: Key | bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.master, Key):
            instead = "Key.from_hex(...) or bytes.fromhex(...)"
            require_octets("master", self.master, instead=instead)

    @property
    def _is_default(self) -> bool:
        return hmac.compare_digest(bytes(self.master), bytes(16))


class SdmBackendKeys(_SdmBackendKeys):
    """`DERIVE_MODE=standard`: HMAC-SHA256 and AES-CMAC."""

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        if self._is_default:
            return Key(bytes(16))
        slot_key = self._hmac(b"SlotMasterKey" + bytes((key_number,)))[:16]
        digest = hmac.digest(self._base_key, uid, "sha256")[:16]
        return Key(aes_cmac(slot_key, b"\x01" + digest))

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        return self._meta_read_key

    @cached_property
    def _meta_read_key(self) -> Key:
        return Key(bytes(16) if self._is_default else self._hmac(b"PICCDataKey")[:16])

    @cached_property
    def _base_key(self) -> bytes:
        return self._hmac(b"DivBaseKey")

    def _hmac(self, label: bytes) -> bytes:
        return hmac.digest(bytes(self.master), label, "sha256")


class SdmBackendLegacyKeys(_SdmBackendKeys):
    """`DERIVE_MODE=legacy`: PBKDF2-HMAC-SHA512 (RFC 8018) of 5,000 rounds, 16 bytes.

    The salt is "key", UID (7) and key number (1); that of PICCData's key is "key_no_uid"
    and key number. A derivation takes milliseconds, so the keys of the tags that were
    asked for last are remembered: the time tells whether a UID was seen lately.
    """

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        return self._derive(b"key" + bytes(uid) + bytes((key_number,)))

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        return self._meta_read_key

    @cached_property
    def _meta_read_key(self) -> Key:
        return self._derive(b"key_no_uid" + bytes((self.meta_read_number,)))

    def _derive(self, salt: bytes) -> Key:
        return Key(bytes(16)) if self._is_default else _pbkdf2(bytes(self.master), salt)


# Of the module, not of a scheme: what a scheme holds is pickled for worker processes.
@lru_cache(maxsize=_REMEMBERED)
def _pbkdf2(master: bytes, salt: bytes) -> Key:
    return Key(hashlib.pbkdf2_hmac("sha512", master, salt, _ROUNDS, 16))
