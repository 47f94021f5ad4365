"""The history checker finds what a broken ledger does, and nothing in what a sound one does."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import Accepted, Refused, Repeated, Replayed
from ntag424.sdm import CountedTap
from tests.contracts.history import Event, Recorder, violations

UID = Uid.from_hex("04A1B2C3D4E5F6")
OTHER = Uid.from_hex("04A1B2C3D4E5F7")
FIRST = Generation(1, 1)
SECOND = Generation(1, 2)


def event(start, end, counter, verdict, generation=FIRST, *, uid=UID):
    return Event(start, end, uid, generation, counter, verdict)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([], id="nothing happened"),
        pytest.param(
            [event(0, 1, 1, Accepted()), event(2, 3, 5, Accepted())],
            id="counters increase",
        ),
        pytest.param(
            [event(0, 3, 5, Accepted()), event(1, 2, 4, Accepted())],
            id="overlapping calls may take effect in either order",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 1, Accepted(), SECOND)],
            id="a counter restarts in the next generation",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 4, Accepted(), uid=OTHER)],
            id="tags do not share a counter",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 5, Repeated())],
            id="a repeat follows its tap",
        ),
        pytest.param(
            [event(0, 3, 5, Accepted()), event(1, 2, 5, Repeated())],
            id="a repeat may be answered before its tap",
        ),
        pytest.param(
            [event(0, 1, 5, None), event(2, 3, 5, Repeated())],
            id="a tap without an answer may have been accepted",
        ),
        pytest.param(
            [event(0, 1, 5, None), event(2, 3, 5, Accepted())],
            id="a tap without an answer may not have been accepted",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 4, Replayed()), event(4, 5, 6, Refused())],
            id="to refuse breaks no promise",
        ),
    ],
)
def test_a_history_of_a_sound_ledger_passes(history):
    assert violations(history) == []


@pytest.mark.parametrize(
    ("history", "faults"),
    [
        pytest.param(
            [event(0, 3, 5, Accepted()), event(1, 2, 5, Accepted())],
            ["accepted twice"],
            id="two concurrent calls took one tap",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 4, Accepted())],
            ["accepted after a later one"],
            id="a counter went back",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(1.5, 9, 6, Accepted()), event(2, 3, 4, Accepted())],
            ["accepted after a later one"],
            id="a counter went back while another call was under way",
        ),
        pytest.param(
            [event(2, 3, 4, Accepted()), event(0, 1, 5, Accepted())],
            ["accepted after a later one"],
            id="a counter went back, recorded out of order",
        ),
        pytest.param(
            [event(0, 1, 1, Accepted(), SECOND), event(2, 3, 9, Accepted(), FIRST)],
            ["accepted after a later one"],
            id="a generation went back",
        ),
        pytest.param(
            [event(0, 1, 5, Repeated())],
            ["repeated, but not accepted before"],
            id="a repeat of nothing",
        ),
        pytest.param(
            [event(0, 1, 5, Repeated()), event(2, 3, 5, Accepted())],
            ["repeated, but not accepted before"],
            id="a repeat before its tap",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted(), uid=OTHER), event(2, 3, 5, Repeated())],
            ["repeated, but not accepted before"],
            id="a repeat of another tag's tap",
        ),
        pytest.param(
            [event(0, 1, 5, Accepted()), event(2, 3, 6, Accepted()), event(4, 5, 5, Repeated())],
            ["repeated after a later one"],
            id="a repeat after a later tap",
        ),
    ],
)
def test_a_history_of_a_broken_ledger_is_found_out(history, faults):
    assert [violation.split(":")[0] for violation in violations(history)] == faults


class ReadsThenWrites:
    """Decides by a counter that may have changed meanwhile."""

    def __init__(self):
        self._counter = 0

    async def redeem(self, tap):
        stored = self._counter
        await asyncio.sleep(0)
        if tap.counter <= stored:
            return Replayed()
        self._counter = tap.counter
        return Accepted()


class TakesTheLastWrite:
    """Refuses only what it saw last."""

    def __init__(self):
        self._counter = 0

    async def redeem(self, tap):
        if tap.counter == self._counter:
            return Replayed()
        self._counter = tap.counter
        return Accepted()


class RepeatsEverything:
    """Takes every second look for the same request."""

    def __init__(self):
        self._counter = 0

    async def redeem(self, tap):
        if tap.counter <= self._counter:
            return Repeated()
        self._counter = tap.counter
        return Accepted()


class IsNeverThere:
    async def redeem(self, tap):
        raise LedgerUnavailableError("the store is gone")


def tap(counter):
    return CountedTap(UID, FIRST, counter)


@pytest.mark.anyio
async def test_a_ledger_that_reads_before_it_writes_is_found_out():
    recorder, ledger = Recorder(), ReadsThenWrites()
    await asyncio.gather(*(recorder.redeem(ledger, tap(1)) for _ in range(2)))
    assert [fault.split(":")[0] for fault in violations(recorder.history)] == ["accepted twice"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("broken", "counters", "fault"),
    [
        (TakesTheLastWrite, [2, 3, 1], "accepted after a later one"),
        (RepeatsEverything, [1, 3, 1], "repeated after a later one"),
    ],
)
async def test_a_ledger_that_forgets_the_highest_counter_is_found_out(broken, counters, fault):
    recorder, ledger = Recorder(), broken()
    for counter in counters:
        await recorder.redeem(ledger, tap(counter))
    assert [violation.split(":")[0] for violation in violations(recorder.history)] == [fault]


@pytest.mark.anyio
async def test_an_unavailable_ledger_is_recorded_as_an_open_question():
    recorder = Recorder()
    await recorder.redeem(IsNeverThere(), tap(1))
    assert [event.verdict for event in recorder.history] == [None]
