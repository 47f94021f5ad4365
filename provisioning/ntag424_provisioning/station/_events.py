"""What happens at the station, as values: displays see nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import Ntag424Error, Uid
from ntag424_provisioning.engine.bench import Progress, Result
from ntag424_provisioning.station._reasons import StopReason
from ntag424_provisioning.station._summary import Summary


class Event:
    """Something that happened. Its subclasses are frozen."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RunBegan(Event):
    """The station waits for tags."""

    batch: str
    readers: tuple[str, ...]
    #: Done in former runs with the same report.
    earlier: int
    #: How many are to be done in all; None if it ends when somebody ends it.
    target: int | None


@dataclass(frozen=True, slots=True)
class TagCame(Event):
    """A tag lies on a reader; *uid* is None where it is not told yet."""

    reader: str
    uid: Uid | None


@dataclass(frozen=True, slots=True)
class StepBegan(Event):
    """A step of the work on a tag begins."""

    reader: str
    uid: Uid
    progress: Progress


@dataclass(frozen=True, slots=True)
class TagEvent(Event):
    """Something that concerns one tag. Never emitted itself."""

    reader: str
    uid: Uid
    label: str


@dataclass(frozen=True, slots=True)
class TagDone(TagEvent):
    """It was written, proven and enrolled, and it stands in the report."""

    result: Result
    seconds: float


@dataclass(frozen=True, slots=True)
class TagAlreadyOurs(TagEvent):
    """It was what it is to be before this run; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Duplicate(TagEvent):
    """It was done in this run already, and counts once."""


@dataclass(frozen=True, slots=True)
class TagFailed(Event):
    """It is as it was. Without a *uid* nobody knows which it was."""

    reader: str
    uid: Uid | None
    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class TagInDoubt(TagEvent):
    """It was begun and is not finished; the journal knows how to."""

    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class TagNotEnrolled(TagEvent):
    """It is written and proven; that no ledger knows it is mended at the end of the run."""

    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class TagDoneAfterAll(Event):
    """At the end of the run nothing was left to be done for its enrolment."""

    uid: Uid
    label: str


@dataclass(frozen=True, slots=True)
class LostInWork(TagEvent):
    """It was begun and is gone: back with it, and nothing is lost."""

    #: What was being done; None if that is not known.
    progress: Progress | None
    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class WrongTagBack(TagEvent):
    """Another tag was laid down where this one is waited for; nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class TagRemoved(Event):
    """The reader is free: next tag."""

    reader: str


@dataclass(frozen=True, slots=True)
class UndoAsked(TagEvent):
    """As soon as this tag is laid back it is made blank."""


@dataclass(frozen=True, slots=True)
class UndoDropped(TagEvent):
    """The operator thought better of it."""


@dataclass(frozen=True, slots=True)
class TagUndone(TagEvent):
    """It is blank again, and its label free."""


@dataclass(frozen=True, slots=True)
class NothingToUndo(Event):
    """No tag was done since the last that was undone."""


@dataclass(frozen=True, slots=True)
class FirstArticleWanted(TagEvent):
    """Before any other tag is begun, two phones must have read this one."""

    result: Result


@dataclass(frozen=True, slots=True)
class FirstArticleConfirmed(TagEvent):
    """Two phones have."""

    #: The higher counter they showed.
    counter: int


@dataclass(frozen=True, slots=True)
class ReaderTrouble(Event):
    """A reader cannot be used for now; it is tried again."""

    reader: str
    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class ReaderGone(Event):
    """A reader is given up; others go on."""

    reader: str
    error: Ntag424Error


@dataclass(frozen=True, slots=True)
class Stopping(Event):
    """No further tag is begun."""

    reason: StopReason
    error: Ntag424Error | None


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The last event of all."""

    summary: Summary
