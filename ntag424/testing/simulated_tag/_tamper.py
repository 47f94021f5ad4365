"""The tamper loop of an NTAG 424 DNA TagTamper (NT4H2421Tx)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ntag424.testing.simulated_tag._access_rights import ANY_CONDITION, FREE, require_condition

_CLOSED, _OPEN = b"C", b"O"
#: TTPermStatus || TTCurrStatus while the feature is off, and when it was never seen open.
_OFF, _INTACT = b"II", b"CC"
_STATUSES = (_INTACT, b"OC", b"OO", _OFF)


@dataclass(frozen=True, slots=True)
class TamperLoop:
    """What the chip remembers of its wire, and the wire as it is.

    *status* is TTPermStatus || TTCurrStatus as last measured, two ASCII bytes: C closed,
    O open, II feature off. *enabled* is TTConfig, *status_key* who may ask (TTStatusKey).

    Raises:
        ValueError: a chip cannot be in this status, or has no such condition.
    """

    status: bytes
    enabled: bool
    status_key: int = FREE
    wire_is_open: bool = False

    def __post_init__(self) -> None:
        """Refuse an impossible status or condition."""
        require_condition("TTStatusKey", self.status_key, ANY_CONDITION)
        if self.status not in _STATUSES:
            raise ValueError(f"a tamper status is CC, OC, OO or II, not {self.status!r}")

    @classmethod
    def last_found(cls, status: bytes) -> Self:
        """Make the loop that was last found as *status* (2 bytes) says, and is still so."""
        return cls(status, enabled=status != _OFF, wire_is_open=status.endswith(_OPEN))

    def activated(self) -> Self:
        """Come into the field: from now on an enabled loop is measured."""
        if self.enabled and self.status == _OFF:
            return replace(self, status=_INTACT)
        return self

    def measured(self) -> Self:
        """Measure; an open wire latches."""
        if self.status == _OFF:
            return self
        wire = _OPEN if self.wire_is_open else _CLOSED
        permanent = _OPEN if self.wire_is_open else self.status[:1]
        return replace(self, status=permanent + wire)
