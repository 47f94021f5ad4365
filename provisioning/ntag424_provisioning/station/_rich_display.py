"""The station on a terminal: counts, rate, progress, and what happened last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ntag424_provisioning.station._events import (
    Event,
    LostInWork,
    RunBegan,
    StepBegan,
    TagCame,
    TagEvent,
    TagFailed,
    TagRemoved,
)
from ntag424_provisioning.station._score import Score
from ntag424_provisioning.station._words import line, named, step_of

_REFRESHES = 4
_MEMORY = 200
_COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "?": "cyan", "↷": "blue", "↶": "blue"}
_KEYS = "[q] stop after this  [u] undo last  [s] skip the lost tag  Ctrl-C end"
_MINUTE, _HOUR = 60, 3600
# Lines that the state of a reader may take.
_LONGEST_STATE = 4


class RichDisplay:
    """Draws all of the screen, anew each time: whatever its size has become, it fits."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._score = Score(clock)
        self._lock = threading.Lock()
        self._title = ""
        self._lines: deque[str] = deque(maxlen=_MEMORY)
        self._states: dict[str, str] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(self, *_: object) -> None:
        self.suspend()

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        with self._lock:
            self._hear(event)

    def suspend(self) -> None:
        """Give the terminal back; a second time does nothing."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def resume(self) -> None:
        """Take the terminal again; a second time does nothing."""
        if self._live is None:
            self._live = Live(
                self,
                console=self._console,
                screen=True,
                refresh_per_second=_REFRESHES,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _hear(self, event: Event) -> None:
        self._score.hear(event)
        match event:
            case RunBegan():
                self._title = "  ".join(filter(None, (event.batch, *event.readers)))
                self._states = dict.fromkeys(event.readers, "  first tag, please")
            case TagCame():
                self._states[event.reader] = f"  {named(event.uid, '')}"
            case StepBegan():
                self._states[event.reader] = f"  {event.uid}  {step_of(event.progress)}"
            case TagRemoved():
                self._states[event.reader] = "  next tag, please"
            case LostInWork() | TagEvent() | TagFailed():
                self._states[event.reader] = line(event) or ""
        text = line(event)
        if text is not None and not isinstance(event, (RunBegan, TagRemoved)):
            self._lines.append(text)

    # ---- drawing --------------------------------------------------------------------------------

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw everything that fits."""
        width = options.max_width
        with self._lock:
            head = [Text(self._title, style="bold"), self._counts(), self._bar(width)]
            foot = self._foot(console, width)
            room = max(0, console.height - len(head) - len(foot))
            recent = [_coloured(text) for text in list(self._lines)[-room:]] if room else []
        lines = [*head, *recent, *[Text()] * (room - len(recent)), *foot][-console.height :]
        for text in lines:
            if isinstance(text, Text):
                text.no_wrap, text.overflow = True, "ellipsis"
        yield Group(*lines)

    def _foot(self, console: Console, width: int) -> list[Text]:
        """Say for each reader what is to be done there: in full, for that is what counts."""
        states = list(self._states.items())
        texts = [
            _coloured(state if len(states) == 1 else f"{state[:1]} {reader}: {state[1:].strip()}")
            for reader, state in states
        ]
        lines = [line for text in texts for line in text.wrap(console, width)[:_LONGEST_STATE]]
        return [*lines, Text(_KEYS, style="dim")]

    def _counts(self) -> Text:
        score = self._score
        left = score.seconds_left
        pieces = (
            (f"✓ {score.done}", "green"),
            (f"✗ {score.troubled}", "red" if score.troubled else "dim"),
            (f"↷ {len(score.tally.already)} already ours", "blue"),
            (f"{score.per_hour:.0f}/h" if score.per_hour else "", ""),
            ("" if left is None else f"eta {_duration(left)}", ""),
        )
        return Text("   ").join(Text(text, style=style) for text, style in pieces if text)

    def _bar(self, width: int) -> Table | Text:
        if self._score.target is None:
            return Text(f"{self._score.done} done")
        counted = f"{self._score.done}/{self._score.target}"
        table = Table.grid(padding=(0, 1))
        room = max(1, width - len(counted) - 2)
        bar = ProgressBar(total=self._score.target, completed=self._score.done, width=room)
        table.add_row(bar, counted)
        return table


def _coloured(text: str) -> Text:
    return Text(text, style=_COLOURS.get(text[:1], ""))


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
