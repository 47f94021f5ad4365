"""Time that cannot be set back."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """The time by which sessions end and repeats are still repeats."""

    @property
    def boot_id(self) -> str:
        """Names the run of the machine in which `uptime_ms` counts."""
        ...

    def uptime_ms(self) -> int:
        """Milliseconds since the machine started; never goes back."""
        ...

    def wall(self) -> int:
        """UNIX time in seconds: for people to read, never compared."""
        ...


class BootClock:
    """Time since the machine started, the same for every process on it.

    Setting the wall clock moves nothing here. What a former run of the machine
    granted is over: those times cannot be compared, and a session is short enough
    to tap again for.
    """

    def __init__(self) -> None:
        try:
            self.boot_id = _BOOT_ID.read_text("ascii").strip()
        except OSError:
            # Not Linux: let nothing outlive this process.
            self.boot_id = str(uuid.uuid4())
        self._clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def uptime_ms(self) -> int:
        """See `Clock.uptime_ms`."""
        return time.clock_gettime_ns(self._clock) // 1_000_000

    def wall(self) -> int:
        """See `Clock.wall`."""
        return int(time.time())
