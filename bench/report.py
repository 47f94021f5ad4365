"""One line of the table that `python -m bench` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_FORMAT = "{:<60} {:>12} {:>14}   {}"
_VERDICTS = {True: "met", False: "missed", None: ""}


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured beside what was hoped for."""

    subject: str
    measured: str
    #: Empty where nothing in particular is hoped for.
    target: str = ""
    is_met: bool | None = None


def print_table(lines: Iterable[Line]) -> None:
    """Print each line as soon as it is known."""
    print(_FORMAT.format("", "measured", "target", "").rstrip())
    for line in lines:
        verdict = _VERDICTS[line.is_met]
        text = _FORMAT.format(line.subject, line.measured, line.target, verdict)
        print(text.rstrip(), flush=True)
