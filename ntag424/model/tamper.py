"""What a TagTamper chip says about its loop."""

from __future__ import annotations

from enum import Enum, unique

from ntag424.arguments import require_octets


@unique
class TamperStatus(Enum):
    """TTPermStatus and TTCurrStatus, the two characters a tag mirrors (NT4H2421Tx).

    The first one latches: once the loop was measured open it stays O for ever.
    """

    CLOSED = b"CC"
    #: Open now, and not latched: listed, but no lasting state of a chip.
    OPENING = b"CO"
    RECLOSED = b"OC"
    OPEN = b"OO"
    #: The feature was never turned on, so nothing is known of the loop.
    NOT_ENABLED = b"II"

    @property
    def ever_opened(self) -> bool | None:
        """Whether the loop was ever found open; None where nothing is known."""
        return None if self is TamperStatus.NOT_ENABLED else self is not TamperStatus.CLOSED

    @property
    def now_open(self) -> bool | None:
        """Whether the loop is open at this tap; None where nothing is known."""
        return None if self is TamperStatus.NOT_ENABLED else self.value[1:] == b"O"

    def __bytes__(self) -> bytes:
        return self.value

    @classmethod
    def from_bytes(cls, value: bytes) -> TamperStatus:
        """Undo `bytes()`: 2 bytes out of the five pairs there are."""
        require_octets("a tamper status", value)
        return cls(value)
