"""What may stand between braces in a template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias

from ntag424.model import Mode, PiccDataTag, TamperStatus

_BLOCK = 16
_HEX_DIGITS = frozenset("0123456789ABCDEF")
_TAMPER_TEXTS = [bytes(status).decode() for status in TamperStatus]


@unique
class Placeholder(Enum):
    """What the tag, or the person who writes it, fills in; the value is the name in braces."""

    UID = "uid"
    COUNTER = "ctr"
    TAMPER = "tt"
    MAC = "mac"
    #: Zero characters wide: the MAC covers everything from here to the MAC itself.
    MAC_INPUT = "mac-input"
    KEY_VERSION = "kv"
    EPOCH = "epoch"

    def width(self, _mode: Mode) -> int:
        """Return the number of characters it stands for."""
        return _WIDTHS[self]

    @property
    def alphabet(self) -> frozenset[str]:
        """What each of these characters may be."""
        return frozenset("".join(_TAMPER_TEXTS)) if self is Placeholder.TAMPER else _HEX_DIGITS


_WIDTHS = {
    Placeholder.UID: 14,
    Placeholder.COUNTER: 6,
    Placeholder.TAMPER: 2,
    Placeholder.MAC: 16,
    Placeholder.MAC_INPUT: 0,
    Placeholder.KEY_VERSION: 2,
    Placeholder.EPOCH: 2,
}


@dataclass(frozen=True, slots=True)
class PiccField:
    """`{picc}`: PICCData, with what is in it."""

    tag: PiccDataTag

    name = "PICC_DATA"
    alphabet = _HEX_DIGITS

    def width(self, mode: Mode) -> int:
        """Count characters: one block, in LRP mode with eight random bytes before it."""
        return 32 if mode == Mode.AES else 48


@dataclass(frozen=True, slots=True)
class FileField:
    """`{file:N}` or `{file:N+tt@K}`: N bytes of the file, encrypted at each tap."""

    size: int
    #: Byte of the plaintext at which the tamper status stands.
    tamper_at: int | None = None

    name = "FILE_DATA"
    alphabet = _HEX_DIGITS

    def width(self, _mode: Mode) -> int:
        """Count characters: two for each byte."""
        return 2 * self.size


Field: TypeAlias = Placeholder | PiccField | FileField

_PICC_FIELDS = {
    "picc": PiccField(PiccDataTag.UID_AND_COUNTER),
    "picc:uid": PiccField(PiccDataTag.UID),
    "picc:ctr": PiccField(PiccDataTag.COUNTER),
}
_FILE = r"file:([1-9][0-9]{0,2})(?:\+tt@(0|[1-9][0-9]{0,2}))?"


def pattern(field: Field, mode: Mode) -> str:
    """Return the expression that the characters of *field* match."""
    if field is Placeholder.TAMPER:
        return f"(?:{'|'.join(_TAMPER_TEXTS)})"
    return f"[0-9A-F]{{{field.width(mode)}}}"


def field_called(name: str) -> Field:
    """Return what stands in the template as `{name}`.

    Raises:
        ValueError: there is no such field, or its size is not possible.

    """
    if name in _PICC_FIELDS:
        return _PICC_FIELDS[name]
    file = re.fullmatch(_FILE, name, re.ASCII)
    if file is not None:
        return _file_field(int(file[1]), None if file[2] is None else int(file[2]))
    try:
        return Placeholder(name)
    except ValueError:
        known = (*(item.value for item in Placeholder), *_PICC_FIELDS, "file:N", "file:N+tt@K")
        listed = ", ".join(f"{{{item}}}" for item in known)
        raise ValueError(f"unknown placeholder; there are {listed}") from None


def _file_field(size: int, tamper_at: int | None) -> FileField:
    if size % _BLOCK:
        raise ValueError("{file:N} encrypts whole blocks: N is a multiple of 16 bytes")
    if tamper_at is not None and tamper_at > size - 2:
        raise ValueError("{file:N+tt@K} leaves no room for the tamper status at byte K")
    return FileField(size, tamper_at)
