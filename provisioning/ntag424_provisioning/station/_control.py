"""What somebody wants of a run while it goes on: from keys, from signals, from its own rules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias

from ntag424 import Ntag424Error, Uid
from ntag424_provisioning.station._events import (
    Event,
    NothingToUndo,
    Stopping,
    UndoAsked,
    UndoDropped,
)
from ntag424_provisioning.station._reasons import StopReason

#: Something to be done where events are shown, between two of them.
Errand: TypeAlias = Callable[[], None]
_TO_ABORT = 2
_TO_BREAK = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """A tag that was done, where, and what it is called."""

    reader: str
    uid: Uid
    label: str


class Control:
    """The wishes of the operator, and the queue by which everything that happens is told.

    Its methods may be called from any thread.
    """

    def __init__(self) -> None:
        self.events: SimpleQueue[Event | Errand] = SimpleQueue()
        #: Why no further tag is begun; None while they are.
        self.stop_reason: StopReason | None = None
        self.stop_error: Ntag424Error | None = None
        self._interrupts = 0
        self._lock = threading.Lock()
        self._lost: list[str] = []
        self._skipped: set[str] = set()
        self._finished: Finished | None = None
        self._undo: Finished | None = None

    def emit(self, event: Event) -> None:
        """Tell what happened."""
        self.events.put(event)

    # ---- ending ---------------------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        """Whether no further tag is to be begun."""
        return self.stop_reason is not None

    @property
    def is_aborted(self) -> bool:
        """Whether not even the tags that were begun are to be finished."""
        return self._interrupts >= _TO_ABORT

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal ended the run."""
        return self._interrupts > 0

    def stop(self, reason: StopReason, error: Ntag424Error | None = None) -> None:
        """Begin no further tag; the first reason counts."""
        # No lock: a signal may come while this thread holds it.
        if self.stop_reason is None:
            self.stop_error = error
            self.stop_reason = reason
            self.emit(Stopping(reason, error))

    def quit(self) -> None:
        """End after the tags that are being worked on."""
        self.stop(StopReason.QUIT)

    def interrupt(self) -> None:
        """End after the tags that are being worked on; the second time, at once.

        May be called by a signal handler in the main thread.

        Raises:
            KeyboardInterrupt: the third time, in case even that takes too long.

        """
        self._interrupts += 1
        self.stop(StopReason.INTERRUPTED)
        if self._interrupts >= _TO_BREAK:
            raise KeyboardInterrupt

    def abort(self) -> None:
        """End at once; what was begun stays in the journal."""
        self._interrupts = max(self._interrupts, _TO_ABORT)
        self.stop(StopReason.INTERRUPTED)

    # ---- lost tags ------------------------------------------------------------------------------

    @contextmanager
    def lost(self, reader: str) -> Iterator[None]:
        """Say that at this reader a lost tag is waited for."""
        with self._lock:
            self._lost.append(reader)
        try:
            yield
        finally:
            with self._lock:
                self._lost.remove(reader)
                self._skipped.discard(reader)

    def skip(self) -> None:
        """Wait no longer for the tag that was lost first; without a lost tag do nothing."""
        with self._lock:
            waiting = [reader for reader in self._lost if reader not in self._skipped]
            self._skipped.update(waiting[:1])

    def is_skipped(self, reader: str) -> bool:
        """Whether the tag that was lost at this reader is given up for now."""
        with self._lock:
            return reader in self._skipped

    # ---- undoing --------------------------------------------------------------------------------

    def finished(self, tag: Finished | None) -> None:
        """Remember which tag was done last."""
        with self._lock:
            self._finished = tag

    def undo(self) -> None:
        """Undo the tag that was done last, or think better of it."""
        with self._lock:
            dropped, self._undo = self._undo, None
            if dropped is None:
                self._undo = self._finished
            wanted = self._undo
        if dropped is not None:
            self.emit(UndoDropped(dropped.reader, dropped.uid, dropped.label))
        elif wanted is not None:
            self.emit(UndoAsked(wanted.reader, wanted.uid, wanted.label))
        else:
            self.emit(NothingToUndo())

    def to_undo(self, reader: str) -> Finished | None:
        """Return the tag that is to be undone at this reader, if there is one."""
        with self._lock:
            wanted = self._undo
        return wanted if wanted is not None and wanted.reader == reader else None

    def undone(self) -> None:
        """Say that it is done."""
        with self._lock:
            self._undo = self._finished = None
