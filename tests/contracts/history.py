"""What clients saw of a ledger, and whether any ledger that keeps its promise can show it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import count

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import Accepted, Repeated, Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """One redemption, from the question to the answer; calls may overlap."""

    start: float
    end: float
    uid: Uid
    generation: Generation
    counter: int
    #: None if the ledger was unavailable: then the counter may be used up, or not.
    verdict: Verdict | None

    @property
    def position(self):
        return self.generation, self.counter


class Recorder:
    """Redeems taps and writes down what was answered, and in which order."""

    def __init__(self):
        self.history = []
        self._ticks = count()

    async def redeem(self, ledger, tap, **arguments):
        """Pass a redemption on, and write it down."""
        start = next(self._ticks)
        try:
            verdict = await ledger.redeem(tap, **arguments)
        except LedgerUnavailableError:
            verdict = None
        end = next(self._ticks)
        self.history.append(Event(start, end, tap.uid, tap.generation, tap.counter, verdict))
        return verdict


def violations(history):
    """Return, in words, every promise that this *history* breaks."""
    by_tag = defaultdict(list)
    for event in history:
        by_tag[event.uid].append(event)
    return [
        f"{fault}: {event}"
        for events in by_tag.values()
        for fault, event in (*_twice(events), *_backwards(events), *_baseless(events))
    ]


def _twice(events):
    seen = set()
    for event in events:
        if isinstance(event.verdict, Accepted):
            if event.position in seen:
                yield "accepted twice", event
            seen.add(event.position)


def _backwards(events):
    """Look for a fresh or repeated tap after a later one was answered."""
    accepted = sorted(
        (event for event in events if isinstance(event.verdict, Accepted)),
        key=lambda event: event.end,
        reverse=True,
    )
    highest = None
    for event in sorted(events, key=lambda event: event.start):
        while accepted and accepted[-1].end < event.start:
            position = accepted.pop().position
            highest = position if highest is None else max(highest, position)
        if highest is None:
            continue
        if isinstance(event.verdict, Accepted) and event.position < highest:
            yield "accepted after a later one", event
        if isinstance(event.verdict, Repeated) and event.position < highest:
            yield "repeated after a later one", event


def _baseless(events):
    """Look for repeats of what was not accepted before."""
    began = {}
    for event in events:
        # What was not answered may have been accepted.
        if event.verdict is None or isinstance(event.verdict, Accepted):
            began[event.position] = min(event.start, began.get(event.position, event.start))
    for event in events:
        if isinstance(event.verdict, Repeated):
            start = began.get(event.position)
            if start is None or start > event.end:
                yield "repeated, but not accepted before", event
