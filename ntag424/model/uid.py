"""The serial number of a tag."""

from __future__ import annotations

import re
from typing import Self

from ntag424.arguments import require_octets, require_text

_HEX = "[0-9A-Fa-f]{14}"


class Uid(bytes):
    """Seven bytes that name a tag for life (NT4H2421Gx §8.5); prints as upper-case hex."""

    __slots__ = ()

    def __new__(cls, value: bytes) -> Self:
        """Check the length: 7 bytes."""
        require_octets("a UID", value, instead="Uid.from_hex(...)")
        if len(value) != 7:
            raise ValueError(f"a UID has 7 bytes, not {len(value)}")
        return bytes.__new__(cls, value)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read exactly 14 hex digits, of either case."""
        require_text("hex digits", text, instead="Uid(...) for bytes")
        if not re.fullmatch(_HEX, text):
            raise ValueError("a UID is written as 14 hex digits")
        return cls(bytes.fromhex(text))

    def __str__(self) -> str:
        return self.hex().upper()

    def __repr__(self) -> str:
        return f"Uid.from_hex('{self}')"
