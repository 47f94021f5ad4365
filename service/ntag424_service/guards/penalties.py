"""Delayed answers for whoever fails too often, counted by token buckets in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from ntag424_service.errors import RateLimitedError


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of something is free."""

    #: Tokens in a full bucket.
    burst: int
    #: Seconds in which a bucket gains one token.
    interval: float

    def __post_init__(self) -> None:
        if self.burst < 1 or self.interval <= 0:
            raise ValueError("a bucket holds a token at least, and gains some in time")


class TokenBuckets:
    """One bucket for each key; of more than *most* keys those used longest ago are forgotten.

    A bucket that was forgotten is full again. What is kept of one is a single number, the
    time at which it will be full, so nothing has to be refilled and no timer runs.
    """

    def __init__(self, allowance: Allowance, *, most: int) -> None:
        self._interval = allowance.interval
        self._span = allowance.burst * allowance.interval
        self._most = most
        self._full_at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: bytes, now: float) -> bool:
        """Take a token out of the bucket of *key*; false if there is none.

        *now* is in seconds of a clock that never goes back.
        """
        full_at = max(self._full_at.get(key, now), now) + self._interval
        if full_at - now > self._span:
            self._full_at.move_to_end(key)
            return False
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return True


@dataclass(frozen=True, slots=True)
class Delays:
    """How long answers are delayed, and how many."""

    seconds: float = 1.0
    #: Delayed answers of one source at any time.
    at_once: int = 32
    #: Requests of one source that wait for a place. With these three numbers nobody waits
    #: longer than 2 s, which is less than the patience of the tap page (6 s).
    waiting: int = 32
    #: Delayed and waiting requests of all sources. Each keeps its connection: less than a third
    #: of those that a process has at 1,024 descriptors, so that nobody else is shut out.
    in_all: int = 128


@dataclass(slots=True)
class _Places:
    free: asyncio.Semaphore
    #: Requests that hold a place or wait for one.
    requests: int = field(default=0)


class Penalties:
    """Hands out the places in which answers are delayed.

    A source is remembered only as long as it has requests here.
    """

    def __init__(self, delays: Delays) -> None:
        self._delays = delays
        self._sources: dict[bytes, _Places] = {}
        self._requests = 0

    def __len__(self) -> int:
        return self._requests

    async def enter(self, source: bytes) -> bool:
        """Wait in line if all places of *source* are taken; return whether one is held now.

        A place that is held has to be given back: `release`, or `delay`.

        Raises:
            RateLimitedError: too many wait already.

        """
        places = self._sources.get(source)
        if places is None or not places.free.locked():
            return False
        await self._take(source)
        return True

    async def delay(self, source: bytes, *, holds_place: bool) -> None:
        """Take a place, unless one is held, and keep it for the time of the delay.

        Raises:
            RateLimitedError: too many wait already.

        """
        if not holds_place:
            await self._take(source)
        try:
            await asyncio.sleep(self._delays.seconds)
        finally:
            self.release(source)

    def release(self, source: bytes) -> None:
        """Give a place back; who waits longest gets it."""
        self._sources[source].free.release()
        self._forget(source)

    async def _take(self, source: bytes) -> None:
        delays = self._delays
        places = self._sources.get(source) or _Places(asyncio.Semaphore(delays.at_once))
        if places.requests >= delays.at_once + delays.waiting or self._requests >= delays.in_all:
            raise RateLimitedError(hang_up=True)
        self._sources[source] = places
        places.requests += 1
        self._requests += 1
        try:
            await places.free.acquire()
        except asyncio.CancelledError:
            self._forget(source)
            raise

    def _forget(self, source: bytes) -> None:
        places = self._sources[source]
        places.requests -= 1
        self._requests -= 1
        if not places.requests:
            del self._sources[source]
