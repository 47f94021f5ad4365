"""GetTTStatus, on TagTamper chips (NT4H2421Tx)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntag424.commands._command import Command
from ntag424.model import TamperStatus
from ntag424.model.files import CommMode


@dataclass(frozen=True, slots=True)
class GetTamperStatus(Command[TamperStatus]):
    """Measure the tamper loop and tell what was ever found."""

    ins: ClassVar[int] = 0xF7

    @property
    def name(self) -> str:
        """What the data sheet calls it."""
        return "GetTTStatus"

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    def parse(self, answer: bytes) -> TamperStatus:
        """TTPermStatus (1) || TTCurrStatus (1)."""
        return TamperStatus.from_bytes(answer)
