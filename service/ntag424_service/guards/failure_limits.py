"""The one place where failures are counted: whoever guesses too often waits for the answer.

Only failures count, and a limit decides about nothing but their answers. A tap, a token
or a credential is looked at first, and a good one is answered as ever: nobody can lock out
the owner of a tag by guessing in its name, nor somebody who shares his address.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ntag424_service.errors import RateLimitedError
from ntag424_service.guards.penalties import Allowance, Delays, Penalties, TokenBuckets
from ntag424_service.operations.log import Failure, RefusalLog

#: Failures that one source may have: 60, and one more every second.
PER_SOURCE = Allowance(burst=60, interval=1)
#: Failures in the name of one tag, from wherever: 30, and one more every 10 s.
PER_TAG = Allowance(burst=30, interval=10)
#: After this time without failures every bucket has a token. The same for all, so that
#: it says nothing about any.
RETRY_AFTER_SECONDS = 10
#: Sources, and tags, that are remembered at a time.
MOST_KEYS = 65_536


class FailureLimits:
    """Counts failures of a process by source and by tag; delays answers over the limit.

    *clock* says seconds and never goes back.
    """

    def __init__(
        self,
        *,
        per_source: Allowance = PER_SOURCE,
        per_tag: Allowance = PER_TAG,
        delays: Delays | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = TokenBuckets(per_source, most=MOST_KEYS)
        self._tags = TokenBuckets(per_tag, most=MOST_KEYS)
        self._penalties = Penalties(Delays() if delays is None else delays)
        self._clock = clock
        self._log = RefusalLog()

    @asynccontextmanager
    async def attempt(self, source: bytes) -> AsyncIterator[Attempt]:
        """Let *source* try something in the block, once a place is free for its failure.

        Raises:
            RateLimitedError: all are taken by failures before, and too many wait.

        """
        attempt = Attempt(self, source, holds_place=await self._enter(source))
        try:
            yield attempt
        finally:
            attempt.end()

    async def fail(
        self,
        source: bytes,
        failure: Failure,
        tag: bytes | None = None,
        *,
        holds_place: bool = False,
    ) -> None:
        """Count a failure of *source*, in the name of *tag* if it named one.

        Returns at once below the limits, and the answer is that of any failure.

        Raises:
            RateLimitedError: a limit was passed; the delay is over.

        """
        if self._is_free(source, tag):
            if holds_place:
                self._penalties.release(source)
            return
        self._log.count(failure)
        await self._penalties.delay(source, holds_place=holds_place)
        raise RateLimitedError(hang_up=False)

    def release(self, source: bytes) -> None:
        """Give back the place of an attempt that was no failure."""
        self._penalties.release(source)

    def close(self) -> None:
        """Log what was counted and is not logged yet."""
        self._log.flush()

    async def _enter(self, source: bytes) -> bool:
        try:
            return await self._penalties.enter(source)
        except RateLimitedError:
            self._log.count(Failure.TAP)
            raise

    def _is_free(self, source: bytes, tag: bytes | None) -> bool:
        now = self._clock()
        if not self._sources.take(source, now):
            # It does not count for the tag: one source alone can neither exhaust the
            # allowance of many tags nor push them out of the table.
            return False
        return tag is None or self._tags.take(tag, now)


class Attempt:
    """One thing that a source tries, and whether it holds a place for the failure of it."""

    __slots__ = ("_holds_place", "_limits", "_source")

    def __init__(self, limits: FailureLimits, source: bytes, *, holds_place: bool) -> None:
        self._limits, self._source, self._holds_place = limits, source, holds_place

    async def fail(self, failure: Failure, tag: bytes | None = None) -> None:
        """See `FailureLimits.fail`; at most once."""
        holds_place, self._holds_place = self._holds_place, False
        await self._limits.fail(self._source, failure, tag, holds_place=holds_place)

    def end(self) -> None:
        """Give the place back, if it is still held; calling it again does no harm."""
        if self._holds_place:
            self._holds_place = False
            self._limits.release(self._source)
