"""The Redis ledger, beside the same script through redis-py, and through nothing but C."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Iterator, Mapping

from redis.asyncio import Redis

from bench import redis_benchmark
from bench.disks import folder_on_disk
from bench.rates import Rate, Rates, take_turns
from bench.report import Line
from bench.taps import Redeem, Taps, rate_of, through
from bench.tools import is_here, why_not
from ntag424.replay import Phase, place_of, store_at
from ntag424.replay._ledger import position
from ntag424.replay.redis import _layout
from ntag424.replay.redis._layout import REDEEM
from ntag424.sdm import CountedTap
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer

_ROUNDS, _SECONDS = 5, 0.35
#: How many times as much as redis-py, by the number of callers.
_TARGETS = {1: None, 16: None, 64: 2.5}
_PIPELINED = 64
_OURS, _REDIS_PY = "ledger", "redis-py"
_C, _C_PIPELINED = redis_benchmark.PROGRAM, f"with -P {_PIPELINED}"


def lines() -> Iterator[Line]:
    """Ask one server that puts every write on the disk before it answers."""
    if lack := why_not(needs_redis):
        yield Line(f"the Redis ledger: {lack}", "not measured")
        return
    if not is_here(_C):
        yield Line(f"Redis by itself: no {_C}", "not measured")
    with folder_on_disk() as folder, RedisServer(folder) as server, Runner() as runner:
        for callers, rates in _measured(server, runner):
            yield _line(callers, rates)


def _line(callers: int, rates: Rates) -> Line:
    target, ratio = _TARGETS[callers], rates.ratio(_OURS, _REDIS_PY)
    others = ", ".join(f"{way} {rates.of(way):,.0f}" for way in rates.ways if way != _OURS)
    subject = f"Redis, {callers} at once: {rates.of(_OURS):,.0f} taps/s, {others}"
    if target is None:
        return Line(subject, f"{ratio:.1f} x")
    return Line(subject, f"{ratio:.1f} x", f">= {target} x", ratio >= target)


def _measured(server: RedisServer, runner: Runner) -> Iterator[tuple[int, Rates]]:
    store, client = store_at(server.url), Redis(port=server.port, protocol=2)
    store_id = runner.run(store.init())
    ledger, taps = store.open(store_id), Taps()
    redeems = {_OURS: through(ledger), _REDIS_PY: _through_redis_py(client, store_id, taps)}
    try:
        runner.run(taps.enrol(ledger))
        redis_benchmark.prepare(server)
        for callers in _TARGETS:
            ways = {
                way: rate_of(redeem, taps, runner, callers=callers, seconds=_SECONDS)
                for way, redeem in redeems.items()
            }
            yield callers, take_turns(ways | _ways_of_c(server, callers), rounds=_ROUNDS)
    finally:
        runner.run(ledger.aclose())
        runner.run(client.aclose())


def _ways_of_c(server: RedisServer, callers: int) -> Mapping[str, Rate]:
    if not is_here(_C):
        return {}
    ways = {_C: redis_benchmark.rate_of(server, callers=callers, seconds=_SECONDS)}
    if callers == _PIPELINED:
        ways[_C_PIPELINED] = redis_benchmark.rate_of(
            server, callers=callers, pipelined=_PIPELINED, seconds=_SECONDS
        )
    return ways


def _through_redis_py(client: Redis, store_id: str, taps: Taps) -> Redeem:
    """Call the script as one does: whoever needs an answer takes a connection of the pool."""
    mark, sha = _layout.mark(store_id, Phase.SERVING), REDEEM.sha.decode()
    places = {uid: place_of(store_id, uid) for uid in taps.uids}
    keys = {
        uid: (_layout.bucket_key(place), _layout.firsts_key(place))
        for uid, place in places.items()
    }

    async def redeem(tap: CountedTap) -> None:
        reached = position(tap.generation, tap.counter)
        arguments = (mark, b"0", b"0", tap.uid, reached, b"registered", b"", b"")
        verdict, *_ = await client.evalsha(sha, 2, *keys[tap.uid], *arguments)
        assert verdict == b"accepted", "a bench of refusals would be none"

    return redeem
