"""Everything that is written to a tag, as one value: what it is to become, byte by byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ntag424 import Key
from ntag424.model.files import FACTORY_CC, FACTORY_SETTINGS, FILE_SIZES, FileSettings

CC_FILE, NDEF_FILE, PROPRIETARY_FILE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class SlotKey:
    """One application key with the version byte that goes with it (NT4H2421Gx §10.6.1)."""

    key: Key = field(repr=False)
    #: KeyVer, 0 to 255: readable by everybody.
    version: int

    def __post_init__(self) -> None:
        if not 0 <= self.version <= 0xFF:
            raise ValueError("a key's version byte is 0 to 255")


@dataclass(frozen=True, slots=True)
class TagImage:
    """What a tag holds: five keys, two files and the settings of all three.

    The proprietary file's content is the owner's, and not part of it.
    """

    keys: tuple[SlotKey, SlotKey, SlotKey, SlotKey, SlotKey]
    #: Content of file 1, 32 bytes.
    cc: bytes
    #: Content of file 2, 256 bytes, zeros where the chip mirrors.
    ndef: bytes
    settings: Mapping[int, FileSettings]

    def __post_init__(self) -> None:
        if len(self.cc) != FILE_SIZES[CC_FILE] or len(self.ndef) != FILE_SIZES[NDEF_FILE]:
            raise ValueError("the CC file has 32 bytes, the NDEF file 256")


FACTORY_KEY = SlotKey(Key(bytes(16)), 0)
#: As NXP delivers a tag (NT4H2421Gx §8.2.3).
FACTORY_IMAGE = TagImage(
    keys=(FACTORY_KEY,) * 5,
    cc=bytes(FACTORY_CC).ljust(FILE_SIZES[CC_FILE], b"\0"),
    ndef=bytes(FILE_SIZES[NDEF_FILE]),
    settings=MappingProxyType(FACTORY_SETTINGS),
)
