"""Which display, and whether there are keys: by what the operator wants and what is there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from enum import Enum, unique

from ntag424_provisioning.station._control import Control
from ntag424_provisioning.station._events import Event
from ntag424_provisioning.station._json_display import JsonDisplay
from ntag424_provisioning.station._keys import Keys
from ntag424_provisioning.station._plain_display import Bell, PlainDisplay
from ntag424_provisioning.station._seat import Part, Seat

__all__ = ["Seat", "Show", "Sound", "best_show", "seat"]


@unique
class Show(Enum):
    """How events are shown."""

    #: All of the screen.
    SCREEN = "screen"
    #: A line for each.
    LINES = "lines"
    #: A JSON object for each, on stdout.
    JSON = "json"


@unique
class Sound(Enum):
    """Whether the terminal's bell rings."""

    BELL = "bell"
    QUIET = "quiet"


def best_show() -> Show:
    """Return what the terminal is fit for; NO_COLOR asks for lines."""
    is_simple = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return Show.SCREEN if sys.stderr.isatty() and not is_simple else Show.LINES


def seat(show: Show, sound: Sound, ask: Callable[[str], str]) -> Seat:
    """Make the seat of an operator; keys only where somebody can press them."""
    control = Control()
    displays: list[Callable[[Event], None]] = []
    parts: list[Part] = []
    match show:
        case Show.JSON:
            displays.append(JsonDisplay(sys.stdout))
        case Show.LINES:
            displays.append(PlainDisplay(sys.stderr, time.monotonic))
        case Show.SCREEN:
            # rich takes as long to load as all the rest.
            from rich.console import Console  # noqa: PLC0415

            from ntag424_provisioning.station._rich_display import RichDisplay  # noqa: PLC0415

            screen = RichDisplay(Console(stderr=True), time.monotonic)
            displays.append(screen)
            parts.append(screen)
    if sound is Sound.BELL:
        displays.append(Bell(sys.stderr))
    if sys.stdin.isatty() and sys.stderr.isatty():
        keys = {"q": control.quit, "u": control.undo, "s": control.skip}
        parts.append(Keys(sys.stdin.fileno(), keys))
    return Seat(control, displays, parts, ask)
