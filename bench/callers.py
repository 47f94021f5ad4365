"""Callers who redeem tap after tap, whatever happens, and note how long each answer took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from bench.taps import Taps
from ntag424.errors import LedgerUnavailableError
from ntag424.replay import Accepted, TagLedger

_CALLERS = 8
_PAUSE_SECONDS = 0.01
#: Only against hanging for ever; nothing is measured by it.
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Call:
    """From the question to the answer."""

    began: float
    ended: float
    #: False if the ledger could not be used.
    is_accepted: bool


class Callers:
    """Some at once, each of whom tries again with another tap."""

    def __init__(self, ledger: TagLedger, taps: Taps) -> None:
        self._ledger = ledger
        self._taps = taps
        self._calls: list[Call] = []
        self._news = asyncio.Event()
        self._is_over = False

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let them redeem as long as the block lasts; what was asked is answered then."""
        async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            for _ in range(_CALLERS):
                group.create_task(self._go_on())
            yield
            self._is_over = True

    async def first(self, *, since: float, is_accepted: bool) -> float:
        """Wait for the first such answer to a question put after *since*; say how late it is."""
        while not (calls := self._calls_since(since, is_accepted=is_accepted)):
            self._news.clear()
            await self._news.wait()
        return calls[0].ended - since

    def count_accepted(self, *, since: float) -> int:
        """Return how many taps were accepted of those shown after *since*."""
        return len(self._calls_since(since, is_accepted=True))

    def longest(self) -> float:
        """Return how long the one waited for an answer who waited longest."""
        return max(call.ended - call.began for call in self._calls)

    def _calls_since(self, since: float, *, is_accepted: bool) -> list[Call]:
        return [
            call for call in self._calls if call.began >= since and call.is_accepted is is_accepted
        ]

    async def _go_on(self) -> None:
        while not self._is_over:
            began = perf_counter()
            is_accepted = await self._redeem()
            self._calls.append(Call(began, perf_counter(), is_accepted))
            self._news.set()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _redeem(self) -> bool:
        try:
            verdict = await self._ledger.redeem(self._taps.next())
        except LedgerUnavailableError:
            return False
        assert isinstance(verdict, Accepted), "every tap is fresh"
        return True
