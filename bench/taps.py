"""Taps of many tags, and callers who redeem them at once."""

from __future__ import annotations

import asyncio
from asyncio import Runner
from collections.abc import Awaitable, Callable
from itertools import count
from time import perf_counter
from typing import TypeAlias

from bench.rates import Rate
from ntag424 import Generation, Uid
from ntag424.replay import Accepted, TagLedger
from ntag424.sdm import CountedTap

GENERATION = Generation()
_TAGS = 2048
_ENROLLED_AT_ONCE = 128


class Taps:
    """Enrolled tags that tap in turn: every tap is fresh, and no two at once are of one tag."""

    def __init__(self, first: int = 0) -> None:
        """Take the tags whose UIDs begin at *first*."""
        self.uids = [Uid((first + number).to_bytes(7, "big")) for number in range(_TAGS)]
        self._numbers = count(_TAGS)

    async def enrol(self, ledger: TagLedger) -> None:
        """Let *ledger* know the tags."""
        for start in range(0, _TAGS, _ENROLLED_AT_ONCE):
            some = self.uids[start : start + _ENROLLED_AT_ONCE]
            await asyncio.gather(*(ledger.enrol(uid, GENERATION, 0) for uid in some))

    def next(self) -> CountedTap:
        """Return a tap of the next tag."""
        counter, number = divmod(next(self._numbers), _TAGS)
        return CountedTap(self.uids[number], GENERATION, counter)


#: Redeems one tap; raises if it is not accepted.
Redeem: TypeAlias = Callable[[CountedTap], Awaitable[None]]


def through(ledger: TagLedger) -> Redeem:
    """Redeem in *ledger*."""

    async def redeem(tap: CountedTap) -> None:
        verdict = await ledger.redeem(tap)
        assert isinstance(verdict, Accepted), "a bench of refusals would be none"

    return redeem


def rate_of(redeem: Redeem, taps: Taps, runner: Runner, *, callers: int, seconds: float) -> Rate:
    """Let *callers* redeem one tap after another, each, for some *seconds*."""
    return lambda: runner.run(_taps_per_second(redeem, taps, callers, seconds))


async def _taps_per_second(redeem: Redeem, taps: Taps, callers: int, seconds: float) -> float:
    redeemed = 0
    start = perf_counter()

    async def go_on() -> None:
        nonlocal redeemed
        while perf_counter() < start + seconds:
            await redeem(taps.next())
            redeemed += 1

    await asyncio.gather(*(go_on() for _ in range(callers)))
    return redeemed / (perf_counter() - start)
