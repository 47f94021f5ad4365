"""What happens at the station, in words: one line for each event that people care for."""

from __future__ import annotations

from functools import singledispatch

from ntag424 import Ntag424Error, Uid
from ntag424_provisioning.engine.bench import Progress
from ntag424_provisioning.station._events import (
    Duplicate,
    Event,
    FirstArticleConfirmed,
    FirstArticleWanted,
    LostInWork,
    NothingToUndo,
    ReaderGone,
    ReaderTrouble,
    RunBegan,
    Stopping,
    TagAlreadyOurs,
    TagDone,
    TagDoneAfterAll,
    TagFailed,
    TagInDoubt,
    TagNotEnrolled,
    TagRemoved,
    TagUndone,
    UndoAsked,
    UndoDropped,
    WrongTagBack,
)
from ntag424_provisioning.station._reasons import StopReason

_REASONS = {
    StopReason.COMPLETE: "all tags are done",
    StopReason.QUIT: "ending after this tag",
    StopReason.INTERRUPTED: "ending after this tag; Ctrl-C again ends at once",
    StopReason.FAILURES: "stopped",
    StopReason.LABELS: "ending",
    StopReason.REPORT: "stopped: results cannot be written down",
    StopReason.VAULT: "stopped: the vault cannot be used",
    StopReason.READERS: "stopped: no reader is left",
    StopReason.FIRST_ARTICLE: "stopped",
}


def named(uid: Uid | None, label: str) -> str:
    """Name a tag as its sticker does, and as its chip does."""
    shown = "a tag that does not tell its UID" if uid is None else str(uid)
    return f"{label}  {shown}" if label else shown


def step_of(progress: Progress) -> str:
    """Name a step."""
    counted = f"step {progress.step} of {progress.of}, " if progress.of else ""
    return counted + progress.text


def _why(error: Ntag424Error) -> str:
    return f"{error}. {error.hint}" if error.hint else str(error)


@singledispatch
def line(event: Event) -> str | None:  # noqa: ARG001 - others are worth no line
    """Return the line for *event*, None if it is worth none."""
    return None


@line.register
def _(event: RunBegan) -> str:
    batch = f"batch {event.batch}, " if event.batch else ""
    earlier = f", {event.earlier} done before" if event.earlier else ""
    target = "" if event.target is None else f", {event.target} in all"
    return f"  {batch}{', '.join(event.readers)}{target}{earlier}: first tag, please"


@line.register
def _(event: TagDone) -> str:
    return f"✓ {named(event.uid, event.label)}  {event.seconds:.2f} s"


@line.register
def _(event: TagAlreadyOurs) -> str:
    return f"↷ {named(event.uid, event.label)}  already ours"


@line.register
def _(event: Duplicate) -> str:
    return f"↷ {named(event.uid, event.label)}  laid down twice, counted once"


@line.register
def _(event: TagFailed) -> str:
    return f"✗ {named(event.uid, '')}  is as it was: {_why(event.error)}"


@line.register
def _(event: TagInDoubt) -> str:
    return f"! {named(event.uid, event.label)}  is not finished: {_why(event.error)}"


@line.register
def _(event: TagNotEnrolled) -> str:
    tag = named(event.uid, event.label)
    return f"! {tag}  works, but is not enrolled: {event.error}. It is tried again at the end."


@line.register
def _(event: TagDoneAfterAll) -> str:
    return f"✓ {named(event.uid, event.label)}  done after all"


@line.register
def _(event: LostInWork) -> str:
    where = "" if event.progress is None else f" at {step_of(event.progress)}"
    tag = named(event.uid, event.label)
    return f"! {tag}  put it back, nothing is lost: it was removed too early{where}"


@line.register
def _(event: WrongTagBack) -> str:
    tag = named(event.uid, event.label)
    return f"! lay back {tag}: this is another tag, and nothing was sent to it"


@line.register
def _(_event: TagRemoved) -> str:
    return "  next tag, please"


@line.register
def _(event: UndoAsked) -> str:
    tag = named(event.uid, event.label)
    return f"? lay back {tag} on {event.reader}: it is made blank; u again leaves it as it is"


@line.register
def _(event: UndoDropped) -> str:
    return f"  {named(event.uid, event.label)}  stays as it is"


@line.register
def _(event: TagUndone) -> str:
    return f"↶ {named(event.uid, event.label)}  is blank again, its label free"


@line.register
def _(_event: NothingToUndo) -> str:
    return "  there is nothing to undo"


@line.register
def _(event: FirstArticleWanted) -> str:
    return f"? {named(event.uid, event.label)}  is the first: hold it to two phones"


@line.register
def _(event: FirstArticleConfirmed) -> str:
    return f"✓ {named(event.uid, event.label)}  confirmed by two phones: next tag, please"


@line.register
def _(event: ReaderTrouble) -> str:
    return f"! {event.reader}: {_why(event.error)}"


@line.register
def _(event: ReaderGone) -> str:
    return f"✗ {event.reader} is given up: {_why(event.error)}"


@line.register
def _(event: Stopping) -> str:
    reason = _REASONS[event.reason]
    return f"  {reason}" if event.error is None else f"! {reason}: {_why(event.error)}"
