"""The SQLite ledger, beside SQLite with a commit for each tap, in the same file."""

from __future__ import annotations

import asyncio
from asyncio import Runner
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from time import perf_counter

from bench.disks import folder_on_disk
from bench.rates import Rate, Rates, take_turns
from bench.report import Line
from bench.taps import Taps, rate_of, through
from ntag424.replay import Accepted, EnrolmentPolicy, TagLedger, store_at
from ntag424.replay.sqlite import _schema
from ntag424.replay.sqlite._operations import Moment, Redemption
from ntag424.sdm import CountedTap

_ROUNDS, _SECONDS, _LEAST = 5, 0.4, 3.0
_CALLERS, _MOST_CALLERS = (1, 16, 64), 64
_IN_TURN, _FROM_THREADS = "in turn", "from threads"
_NOW = Moment(boot=1, uptime_ms=0, wall=0)


def lines() -> Iterator[Line]:
    """Hold the ledger against the better of two plain ways."""
    with folder_on_disk() as folder, Runner() as runner:
        rates = _measured(runner, folder / "ledger.db")
    for callers in _CALLERS[:-1]:
        yield Line(f"SQLite, {callers} at once", f"{rates.of(_ours(callers)):,.0f} taps/s")
    ours = _ours(_MOST_CALLERS)
    ratio = rates.ratio(ours, rates.best(_IN_TURN, _FROM_THREADS))
    yield Line(
        f"SQLite, {_MOST_CALLERS} at once: {rates.of(ours):,.0f} taps/s, with a commit for each "
        f"{rates.of(_IN_TURN):,.0f} {_IN_TURN}, {rates.of(_FROM_THREADS):,.0f} {_FROM_THREADS}",
        f"{ratio:.1f} x",
        f">= {_LEAST:.0f} x",
        ratio >= _LEAST,
    )


def _measured(runner: Runner, path: Path) -> Rates:
    store = store_at(f"sqlite:///{path}")
    ledger = store.open(runner.run(store.init()))
    taps = Taps()
    try:
        runner.run(taps.enrol(ledger))
        with closing(_schema.connect(path)) as db:
            ways = _ways_of_ledger(runner, ledger, taps) | _plain_ways(runner, db, taps)
            return take_turns(ways, rounds=_ROUNDS)
    finally:
        runner.run(ledger.aclose())


def _ways_of_ledger(runner: Runner, ledger: TagLedger, taps: Taps) -> dict[str, Rate]:
    return {
        _ours(callers): rate_of(through(ledger), taps, runner, callers=callers, seconds=_SECONDS)
        for callers in _CALLERS
    }


def _plain_ways(runner: Runner, db: Connection, taps: Taps) -> dict[str, Rate]:
    lock = Lock()

    def redeem_locked(tap: CountedTap) -> None:
        with lock:
            _redeem(db, tap)

    async def redeem(tap: CountedTap) -> None:
        await asyncio.to_thread(redeem_locked, tap)

    return {
        _IN_TURN: partial(_rate_in_turn, db, taps),
        _FROM_THREADS: rate_of(redeem, taps, runner, callers=_MOST_CALLERS, seconds=_SECONDS),
    }


def _rate_in_turn(db: Connection, taps: Taps) -> float:
    redeemed, start = 0, perf_counter()
    while perf_counter() < start + _SECONDS:
        _redeem(db, taps.next())
        redeemed += 1
    return redeemed / (perf_counter() - start)


def _redeem(db: Connection, tap: CountedTap) -> None:
    """Run the ledger's own statement; as it stands alone, it is committed by itself."""
    redemption = Redemption(tap, None, None, EnrolmentPolicy.REGISTERED)
    assert isinstance(redemption.decide(db, _NOW), Accepted), "a bench of refusals would be none"


def _ours(callers: int) -> str:
    return f"ledger, {callers} at once"
