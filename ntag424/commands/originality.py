"""Read_Sig: NXP's signature over the UID (NT4H2421Gx §10.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntag424.apdu import Status
from ntag424.commands._command import Command, require_length
from ntag424.model.files import CommMode


@dataclass(frozen=True, slots=True)
class ReadSignature(Command[bytes]):
    """Read the originality signature, 56 bytes; with random IDs on, with any key."""

    ins: ClassVar[int] = 0x3C
    success: ClassVar[int] = Status.SIGNATURE_OK

    @property
    def name(self) -> str:
        """What the data sheet calls it."""
        return "Read_Sig"

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    def header(self) -> bytes:
        """Address 00h (1)."""
        return b"\x00"

    def parse(self, answer: bytes) -> bytes:
        """Signature: r (28) || s (28)."""
        require_length(answer, 56)
        return answer
