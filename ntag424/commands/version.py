"""Who is there: version, UID and key versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntag424.commands._command import Command, require_key, require_length
from ntag424.model import Uid
from ntag424.model.files import CommMode
from ntag424.model.version import TagVersion


@dataclass(frozen=True, slots=True)
class GetVersion(Command[TagVersion]):
    """Identify the chip (NT4H2421Gx §10.5.2): the only way to tell it from its relatives."""

    ins: ClassVar[int] = 0x60
    frames: ClassVar[int] = 3

    def parse(self, answer: bytes) -> TagVersion:
        """Hardware (7) || software (7) || production (14 or 15)."""
        return TagVersion.from_bytes(answer)


@dataclass(frozen=True, slots=True)
class GetCardUid(Command[Uid]):
    """Read the real UID, with any key; the only way to it under random IDs (§10.5.3)."""

    ins: ClassVar[int] = 0x51

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    @property
    def needs_authentication(self) -> bool:
        """Always."""
        return True

    def parse(self, answer: bytes) -> Uid:
        """UID (7)."""
        return Uid(answer)


@dataclass(frozen=True, slots=True)
class GetKeyVersion(Command[int]):
    """Read the version byte of a key (§10.6.2); says nothing of the key itself."""

    ins: ClassVar[int] = 0x64

    key_number: int

    def __post_init__(self) -> None:
        require_key(self.key_number)

    def header(self) -> bytes:
        """KeyNo (1)."""
        return bytes((self.key_number,))

    def parse(self, answer: bytes) -> int:
        """KeyVer (1)."""
        require_length(answer, 1)
        return answer[0]
