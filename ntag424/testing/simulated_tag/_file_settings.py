"""File settings as ChangeFileSettings brings them (NT4H2421Gx §10.7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.testing.simulated_tag._access_rights import (
    ANY_CONDITION,
    FREE,
    NEVER,
    known,
    parse_conditions,
    require_condition,
)
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._refusal import SettingsLengthError
from ntag424.testing.simulated_tag._sdm_model import Chip, Sdm
from ntag424.testing.simulated_tag._sdm_settings import parse_sdm, read_sdm

SDM_ENABLED = 0x40
_FIXED = 3
_COMM_MODE = 0x03


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Who may do what with a file, how it travels, and what SDM does to it.

    *read*, *write*, *read_write* and *change* are access conditions: a key number, FREE
    or NEVER. *comm_mode* applies where a key grants the access.
    """

    read: int
    write: int
    read_write: int
    change: int
    comm_mode: CommMode
    sdm: Sdm | None

    @property
    def free_to_read(self) -> bool:
        """True if Read, ReadWrite or SDMFileRead lets anybody read."""
        secured = self.sdm is not None and self.sdm.secured is not None
        return secured or FREE in (self.read, self.read_write)

    @property
    def closed_to_readers(self) -> bool:
        """True if not even a key opens the file for reading."""
        return not self.free_to_read and {self.read, self.read_write} == {NEVER}


def parse_file_settings(settings: bytes, chip: Chip) -> FileSettings:
    """Read FileOption (1) || AccessRights (2 LE) [|| SDM block].

    Raises:
        SettingsLengthError: they are too short or too long.
        ValueError: *chip* would refuse these settings; the sentence says why.
    """
    _require_fixed_part(settings)
    option = settings[0]
    if option & ~(SDM_ENABLED | _COMM_MODE):
        raise ValueError(f"FileOption {option:02X} sets reserved bits")
    change, read_write, write, read = parse_conditions(settings[1:3])
    require_condition("Change", change, ANY_CONDITION)
    require_condition("ReadWrite", read_write, ANY_CONDITION)
    require_condition("Write", write, ANY_CONDITION)
    require_condition("Read", read, ANY_CONDITION)
    sdm = None
    if option & SDM_ENABLED:
        sdm = parse_sdm(settings[3:], chip)
    elif len(settings) > 3:
        raise SettingsLengthError("file settings without SDM end after AccessRights")
    return FileSettings(read, write, read_write, change, CommMode.from_option(option), sdm)


def read_file_settings(settings: bytes, chip: Chip, *, has_sdm: bool) -> FileSettings:
    """Take settings as *chip* would if it held them, also such as it refuses to be given.

    A reserved condition lets nobody pass, as F does (§8.2.3.3); reserved bits say nothing.
    Only the file that *has_sdm* mirrors anything.

    Raises:
        SettingsLengthError: not even FileOption and AccessRights are there.
    """
    _require_fixed_part(settings)
    change, read_write, write, read = (
        known(condition, ANY_CONDITION) for condition in parse_conditions(settings[1:3])
    )
    sdm = None
    if has_sdm and settings[0] & SDM_ENABLED and len(settings) >= 2 * _FIXED:
        sdm = read_sdm(settings[_FIXED:], chip)
    return FileSettings(read, write, read_write, change, CommMode.from_option(settings[0]), sdm)


def _require_fixed_part(settings: bytes) -> None:
    if len(settings) < _FIXED:
        raise SettingsLengthError(
            "file settings have at least FileOption and AccessRights, 3 bytes"
        )
