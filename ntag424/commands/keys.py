"""ChangeKey, in its two shapes (NT4H2421Gx §10.6.1)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import ClassVar

from ntag424.arguments import require_number, require_type
from ntag424.commands._command import AnswerMac, NoAnswer
from ntag424.model import Key
from ntag424.model.files import CommMode


@dataclass(frozen=True, slots=True)
class ChangeKey(NoAnswer):
    """Replace application key 1 to 4. Needs an authentication with key 0.

    A wrong *old_key* is refused with 911E, and nothing is written. An answer that was
    lost leaves open which of the two keys is on the tag: never just send it again.
    """

    ins: ClassVar[int] = 0xC4

    key_number: int
    old_key: Key = field(repr=False)
    new_key: Key = field(repr=False)
    key_version: int

    def __post_init__(self) -> None:
        if require_number("a key number", self.key_number) not in range(1, 5):
            raise ValueError("keys 1 to 4 are changed so; key 0 with ChangeMasterKey")
        require_type("old_key", self.old_key, Key)
        require_type("new_key", self.new_key, Key)
        _require_version(self.key_version)

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    @property
    def needs_authentication(self) -> bool:
        """Always."""
        return True

    def header(self) -> bytes:
        """KeyNo (1)."""
        return bytes((self.key_number,))

    def payload(self) -> bytes:
        """NewKey xor OldKey (16) || KeyVer (1) || CRC32NK (4)."""
        old, new = bytes(self.old_key), bytes(self.new_key)
        mixed = bytes(one ^ other for one, other in zip(old, new, strict=True))
        return mixed + bytes((self.key_version,)) + key_crc(new)


@dataclass(frozen=True, slots=True)
class ChangeMasterKey(NoAnswer):
    """Replace application key 0, authenticated with it. The authentication ends here."""

    ins: ClassVar[int] = 0xC4
    answer_mac: ClassVar[AnswerMac] = AnswerMac.ABSENT

    new_key: Key = field(repr=False)
    key_version: int

    def __post_init__(self) -> None:
        require_type("new_key", self.new_key, Key)
        _require_version(self.key_version)

    @property
    def name(self) -> str:
        """The data sheet has one name for both shapes."""
        return "ChangeKey"

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    @property
    def needs_authentication(self) -> bool:
        """Always."""
        return True

    def header(self) -> bytes:
        """KeyNo 0 (1)."""
        return b"\x00"

    def payload(self) -> bytes:
        """NewKey (16) || KeyVer (1)."""
        return bytes(self.new_key) + bytes((self.key_version,))


def key_crc(key: bytes) -> bytes:
    """Compute CRC32NK, 4 bytes, LSB first: CRC-32 without its final inversion (§10.6.1)."""
    return (zlib.crc32(key) ^ 0xFFFFFFFF).to_bytes(4, "little")


def _require_version(version: int) -> None:
    if not 0 <= require_number("a key version", version) <= 0xFF:
        raise ValueError(f"a key version is 0 to 255, not {version}")
