"""The tamper loop of an NTAG 424 DNA TagTamper (NT4H2421Tx)."""

from __future__ import annotations

_CLOSED, _OPEN = b"C", b"O"
#: TTPermStatus || TTCurrStatus while the feature is off.
_OFF = b"II"
_STATUSES = (b"CC", b"OC", b"OO", _OFF)


class NoLoop:
    """A chip without TagTamper: there is nothing to measure or to break."""

    present = False

    def break_wire(self) -> None:
        """Refuse.

        Raises:
            ValueError: always.
        """
        raise ValueError("this chip has no tamper loop")

    mend_wire = break_wire

    def measure(self) -> bytes:
        """Give no status at all, 0 bytes."""
        return b""


class TamperLoop:
    """The wire and what the chip remembers of it.

    *status* is TTPermStatus || TTCurrStatus as last measured, two ASCII bytes: C
    closed, O open, II feature off. The wire is still as it was then.

    Raises:
        ValueError: *status* is none that a chip can be in.
    """

    present = True

    def __init__(self, status: bytes) -> None:
        if status not in _STATUSES:
            raise ValueError(f"a tamper status is CC, OC, OO or II, not {status!r}")
        self._status = status
        self._wire = _OPEN if status.endswith(_OPEN) else _CLOSED

    def break_wire(self) -> None:
        """Break the wire; the chip learns of it when it measures next."""
        self._wire = _OPEN

    def mend_wire(self) -> None:
        """Mend the wire; the chip never forgets that it measured it open."""
        self._wire = _CLOSED

    def measure(self) -> bytes:
        """Measure and give TTPermStatus || TTCurrStatus, 2 bytes; an open wire latches."""
        if self._status != _OFF:
            permanent = _OPEN if self._wire == _OPEN else self._status[:1]
            self._status = permanent + self._wire
        return self._status


def loop_with(status: bytes | None) -> TamperLoop | NoLoop:
    """Make the loop of a chip whose status is *status* (2 bytes), None without TagTamper.

    Raises:
        ValueError: *status* is none that a chip can be in.
    """
    return NoLoop() if status is None else TamperLoop(status)
