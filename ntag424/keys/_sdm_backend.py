"""Keys as nfc-developer/sdm-backend derives them, so that its tags verify here untouched."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from ntag424.crypto import aes_cmac
from ntag424.keys._scheme import NO_EPOCHS, require
from ntag424.model import Key


@dataclass(frozen=True)
class SdmBackendKeys:
    """HMAC-SHA256 and AES-CMAC, as sdm-backend does it since 2023-01-24.

    A master of sixteen zeros, that server's default, stands for tags with factory
    keys in every slot.
    """

    file_read_number: ClassVar[int] = 2
    meta_read_number: ClassVar[int] = 1
    epochs: ClassVar[range] = NO_EPOCHS

    #: Its MASTER_KEY: 16 bytes, or any other number of them.
    master: Key | bytes = field(repr=False)

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

    @property
    def _is_default(self) -> bool:
        return hmac.compare_digest(bytes(self.master), bytes(16))

    @cached_property
    def _meta_read_key(self) -> Key:
        return Key(bytes(16) if self._is_default else self._hmac(b"PICCDataKey")[:16])

    @cached_property
    def _base_key(self) -> bytes:
        return self._hmac(b"DivBaseKey")

    def _hmac(self, label: bytes) -> bytes:
        return hmac.digest(bytes(self.master), label, "sha256")
