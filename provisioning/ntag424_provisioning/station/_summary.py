"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import Ntag424Error, Uid
from ntag424_provisioning.exits import Exit
from ntag424_provisioning.station._reasons import StopReason


@dataclass(frozen=True, slots=True)
class Remaining:
    """A tag that needs somebody's attention, and why."""

    #: None where it could not be told.
    uid: Uid | None
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all tags of a run."""

    reason: StopReason
    #: Why it had to stop, if it had to.
    error: Ntag424Error | None
    #: Done in this run; each tag counts once.
    done: int
    #: Done in former runs with the same report.
    earlier: int
    already_ours: int
    #: As they were.
    failed: tuple[Remaining, ...]
    #: Begun and not finished: `ntag424 repair`.
    in_doubt: tuple[Remaining, ...]
    #: Finished, and no ledger knows it.
    not_enrolled: tuple[Remaining, ...]
    seconds: float
    is_interrupted: bool

    @property
    def exit(self) -> Exit:
        """What the command reports to its caller."""
        if self.is_interrupted:
            return Exit.INTERRUPTED
        if self.in_doubt or self.not_enrolled:
            return Exit.IN_DOUBT
        if self.failed or (self.error is not None and self.reason is not StopReason.LABELS):
            return Exit.REFUSED
        return Exit.DONE
