"""Which life of a tag a tap belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.arguments import require_number, require_octets


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """The key version a tag was written under, and how often it was provisioned.

    Provisioning restarts the chip's read counter, so counters compare within one
    generation only. Later generations are greater.
    """

    #: Ordinal of the key version in its keyring, 0 to 255.
    key_version: int = 0
    #: How often the tag was provisioned, 0 to 255; 0 where templates do not say.
    epoch: int = 0

    def __post_init__(self) -> None:
        require_number("key_version", self.key_version)
        require_number("epoch", self.epoch)
        if not (0 <= self.key_version <= 0xFF and 0 <= self.epoch <= 0xFF):
            raise ValueError("key version and epoch are 0 to 255 each")

    def __bytes__(self) -> bytes:
        """KeyVersion (1) || Epoch (1)."""
        return bytes((self.key_version, self.epoch))

    @classmethod
    def from_bytes(cls, value: bytes) -> Generation:
        """Undo `bytes()`."""
        require_octets("a generation", value)
        if len(value) != 2:
            raise ValueError(f"a generation has 2 bytes, not {len(value)}")
        return cls(*value)
