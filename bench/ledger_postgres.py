"""The PostgreSQL ledger, beside the same statement through nothing but C."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Iterator
from pathlib import Path

from bench import pgbench
from bench.disks import folder_on_disk
from bench.pgbench import Pgbench
from bench.rates import Rates, take_turns
from bench.report import Line
from bench.taps import Taps, rate_of, through
from bench.tools import is_here, why_not
from ntag424.replay import store_at
from tests.servers.postgres import PostgresServer, needs_postgres

_ROUNDS, _SECONDS = 3, 0.5
_CALLERS = (1, 16, 64)
_OURS, _C = "ledger", pgbench.PROGRAM


def lines() -> Iterator[Line]:
    """Ask one server that has every commit on the disk before it answers."""
    if lack := why_not(needs_postgres):
        yield Line(f"the PostgreSQL ledger: {lack}", "not measured")
        return
    if not is_here(pgbench.PROGRAM):
        yield Line(f"PostgreSQL by itself: no {pgbench.PROGRAM}", "not measured")
    with (
        folder_on_disk() as folder,
        PostgresServer(folder, shared_buffers="128MB") as server,
        Runner() as runner,
    ):
        for callers, rates in _measured(server, runner, folder):
            yield _line(callers, rates)


def _line(callers: int, rates: Rates) -> Line:
    subject = f"PostgreSQL, {callers} at once: {rates.of(_OURS):,.0f} taps/s"
    if _C not in rates.ways:
        return Line(subject, "")
    return Line(f"{subject}, {_C} {rates.of(_C):,.0f}", f"{rates.ratio(_OURS, _C):.2f} x")


def _measured(server: PostgresServer, runner: Runner, folder: Path) -> Iterator[tuple[int, Rates]]:
    store = store_at(server.url())
    store_id = runner.run(store.init())
    ledger, taps = store.open(store_id), Taps()
    others = Pgbench(server, store_id, folder)
    try:
        runner.run(taps.enrol(ledger))
        runner.run(Taps(pgbench.FIRST_TAG).enrol(ledger))
        for callers in _CALLERS:
            ways = {
                _OURS: rate_of(through(ledger), taps, runner, callers=callers, seconds=_SECONDS)
            }
            if is_here(pgbench.PROGRAM):
                ways[_C] = others.rate_of(callers=callers)
            yield callers, take_turns(ways, rounds=_ROUNDS)
    finally:
        runner.run(ledger.aclose())
