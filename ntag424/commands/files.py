"""ReadData and WriteData (NT4H2421Gx §10.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ntag424.arguments import require_bytes, require_number, require_type
from ntag424.commands._command import (
    Command,
    NoAnswer,
    require_file,
    require_length,
)
from ntag424.model.files import CommMode

#: Most bytes that one answer carries, by mode (§8.3: 256 with MAC and padding).
MOST_READ = {CommMode.PLAIN: 256, CommMode.MAC: 248, CommMode.FULL: 239}
#: Most bytes that one command carries, by mode (Lc 255 with header, MAC and padding).
MOST_WRITTEN = {CommMode.PLAIN: 248, CommMode.MAC: 240, CommMode.FULL: 239}
_LARGEST = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class ReadData(Command[bytes]):
    """Read bytes of a file; *length* 0 reads to its end.

    *mode* is the file's, where a key grants the access; plain, where everybody has it.
    """

    ins: ClassVar[int] = 0xAD

    file_number: int
    offset: int = 0
    length: int = 0
    mode: CommMode = CommMode.PLAIN

    def __post_init__(self) -> None:
        require_file(self.file_number)
        _require_three_bytes(self.offset)
        require_type("mode", self.mode, CommMode)
        if not 0 <= require_number("a length", self.length) <= MOST_READ[self.mode]:
            raise ValueError(f"one answer carries 1 to {MOST_READ[self.mode]} bytes in this mode")

    @property
    def comm_mode(self) -> CommMode:
        """As told."""
        return self.mode

    @property
    def needs_authentication(self) -> bool:
        """With a MAC or encrypted."""
        return self.mode is not CommMode.PLAIN

    def header(self) -> bytes:
        """FileNo (1) || Offset (3) || Length (3)."""
        return _place(self.file_number, self.offset, self.length)

    def parse(self, answer: bytes) -> bytes:
        """Return the bytes as they are."""
        if self.length:
            require_length(answer, self.length)
        return answer


@dataclass(frozen=True, slots=True)
class WriteData(NoAnswer):
    """Write bytes of a file. *mode* as for `ReadData`."""

    ins: ClassVar[int] = 0x8D

    file_number: int
    offset: int
    content: bytes = field(repr=False)
    mode: CommMode = CommMode.PLAIN

    def __post_init__(self) -> None:
        require_file(self.file_number)
        _require_three_bytes(self.offset)
        require_type("mode", self.mode, CommMode)
        most = MOST_WRITTEN[self.mode]
        if not 1 <= len(require_bytes("the content", self.content)) <= most:
            raise ValueError(f"one command carries 1 to {most} bytes in this mode")

    @property
    def comm_mode(self) -> CommMode:
        """As told."""
        return self.mode

    @property
    def needs_authentication(self) -> bool:
        """With a MAC or encrypted."""
        return self.mode is not CommMode.PLAIN

    def header(self) -> bytes:
        """FileNo (1) || Offset (3) || Length (3)."""
        return _place(self.file_number, self.offset, len(self.content))

    def payload(self) -> bytes:
        """Return the bytes as they are."""
        return self.content


def _place(file_number: int, offset: int, length: int) -> bytes:
    return bytes((file_number,)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")


def _require_three_bytes(offset: int) -> None:
    if not 0 <= require_number("an offset", offset) <= _LARGEST:
        raise ValueError(f"an offset has three bytes, not {offset}")
