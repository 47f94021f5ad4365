"""Communication modes: how a command and its answer travel (NT4H2421Gx §8.2.3.4)."""

from __future__ import annotations

from enum import Enum, auto

_BLOCK, _MAC = 16, 8


class CommMode(Enum):
    """Plain, with a MAC, or encrypted and with a MAC."""

    PLAIN = auto()
    MAC = auto()
    FULL = auto()

    @classmethod
    def from_option(cls, option: int) -> CommMode:
        """Read bits 1 and 0 of FileOption: X0 plain, 01 MAC, 11 full."""
        return {1: cls.MAC, 3: cls.FULL}.get(option & 0x03, cls.PLAIN)

    def length(self, count: int) -> int:
        """Tell how many bytes *count* bytes of data, at least 1, become on the wire."""
        if self is CommMode.PLAIN:
            return count
        if self is CommMode.FULL:
            # ISO 9797-1 method 2: there is always padding, a whole block if need be.
            count = (count // _BLOCK + 1) * _BLOCK
        return count + _MAC
