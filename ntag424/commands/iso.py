"""The three ISO commands, for tags that nobody is authenticated to (NT4H2421Gx §10.9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ntag424.apdu import CommandApdu, Status
from ntag424.arguments import require_bytes, require_number
from ntag424.commands._command import Request, require_length

#: DF names (NT4H2421Gx §8.2.2).
PICC_NAME = bytes.fromhex("D2760000850100")
APPLICATION_NAME = bytes.fromhex("D2760000850101")
#: ISO file identifiers of files 1 to 3.
FILE_IDS = {1: 0xE103, 2: 0xE104, 3: 0xE105}

_LARGEST_OFFSET = 0x7FFF
_LONGEST_NAME = 16


@dataclass(frozen=True, slots=True)
class IsoSelectApplication(Request[None]):
    """ISOSelectFile by DF name (§10.9.1). Ends an authentication, or counts as if it did."""

    success: ClassVar[int] = Status.ISO_OK

    application: bytes = APPLICATION_NAME

    def __post_init__(self) -> None:
        length = len(require_bytes("the name of an application", self.application))
        if not 1 <= length <= _LONGEST_NAME:
            raise ValueError(f"a DF name has 1 to {_LONGEST_NAME} bytes, not {length}")

    def apdu(self) -> CommandApdu:
        """00h A4h 04h 0Ch Lc DFName 00h."""
        return CommandApdu(0xA4, self.application, cla=0x00, p1=0x04, p2=0x0C)

    def parse(self, answer: bytes) -> None:
        """Nothing: no FCI is ever returned."""
        require_length(answer, 0)


@dataclass(frozen=True, slots=True)
class IsoSelectFile(Request[None]):
    """ISOSelectFile by file identifier, inside the selected application (§10.9.1)."""

    success: ClassVar[int] = Status.ISO_OK

    file_id: int

    def __post_init__(self) -> None:
        if not 0 <= require_number("a file identifier", self.file_id) <= 0xFFFF:
            raise ValueError(f"a file identifier has two bytes, not {self.file_id:X}")

    def apdu(self) -> CommandApdu:
        """00h A4h 00h 0Ch 02h FID (2) 00h."""
        return CommandApdu(0xA4, self.file_id.to_bytes(2, "big"), cla=0x00, p2=0x0C)

    def parse(self, answer: bytes) -> None:
        """Nothing: no FCI is ever returned."""
        require_length(answer, 0)


@dataclass(frozen=True, slots=True)
class IsoReadBinary(Request[bytes]):
    """Read up to 256 bytes of the selected file; *length* 0 reads to its end (§10.9.2)."""

    success: ClassVar[int] = Status.ISO_OK

    offset: int = 0
    length: int = 0

    def __post_init__(self) -> None:
        _require_offset(self.offset)
        if not 0 <= require_number("a length", self.length) <= 256:
            raise ValueError(f"one command reads 1 to 256 bytes, not {self.length}")

    def apdu(self) -> CommandApdu:
        """00h B0h P1P2 = offset, Le."""
        p1, p2 = divmod(self.offset, 0x100)
        return CommandApdu(0xB0, cla=0x00, p1=p1, p2=p2, le=self.length % 256)

    def parse(self, answer: bytes) -> bytes:
        """Return the bytes as they are."""
        if self.length:
            require_length(answer, self.length)
        return answer


@dataclass(frozen=True, slots=True)
class IsoUpdateBinary(Request[None]):
    """Write 1 to 255 bytes of the selected file (§10.9.3)."""

    success: ClassVar[int] = Status.ISO_OK

    offset: int
    content: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_offset(self.offset)
        length = len(require_bytes("the content", self.content))
        if not 1 <= length <= 255:
            raise ValueError(f"one command writes 1 to 255 bytes, not {length}")

    def apdu(self) -> CommandApdu:
        """00h D6h P1P2 = offset, Lc content, and no Le: tags answer 6700 to one.

        AN12196 table 17 prints one; the data sheet has none (NT4H2421Gx table 22).
        """
        p1, p2 = divmod(self.offset, 0x100)
        return CommandApdu(0xD6, self.content, cla=0x00, p1=p1, p2=p2, le=None)

    def parse(self, answer: bytes) -> None:
        """Nothing."""
        require_length(answer, 0)


def _require_offset(offset: int) -> None:
    if not 0 <= require_number("an offset", offset) <= _LARGEST_OFFSET:
        raise ValueError(f"an offset is 0 to {_LARGEST_OFFSET}, not {offset}")
