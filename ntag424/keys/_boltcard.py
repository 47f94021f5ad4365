"""Keys as Boltcard issuers derive them, so that their cards verify here untouched."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ntag424.arguments import require_number
from ntag424.keys._scheme import NO_EPOCHS, require, require_key
from ntag424.model import Key

_CARD_KEY = bytes.fromhex("2D003F75")
# K0 to K4, in the order of their slots.
_SLOTS = tuple(bytes.fromhex(f"2D003F{number:X}") for number in range(0x76, 0x7B))
_META_READ = 1


@dataclass(frozen=True)
class BoltcardKeys:
    """Boltcard's deterministic keys: AES-CMACs of fixed labels (docs/DETERMINISTIC.md).

    Key 1, which encrypts PICCData, comes from the issuer key alone; the others from a
    card key over UID and *version*. A card that is programmed again gets the next
    version: give each its own key version in the keyring.
    """

    file_read_number = 2
    meta_read_number = _META_READ
    epochs = NO_EPOCHS

    issuer_key: Key = field(repr=False)
    #: 0 to FFFFFFFFh; four bytes, LSB first, in the derivation.
    version: int = 1

    def __post_init__(self) -> None:
        require_key("issuer_key", self.issuer_key)
        require_number("version", self.version)
        if not 0 <= self.version < 1 << 32:
            raise ValueError("a Boltcard version is a number of 32 bits")

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        if key_number == _META_READ:
            return self._meta_read_key
        message = _CARD_KEY + uid + self.version.to_bytes(4, "little")
        card_key = Key(self.issuer_key.aes.cmac(message))
        return Key(card_key.aes.cmac(_SLOTS[key_number]))

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        return self._meta_read_key

    @cached_property
    def _meta_read_key(self) -> Key:
        return Key(self.issuer_key.aes.cmac(_SLOTS[_META_READ]))
