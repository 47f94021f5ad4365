"""How long callers wait for a refusal when their server is in trouble, and then for service."""

from __future__ import annotations

from asyncio import Runner, sleep, to_thread
from collections.abc import Callable, Iterator
from time import perf_counter

from bench.callers import Callers
from bench.report import Line
from bench.taps import Taps
from bench.tools import why_not
from ntag424.replay import store_at
from tests.servers.postgres import PostgresServer, needs_postgres
from tests.servers.process import Server, needs_redis
from tests.servers.redis_server import RedisServer

_MOST_FOR_REFUSAL, _MOST_FOR_SERVICE = 1.0, 2.0
_SECONDS_BEFORE, _SECONDS_OF_TROUBLE = 0.3, 2.0


def lines() -> Iterator[Line]:
    """Trouble one server after the other, while callers go on."""
    if lack := why_not(needs_redis):
        yield Line(f"Redis in trouble: {lack}", "not measured")
    else:
        with RedisServer() as server:
            yield from _lines("Redis", server, server.url)
    if lack := why_not(needs_postgres):
        yield Line(f"PostgreSQL in trouble: {lack}", "not measured")
    else:
        with PostgresServer() as server:
            yield from _lines("PostgreSQL", server, server.url())


def _lines(name: str, server: Server, url: str) -> Iterator[Line]:
    store, taps = store_at(url), Taps()
    with Runner() as runner:
        ledger = store.open(runner.run(store.init()))
        try:
            runner.run(taps.enrol(ledger))
            for what, begin in {"frozen": server.freeze, "killed": server.kill}.items():
                trouble = _trouble(Callers(ledger, taps), begin, server.recover)
                yield from _lines_of_trouble(f"{name} {what}", *runner.run(trouble))
            if isinstance(server, RedisServer):
                yield runner.run(_loss(Callers(ledger, taps), server.client().flushall))
        finally:
            runner.run(ledger.aclose())


def _lines_of_trouble(name: str, longest: float, served: float) -> Iterator[Line]:
    most = _MOST_FOR_REFUSAL
    yield Line(f"{name}: refused within", f"{longest:.2f} s", f"<= {most} s", longest <= most)
    most = _MOST_FOR_SERVICE
    yield Line(f"{name}, then well: served", f"{served:.2f} s", f"<= {most} s", served <= most)


async def _trouble(
    callers: Callers, begin: Callable[[], object], end: Callable[[], object]
) -> tuple[float, float]:
    """Return the longest that anybody waited, and when after the end a tap was accepted."""
    async with callers.at_work():
        await sleep(_SECONDS_BEFORE)
        await to_thread(begin)
        begun = perf_counter()
        await callers.first(since=begun, is_accepted=False)
        await sleep(begun + _SECONDS_OF_TROUBLE - perf_counter())
        await to_thread(end)
        served = await callers.first(since=perf_counter(), is_accepted=True)
    return callers.longest(), served


async def _loss(callers: Callers, lose: Callable[[], object]) -> Line:
    """Let the server lose everything: only people can end that, nothing is accepted any more."""
    async with callers.at_work():
        await sleep(_SECONDS_BEFORE)
        await to_thread(lose)
        lost = perf_counter()
        refused = await callers.first(since=lost, is_accepted=False)
        await sleep(_SECONDS_OF_TROUBLE)
    accepted, most = callers.count_accepted(since=lost), _MOST_FOR_REFUSAL
    return Line(
        f"Redis emptied (FLUSHALL): refused within; {accepted} taps accepted from then on",
        f"{refused:.2f} s",
        f"<= {most} s",
        refused <= most and not accepted,
    )
