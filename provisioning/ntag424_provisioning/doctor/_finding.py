"""What was looked at, how it is, and what would help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique


@unique
class State(StrEnum):
    """How something is."""

    OK = "ok"
    #: Work is possible, perhaps not all of it.
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    #: One sentence.
    cause: str
    #: Command lines that help, in this order.
    fixes: tuple[str, ...] = ()
    #: Whether `ntag424 doctor --fix` is one of them.
    fixable: bool = False

    def softened(self) -> Finding:
        """Make a fault a warning: something else does the same work."""
        return replace(self, state=State.WARNING) if self.state is State.FAULT else self

    def record(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "state": self.state.value,
            "cause": self.cause,
            "fixes": list(self.fixes),
            "fixable": self.fixable,
        }
