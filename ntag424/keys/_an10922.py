"""Keys diversified as NXP recommends (AN10922)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property

from ntag424.arguments import require_octets
from ntag424.keys._scheme import EPOCHS, require, require_key
from ntag424.model import Key

# DF name of the NDEF application (NT4H2421Gx §8.2.2), as part of the derivation input.
_APPLICATION = bytes.fromhex("D2760000850101")
_ANY_TAG = bytes(7)


@dataclass(frozen=True)
class An10922Keys:
    """AN10922 over `UID (7) || DF name (7) || key number (1) || system id [|| epoch (1)]`.

    The epoch byte is there from epoch 1 on. The meta-read key has zeros for the UID
    and always ends in an epoch byte of zero, so it is no tag's key.
    """

    file_read_number = 2
    meta_read_number = 1
    epochs = EPOCHS

    master: Key = field(repr=False)
    _: KW_ONLY
    #: 0 to 15 bytes that keep two installations under one master key apart.
    system_id: bytes = b""

    def __post_init__(self) -> None:
        require_key("master", self.master)
        require_octets("system_id", self.system_id)
        if len(self.system_id) > 15:
            raise ValueError("a system id has at most 15 bytes")

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, EPOCHS)
        return self._derive(uid, key_number, bytes((epoch,)) if epoch else b"")

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        return self._meta_read_key

    @cached_property
    def _meta_read_key(self) -> Key:
        return self._derive(_ANY_TAG, self.meta_read_number, b"\x00")

    def _derive(self, uid: bytes, key_number: int, epoch: bytes) -> Key:
        message = uid + _APPLICATION + bytes((key_number,)) + self.system_id + epoch
        return Key(self.master.aes.an10922(message))
