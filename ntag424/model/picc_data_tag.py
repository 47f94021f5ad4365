"""Which of UID and read counter a tag mirrors."""

from __future__ import annotations

from enum import Enum, unique


@unique
class PiccDataTag(Enum):
    """First byte of PICCData (NT4H2421Gx §9.3.4); says the same of mirrors in the clear."""

    UID_AND_COUNTER = 0xC7
    UID = 0x87
    COUNTER = 0x40

    @property
    def has_uid(self) -> bool:
        """Whether the seven bytes of the UID follow."""
        return self is not PiccDataTag.COUNTER

    @property
    def has_counter(self) -> bool:
        """Whether the three bytes of SDMReadCtr follow."""
        return self is not PiccDataTag.UID
