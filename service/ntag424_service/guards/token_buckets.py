"""Token buckets, many of them in bounded memory; the time is passed in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


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
