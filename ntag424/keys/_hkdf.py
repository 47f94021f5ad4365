"""Keys derived with HKDF-SHA256 (RFC 5869)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property

from ntag424.arguments import require_octets
from ntag424.crypto import hkdf_sha256
from ntag424.keys._scheme import EPOCHS, require, require_key
from ntag424.model import Key

_TAG_LABEL = b"ntag424 tag key v1"
_META_LABEL = b"ntag424 meta key v1"


@dataclass(frozen=True)
class HkdfKeys:
    """HKDF with `info = label || key number (1) || epoch (1) || UID (7)`, 16 bytes.

    The label is "ntag424 tag key v1"; for the meta-read key it is "ntag424 meta key
    v1", followed by the key number alone.
    """

    file_read_number = 2
    meta_read_number = 1
    epochs = EPOCHS

    master: Key = field(repr=False)
    _: KW_ONLY
    salt: bytes = b""

    def __post_init__(self) -> None:
        require_key("master", self.master)
        require_octets("salt", self.salt)

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, EPOCHS)
        return self._derive(_TAG_LABEL + bytes((key_number, epoch)) + uid)

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        return self._meta_read_key

    @cached_property
    def _meta_read_key(self) -> Key:
        return self._derive(_META_LABEL + bytes((self.meta_read_number,)))

    def _derive(self, info: bytes) -> Key:
        return Key(hkdf_sha256(bytes(self.master), salt=self.salt, info=info, length=16))
