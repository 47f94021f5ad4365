"""What is said when a run is over."""

from __future__ import annotations

from collections.abc import Iterator

from ntag424_provisioning.station._summary import Remaining, Summary
from ntag424_provisioning.station._words import named

_MINUTE = 60


def summary_text(summary: Summary) -> str:
    """Return the end of a run as people read it."""
    return "\n".join(_lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    minutes, seconds = divmod(round(summary.seconds), _MINUTE)
    earlier = f" ({summary.earlier} before)" if summary.earlier else ""
    yield f"done          {summary.done}{earlier}, in {minutes} min {seconds:02} s"
    yield f"already ours  {summary.already_ours}"
    yield f"failed        {len(summary.failed)}"
    yield from map(_line, summary.failed)
    yield f"in doubt      {len(summary.in_doubt) + len(summary.not_enrolled)}"
    yield from map(_line, summary.in_doubt)
    yield from map(_line, summary.not_enrolled)
    if summary.in_doubt:
        yield 'Lay those in doubt on a reader and run "ntag424 repair", or the station again.'
    if summary.not_enrolled:
        yield 'Those that are not enrolled work: "ntag424 repair", or the station, enrols them.'
    if summary.error is not None:
        yield f"stopped: {summary.error}"
        if summary.error.hint:
            yield summary.error.hint


def _line(remaining: Remaining) -> str:
    return f"  {named(remaining.uid, remaining.label)}  {remaining.why}"
