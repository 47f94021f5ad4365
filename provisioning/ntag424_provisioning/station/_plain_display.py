"""A station without a screen: one line for each event, and a bell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from ntag424_provisioning.station._events import (
    Duplicate,
    Event,
    LostInWork,
    ReaderGone,
    RunEnded,
    Stopping,
    TagAlreadyOurs,
    TagDone,
    TagFailed,
    TagInDoubt,
    TagNotEnrolled,
    TagUndone,
    WrongTagBack,
)
from ntag424_provisioning.station._reasons import StopReason
from ntag424_provisioning.station._score import Score
from ntag424_provisioning.station._words import line

_ONCE = (TagDone, TagAlreadyOurs, Duplicate, TagUndone)
_TWICE = (TagFailed, TagInDoubt, TagNotEnrolled, LostInWork, WrongTagBack, ReaderGone)


class Bell:
    """Rings once when a tag may go, and twice when somebody must look."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Ring for *event*, if it is worth it."""
        if isinstance(event, _ONCE):
            self._ring("\a")
        elif isinstance(event, _TWICE) or _is_alarming(event):
            self._ring("\a\a")

    def _ring(self, bells: str) -> None:
        self._stream.write(bells)
        self._stream.flush()


class PlainDisplay:
    """Writes lines that need no terminal. Steps are left out: they would hide the rest."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._score = Score(clock)
        self._names_readers = False

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        self._score.hear(event)
        text = line(event)
        if isinstance(event, RunEnded) or text is None:
            return
        if isinstance(event, TagDone):
            target = "" if self._score.target is None else f"/{self._score.target}"
            text += f"  {self._score.done}{target}, {self._score.per_hour:.0f}/h"
        self._stream.write(text + "\n")
        self._stream.flush()


def _is_alarming(event: Event) -> bool:
    quiet = (StopReason.COMPLETE, StopReason.QUIT, StopReason.INTERRUPTED)
    return isinstance(event, Stopping) and event.reason not in quiet
