"""What happens at the station, in words: one line for each event that people care for."""

from __future__ import annotations

from collections.abc import Mapping

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
    TagEvent,
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


# {tag} is its label and UID, {why} what went wrong and what to do about it.
_LINES: Mapping[type[Event], str] = {
    TagDone: "✓ {tag}  {event.seconds:.2f} s",
    TagAlreadyOurs: "↷ {tag}  already ours",
    Duplicate: "↷ {tag}  laid down twice, counted once",
    TagFailed: "✗ {tag}  is as it was: {why}",
    TagInDoubt: "! {tag}  is not finished: {why}",
    TagNotEnrolled: "! {tag}  works, but is not enrolled: {event.error}. "
    "It is tried again at the end.",
    TagDoneAfterAll: "✓ {tag}  done after all",
    LostInWork: "! {tag}  put it back, nothing is lost: it was removed too early{where}",
    WrongTagBack: "! lay back {tag}: this is another tag, and nothing was sent to it",
    TagRemoved: "  next tag, please",
    UndoAsked: "? lay back {tag} on {event.reader}: it is made blank; u again leaves it as it is",
    UndoDropped: "  {tag}  stays as it is",
    TagUndone: "↶ {tag}  is blank again, its label free",
    NothingToUndo: "  there is nothing to undo",
    FirstArticleWanted: "? {tag}  is the first: hold it to two phones",
    FirstArticleConfirmed: "✓ {tag}  confirmed by two phones: next tag, please",
    ReaderTrouble: "! {event.reader}: {why}",
    ReaderGone: "✗ {event.reader} is given up: {why}",
}


def line(event: Event) -> str | None:
    """Return the line for *event*, None if it is worth none."""
    match event:
        case RunBegan():
            return _beginning(event)
        case Stopping(reason, error):
            return (
                f"  {_REASONS[reason]}"
                if error is None
                else f"! {_REASONS[reason]}: {_why(error)}"
            )
    text = _LINES.get(type(event))
    return None if text is None else text.format(event=event, **_particulars(event))


def _particulars(event: Event) -> dict[str, str]:
    """Say what several kinds of events have, as far as this one has it."""
    told = {}
    if isinstance(event, TagEvent | TagDoneAfterAll):
        told["tag"] = named(event.uid, event.label)
    if isinstance(event, TagFailed):
        told["tag"] = named(event.uid, "")
    if isinstance(event, TagFailed | TagInDoubt | ReaderTrouble | ReaderGone):
        told["why"] = _why(event.error)
    if isinstance(event, LostInWork):
        told["where"] = "" if event.progress is None else f" at {step_of(event.progress)}"
    return told


def _beginning(event: RunBegan) -> str:
    batch = f"batch {event.batch}, " if event.batch else ""
    earlier = f", {event.earlier} done before" if event.earlier else ""
    target = "" if event.target is None else f", {event.target} in all"
    return f"  {batch}{', '.join(event.readers)}{target}{earlier}: first tag, please"


def _why(error: Ntag424Error) -> str:
    return f"{error}. {error.hint}" if error.hint else str(error)
