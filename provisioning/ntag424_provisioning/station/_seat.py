"""The operator's seat: a display, keys, questions, and what signals mean there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from ntag424_provisioning.station._control import Control
from ntag424_provisioning.station._events import Event, FirstArticleWanted
from ntag424_provisioning.station._words import named

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GIVE_UP = "stop"


class Part(Protocol):
    """Something that holds the terminal: display, keys."""

    def suspend(self) -> None:
        """Give it back; a second time does nothing."""
        ...

    def resume(self) -> None:
        """Take it again; a second time does nothing."""
        ...


class Seat:
    """Shows events by all of *displays*, and is the `Operator` of the first article.

    *parts* hold the terminal while the `taken` block lasts, and let go of it for questions
    and for Ctrl-Z. *ask* asks for a line of text.
    """

    def __init__(
        self,
        control: Control,
        displays: Sequence[Callable[[Event], None]],
        parts: Sequence[Part],
        ask: Callable[[str], str],
    ) -> None:
        #: To be given to `run_station` too.
        self.control = control
        self._displays = displays
        self._parts = parts
        self._ask = ask

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        for display in self._displays:
            display(event)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold terminal and signals; Ctrl-C ends the run in good order, and Ctrl-Z halts it."""
        former = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGTSTP)}
        try:
            self._resume()
            self._take_signals()
            yield
        finally:
            # First the terminal, undisturbed: it outlives this program.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._suspend()
            for number, handler in former.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def ask_for_tap(self, shown: FirstArticleWanted, phone: str, problem: str) -> str | None:
        """See `Operator.ask_for_tap`."""
        tag = named(shown.uid, shown.label)
        question = f"Hold {tag} to an {phone}. The URL that it opened, or {_GIVE_UP}"
        with self._let_go():
            try:
                typed = self._ask(f"{problem}\n{question}" if problem else question)
            except KeyboardInterrupt:
                self.control.interrupt()
                return None
        return None if typed.strip().lower() == _GIVE_UP else typed

    # ---- signals --------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        for number in _ENDING:
            # What was to be ignored is: nohup wants no end at SIGHUP.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_ending)
        if self._parts:
            signal.signal(signal.SIGTSTP, self._on_halt)

    def _on_ending(self, _number: int, _frame: FrameType | None) -> None:
        self.control.interrupt()

    def _on_halt(self, _number: int, _frame: FrameType | None) -> None:
        # Not here: this thread may be in the middle of drawing.
        self.control.events.put(self._halt)

    def _halt(self) -> None:
        with self._let_go():
            os.kill(os.getpid(), signal.SIGTSTP)

    @contextmanager
    def _let_go(self) -> Iterator[None]:
        self._suspend()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            yield
        finally:
            self._take_signals()
            self._resume()

    def _suspend(self) -> None:
        for part in self._parts:
            part.suspend()

    def _resume(self) -> None:
        for part in reversed(self._parts):
            part.resume()
