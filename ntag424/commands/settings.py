"""The settings of files, and the read counter (NT4H2421Gx §10.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntag424.arguments import require_type
from ntag424.commands._command import (
    Command,
    NoAnswer,
    require_file,
    require_length,
)
from ntag424.model.files import CommMode, FileDescription, FileSettings


@dataclass(frozen=True, slots=True)
class GetFileSettings(Command[FileDescription]):
    """Read the settings and size of a file; free for everybody (§10.7.2)."""

    ins: ClassVar[int] = 0xF5

    file_number: int

    def __post_init__(self) -> None:
        require_file(self.file_number)

    def header(self) -> bytes:
        """FileNo (1)."""
        return bytes((self.file_number,))

    def parse(self, answer: bytes) -> FileDescription:
        """FileType (1) || FileOption (1) || AccessRights (2) || FileSize (3) [|| SDM block]."""
        return FileDescription.from_bytes(answer)


@dataclass(frozen=True, slots=True)
class ChangeFileSettings(NoAnswer):
    """Replace the settings of a file, all of them (§10.7.1).

    Encrypted where the Change right is a key; in plain *mode* where everybody has it.
    """

    ins: ClassVar[int] = 0x5F

    file_number: int
    settings: FileSettings
    mode: CommMode = CommMode.FULL

    def __post_init__(self) -> None:
        require_file(self.file_number)
        require_type("settings", self.settings, FileSettings)
        require_type("mode", self.mode, CommMode)
        if self.settings.sdm is not None and self.file_number != 2:
            raise ValueError("only file 2 has Secure Dynamic Messaging")
        if self.mode is CommMode.MAC:
            raise ValueError("settings travel encrypted or plain")

    @property
    def comm_mode(self) -> CommMode:
        """As told."""
        return self.mode

    @property
    def needs_authentication(self) -> bool:
        """Encrypted: where the Change right is a key."""
        return self.mode is not CommMode.PLAIN

    def header(self) -> bytes:
        """FileNo (1)."""
        return bytes((self.file_number,))

    def payload(self) -> bytes:
        """FileOption (1) || AccessRights (2) [|| SDM block]."""
        return bytes(self.settings)


@dataclass(frozen=True, slots=True)
class GetFileCounters(Command[int]):
    """Read SDMReadCtr of file 2, the only one that has it (§10.7.3).

    Encrypted where SDMCtrRet is a key, which is what real tags were seen to do. Where
    everybody may read it, the data sheet does not say: ask without authentication.
    """

    ins: ClassVar[int] = 0xF6

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    def header(self) -> bytes:
        """FileNo 02h (1)."""
        return b"\x02"

    def parse(self, answer: bytes) -> int:
        """SDMReadCtr (3, LSB first) || 0000h."""
        require_length(answer, 5)
        return int.from_bytes(answer[:3], "little")
