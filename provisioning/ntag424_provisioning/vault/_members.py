"""What the schemes consist of, and how each part is written in files and on paper."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import TypeAlias

from ntag424 import Key

#: As it stands in TOML and JSON.
Written: TypeAlias = str | int

_HEX = re.compile("(?:[0-9A-Fa-f]{2})*")
_NUMBER_BYTES = 4


@unique
class Form(Enum):
    """How one member of a scheme is written. No error repeats what stands there."""

    #: 16 secret bytes.
    KEY = auto()
    #: A master of 16 bytes or more, as sdm-backend takes it.
    MASTER = auto()
    HEX = auto()
    TEXT = auto()
    NUMBER = auto()

    def octets(self, value: object) -> bytes:
        """Return the bytes of what a scheme holds."""
        match value:
            case Key() | bytes():
                return bytes(value)
            case str():
                return value.encode()
            case int():
                return value.to_bytes(_NUMBER_BYTES, "big")
        raise TypeError(f"no member of a scheme is a {type(value).__name__}")

    def held(self, octets: bytes) -> object:
        """Undo `octets`.

        Raises:
            ValueError: there are too few of them, or they are no text.

        """
        match self:
            case Form.KEY:
                return Key(octets)
            case Form.MASTER:
                return _master(octets)
            case Form.HEX:
                return octets
            case Form.TEXT:
                return _text(octets)
            case Form.NUMBER:
                return int.from_bytes(octets, "big")

    def written(self, octets: bytes) -> Written:
        """Return what stands in TOML and JSON."""
        match self:
            case Form.TEXT:
                return octets.decode()
            case Form.NUMBER:
                return int.from_bytes(octets, "big")
        return octets.hex().upper()

    def read(self, written: object) -> bytes:
        """Undo `written`.

        Raises:
            ValueError: it is not written so.

        """
        match self, written:
            case Form.TEXT, str():
                return written.encode()
            case Form.NUMBER, int() if 0 <= written < 1 << 8 * _NUMBER_BYTES:
                return written.to_bytes(_NUMBER_BYTES, "big")
            case ((Form.KEY | Form.MASTER | Form.HEX), str()) if _HEX.fullmatch(written):
                return bytes.fromhex(written)
        raise ValueError(f"this member is a {self.name.lower()}, and not written as one")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a scheme."""

    #: In files.
    name: str
    #: In the library's class.
    attribute: str
    form: Form
    #: Whether the scheme's class has a value for it where nothing is said.
    is_optional: bool = True


def _master(octets: bytes) -> Key | bytes:
    if len(octets) < 16:
        raise ValueError("a master key has at least 16 bytes")
    return Key(octets) if len(octets) == 16 else octets


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise ValueError("this member is no text") from None
