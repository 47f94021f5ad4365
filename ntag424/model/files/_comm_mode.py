"""How a command travels inside an authentication."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class CommMode(IntEnum):
    """In the clear, with a MAC, or encrypted with a MAC (NT4H2421Gx §8.2.3.5).

    The values are the two bits of FileOption; the chip takes 2 for `PLAIN` too.
    """

    PLAIN = 0
    MAC = 1
    FULL = 3
