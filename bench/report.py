"""One line of the table that `python -m bench` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_FORMAT = "{:<60} {:>12} {:>14}   {}"


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured beside what was hoped for."""

    subject: str
    measured: str
    target: str
    is_met: bool


def print_table(lines: Iterable[Line]) -> None:
    """Print each line as soon as it is known."""
    print(_FORMAT.format("", "measured", "target", "").rstrip())
    for line in lines:
        verdict = "met" if line.is_met else "missed"
        print(_FORMAT.format(line.subject, line.measured, line.target, verdict), flush=True)
