"""What a display shows beside the lines: counts, rate, and when it will be over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ntag424_provisioning.station._events import (
    Event,
    RunBegan,
    TagAlreadyOurs,
    TagDone,
    TagDoneAfterAll,
    TagFailed,
    TagInDoubt,
    TagNotEnrolled,
    TagUndone,
)
from ntag424_provisioning.station._tally import Tally

# Tags that the rate is reckoned by: a pause is forgotten after as many.
_RECENT = 20
_HOUR = 3600


class Score:
    """Counts by events alone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.tally = Tally(())
        self.target: int | None = None
        self._earlier = 0
        self._clock = clock
        self._finished: deque[float] = deque([clock()], maxlen=_RECENT + 1)

    def hear(self, event: Event) -> None:
        """Take *event* into account."""
        match event:
            case RunBegan():
                self.target, self._earlier = event.target, event.earlier
                self._finished.append(self._clock())
            case TagDone():
                self._finished.append(self._clock())
                self.tally.add_done(event.uid)
            case TagDoneAfterAll():
                self.tally.add_done(event.uid)
            case TagAlreadyOurs():
                self.tally.add_already(event.uid)
            case TagFailed():
                self.tally.add_failed(event.uid, str(event.error))
            case TagInDoubt():
                self.tally.add_in_doubt(event.uid, event.label, str(event.error))
            case TagNotEnrolled():
                self.tally.add_not_enrolled(event.uid, event.label, str(event.error))
            case TagUndone():
                self.tally.remove(event.uid)

    @property
    def done(self) -> int:
        """How many are done, in this run and before."""
        return self._earlier + len(self.tally.done)

    @property
    def troubled(self) -> int:
        """How many need attention."""
        tally = self.tally
        return len(tally.failed) + len(tally.in_doubt) + len(tally.not_enrolled)

    @property
    def per_hour(self) -> float:
        """The rate of late; 0 before the first is done."""
        count, elapsed = len(self._finished) - 1, self._clock() - self._finished[0]
        return count * _HOUR / elapsed if elapsed > 0 and self.tally.done else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at this rate; None if nobody can tell."""
        rate = self.per_hour
        if self.target is None or rate <= 0:
            return None
        return max(0, self.target - self.done) * _HOUR / rate
