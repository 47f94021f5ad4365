"""A secret AES-128 key that never prints itself."""

from __future__ import annotations

import hmac
import re
from functools import cached_property
from typing import Self

from ntag424.arguments import require_octets, require_text
from ntag424.crypto import Aes128, Lrp

_HEX = "[0-9A-Fa-f]{32}"


class Key:
    """Sixteen secret bytes. `bytes(key)` reveals them; `repr`, `str` and format do not.

    Compares in constant time. Pickling is allowed, because worker processes need
    keys: treat the pickle like the key.
    """

    def __init__(self, value: bytes) -> None:
        require_octets("a key", value, instead="Key.from_hex(...) or bytes.fromhex(...)")
        if len(value) != 16:
            raise ValueError(f"a key has 16 bytes, not {len(value)}")
        self._value = bytes(value)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read exactly 32 hex digits, of either case. The error does not repeat them."""
        require_text("hex digits", text, instead="Key(...) for bytes")
        if not re.fullmatch(_HEX, text):
            raise ValueError("a key is written as 32 hex digits")
        return cls(bytes.fromhex(text))

    @cached_property
    def aes(self) -> Aes128:
        """Return this key made ready for AES; computed once."""
        return Aes128(self._value)

    @cached_property
    def lrp(self) -> Lrp:
        """Return this key made ready for LRP, as a tag uses an application key; computed once."""
        return Lrp.of(self._value)

    @property
    def is_zero(self) -> bool:
        """Whether this is the key that tags leave the factory with."""
        return hmac.compare_digest(self._value, bytes(16))

    def __bytes__(self) -> bytes:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Key(16 secret bytes)"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self._value,)
