"""What lies where on the chip, and what ISOSelectFile makes current (NT4H2421Gx §8.2, §10.9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._file_settings import (
    SDM_ENABLED,
    FileSettings,
    parse_file_settings,
    read_file_settings,
)
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._sdm_model import FILE_SIZE, Chip

MASTER_FILE_NAME = bytes.fromhex("D2760000850100")
APPLICATION_NAME = bytes.fromhex("D2760000850101")
MASTER_FILE_ID = 0x3F00
APPLICATION_ID = 0xE110

CC_FILE, NDEF_FILE, PROPRIETARY_FILE = 1, 2, 3
FILE_NUMBERS = {0xE103: CC_FILE, 0xE104: NDEF_FILE, 0xE105: PROPRIETARY_FILE}

_LONGEST_NAME = 16

FILE_SIZES: Mapping[int, int] = MappingProxyType(
    {CC_FILE: 32, NDEF_FILE: FILE_SIZE, PROPRIETARY_FILE: 128}
)

_NAMES: Mapping[int, str] = MappingProxyType(
    {
        CC_FILE: "the capability container",
        NDEF_FILE: "the NDEF file",
        PROPRIETARY_FILE: "the proprietary file",
    }
)

#: At delivery: the capability container with its NDEF and proprietary TLVs.
CC = bytes.fromhex("001720010000FF0406E104010000000506E10500808283")
#: At delivery: FileOption || AccessRights of each file.
CC_SETTINGS = bytes.fromhex("0000E0")
NDEF_SETTINGS = bytes.fromhex("00E0EE")
PROPRIETARY_SETTINGS = bytes.fromhex("033023")


@dataclass(frozen=True, slots=True)
class TagFile:
    """One file: its bytes, and its settings raw and understood."""

    content: bytes = field(repr=False)
    raw_settings: bytes
    settings: FileSettings

    @classmethod
    def of(cls, content: bytes, raw_settings: bytes, chip: Chip) -> Self:
        """Take settings as ChangeFileSettings brings them.

        Raises:
            ValueError: *chip* would refuse them.
        """
        return cls(content, raw_settings, parse_file_settings(raw_settings, chip))

    @classmethod
    def found(cls, number: int, content: bytes, raw_settings: bytes, chip: Chip) -> Self:
        """Take file *number* as it lies on *chip*, with settings that may be impossible.

        Raises:
            ValueError: FileOption and AccessRights are not there.
        """
        settings = read_file_settings(raw_settings, chip, has_sdm=number == NDEF_FILE)
        return cls(content, raw_settings, settings)

    @classmethod
    def filled(cls, number: int, content: bytes, raw_settings: bytes, chip: Chip) -> Self:
        """Give file *number*, zero-filled behind *content*, with settings that are possible.

        Raises:
            ValueError: *content* is too long, or *chip* would refuse the settings.
        """
        size = FILE_SIZES[number]
        if len(content) > size:
            raise ValueError(f"{_NAMES[number]} has {size} bytes, not {len(content)}")
        if raw_settings[:1] and raw_settings[0] & SDM_ENABLED and number != NDEF_FILE:
            raise ValueError(f"{_NAMES[number]} has no Secure Dynamic Messaging")
        return cls.of(content.ljust(size, b"\0"), raw_settings, chip)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is current: a level, and at the application level perhaps a file."""

    in_application: bool = False
    file_number: int | None = None


MASTER_FILE = Selection()
APPLICATION = Selection(in_application=True)


def select(current: Selection, command: CommandApdu) -> Selection:
    """Carry out ISOSelectFile: P1 says how the target is named, P2 is 00 or 0C.

    Le may be there or not, and any (table 84): nothing is returned either way.

    Raises:
        RefusedError: wrong parameters, or nothing of that name.
    """
    if command.p2 not in (0x00, 0x0C):
        raise RefusedError(Status.ISO_WRONG_PARAMETERS)
    if len(command.data) > _LONGEST_NAME:
        raise RefusedError(Status.ISO_WRONG_LENGTH)
    match command.p1:
        case 0x00:
            return _by_file_id(current, command.data)
        case 0x01:
            return _child_application(current, command.data)
        case 0x02:
            return _elementary_file(current, _file_id(command.data))
        case 0x03:
            return _parent(current, command.data)
        case 0x04:
            return _by_name(command.data)
        case _:
            raise RefusedError(Status.ISO_WRONG_PARAMETERS)


def _file_id(data: bytes) -> int:
    if len(data) != 2:
        raise RefusedError(Status.ISO_INCONSISTENT_LC)
    return int.from_bytes(data, "big")


def _by_file_id(current: Selection, data: bytes) -> Selection:
    file_id = _file_id(data) if data else MASTER_FILE_ID
    if file_id == MASTER_FILE_ID:
        return MASTER_FILE
    if file_id == APPLICATION_ID:
        return APPLICATION
    return _elementary_file(current, file_id)


def _child_application(current: Selection, data: bytes) -> Selection:
    if _file_id(data) != APPLICATION_ID or current.in_application:
        raise RefusedError(Status.ISO_FILE_NOT_FOUND)
    return APPLICATION


def _elementary_file(current: Selection, file_id: int) -> Selection:
    if not current.in_application or file_id not in FILE_NUMBERS:
        raise RefusedError(Status.ISO_FILE_NOT_FOUND)
    return Selection(in_application=True, file_number=FILE_NUMBERS[file_id])


def _parent(current: Selection, data: bytes) -> Selection:
    if data:
        raise RefusedError(Status.ISO_INCONSISTENT_LC)
    if not current.in_application:
        raise RefusedError(Status.ISO_FILE_NOT_FOUND)
    return MASTER_FILE


def _by_name(name: bytes) -> Selection:
    if not name:
        raise RefusedError(Status.ISO_INCONSISTENT_LC)
    if name == MASTER_FILE_NAME:
        return MASTER_FILE
    if name == APPLICATION_NAME:
        return APPLICATION
    raise RefusedError(Status.ISO_FILE_NOT_FOUND)
