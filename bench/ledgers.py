"""Each ledger by itself: taps a second, beside what its store does without it."""

from __future__ import annotations

from collections.abc import Iterator

from bench import disks, ledger_postgres, ledger_redis, ledger_sqlite
from bench.report import Line


def lines() -> Iterator[Line]:
    """Measure one ledger after another, all on the same disk."""
    yield disks.line()
    yield from ledger_sqlite.lines()
    yield from ledger_redis.lines()
    yield from ledger_postgres.lines()
