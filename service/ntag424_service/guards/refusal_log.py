"""One line a minute for each kind of refusal: nobody can flood the log by being refused."""

from __future__ import annotations

from collections import Counter

import structlog


class RefusalLog:
    """Counts refusals, and writes how many there were; never whose or what they were."""

    def __init__(self, seconds: float) -> None:
        """Write at most one line of each kind in so many *seconds*."""
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._seconds = seconds
        self._counts: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}

    @property
    def is_owing(self) -> bool:
        """Whether something was counted that has not been written."""
        return bool(self._counts)

    def count(self, kind: str) -> None:
        """Note one refusal."""
        self._counts[kind] += 1

    def write(self, now: float) -> None:
        """Write the lines that are due at *now*, in seconds of any clock that does not jump."""
        for kind, count in list(self._counts.items()):
            if now >= self._not_before.get(kind, now):
                self._logger.warning("connections refused", kind=kind, count=count)
                self._not_before[kind] = now + self._seconds
                del self._counts[kind]
