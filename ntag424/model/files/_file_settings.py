"""The settings of a file, as they are written and as they are read (NT4H2421Gx §10.7)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.arguments import require_octets, require_type
from ntag424.model.files._access import FREE, AccessRights
from ntag424.model.files._comm_mode import CommMode
from ntag424.model.files._sdm_block import SdmBlock
from ntag424.model.files._sdm_reading import read_sdm_block

_SDM, _MODE = 0x40, 0x03
#: The chip takes both for plain communication.
_MODES = {0: CommMode.PLAIN, 1: CommMode.MAC, 2: CommMode.PLAIN, 3: CommMode.FULL}
_STANDARD_DATA = 0x00


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Communication mode, access rights and, on file 2, Secure Dynamic Messaging."""

    comm_mode: CommMode
    access: AccessRights
    sdm: SdmBlock | None = None

    def __post_init__(self) -> None:
        require_type("comm_mode", self.comm_mode, CommMode, instead="CommMode.PLAIN")
        require_type("access", self.access, AccessRights, instead="AccessRights(...)")
        if self.sdm is not None:
            require_type("sdm", self.sdm, SdmBlock, instead="SdmBlock(...)")

    def mode_for_reading(self, key_number: int | None) -> CommMode:
        """Say how ReadData travels for who is authenticated with *key_number*, or not at all.

        The file's mode counts only where a key grants the access (§8.2.3.5).
        """
        return self._mode(key_number, self.access.read, self.access.read_write)

    def mode_for_writing(self, key_number: int | None) -> CommMode:
        """Say how WriteData travels; see `mode_for_reading`."""
        return self._mode(key_number, self.access.write, self.access.read_write)

    def mode_for_changing(self) -> CommMode:
        """Say how ChangeFileSettings travels: plain where everybody may."""
        return CommMode.PLAIN if self.access.change is FREE else CommMode.FULL

    def _mode(self, key_number: int | None, *conditions: object) -> CommMode:
        granted = key_number is not None and key_number in conditions
        return self.comm_mode if granted else CommMode.PLAIN

    def __bytes__(self) -> bytes:
        """FileOption (1) || AccessRights (2) [|| SDM block]."""
        option = self.comm_mode | (_SDM if self.sdm is not None else 0)
        sdm = b"" if self.sdm is None else bytes(self.sdm)
        return bytes((option,)) + bytes(self.access) + sdm

    @classmethod
    def from_bytes(cls, octets: bytes) -> FileSettings:
        """Undo `bytes()`.

        Raises:
            ValueError: no tag has these settings.

        """
        require_octets("file settings", octets)
        if len(octets) < 3:
            raise ValueError("file settings have at least 3 bytes")
        option = octets[0]
        if option & ~(_SDM | _MODE):
            raise ValueError(f"FileOption {option:02X} sets reserved bits")
        access = AccessRights.from_bytes(octets[1:3])
        if option & _SDM:
            return cls(_MODES[option & _MODE], access, read_sdm_block(octets[3:]))
        if len(octets) > 3:
            raise ValueError("without SDM, file settings end after the access rights")
        return cls(_MODES[option & _MODE], access)


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What GetFileSettings tells of a file: its settings, and its size in bytes."""

    settings: FileSettings
    size: int

    def __bytes__(self) -> bytes:
        """FileType 0 (1) || FileOption (1) || AccessRights (2) || FileSize (3) [|| SDM block]."""
        settings = bytes(self.settings)
        head = bytes((_STANDARD_DATA,)) + settings[:3]
        return head + self.size.to_bytes(3, "little") + settings[3:]

    @classmethod
    def from_bytes(cls, octets: bytes) -> FileDescription:
        """Undo `bytes()`.

        Raises:
            ValueError: no tag describes a file so.

        """
        require_octets("the description of a file", octets)
        if len(octets) < 7 or octets[0] != _STANDARD_DATA:
            raise ValueError("the description of a data file has at least 7 bytes, the first 00")
        settings = FileSettings.from_bytes(octets[1:4] + octets[7:])
        return cls(settings, int.from_bytes(octets[4:7], "little"))


#: File number to settings, as NXP delivers a tag (§8.2.3).
FACTORY_SETTINGS = {
    1: FileSettings(CommMode.PLAIN, AccessRights(FREE, 0, 0, 0)),
    2: FileSettings(CommMode.PLAIN, AccessRights(FREE, FREE, FREE, 0)),
    3: FileSettings(CommMode.FULL, AccessRights(2, 3, 3, 0)),
}
FILE_SIZES = {1: 32, 2: 256, 3: 128}
