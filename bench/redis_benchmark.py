"""What Redis itself does of the ledger's script: `redis-benchmark`, written in C."""

from __future__ import annotations

import csv
import subprocess
from functools import partial
from itertools import count

from bench.rates import Rate
from ntag424.replay.redis._layout import REDEEM
from tests.servers.redis_server import RedisServer

PROGRAM = "redis-benchmark"

#: Written anew for every command: 12 digits of a number below what `-r` says.
_ANY = "__rand_int__"
#: Buckets, and UIDs: so many of either that nearly every pair is new, so nearly every tap is
#: accepted, and few enough that buckets stay as small as those of a million tags.
_RANGE = 4096
_MARK = "benchmark"
_BUCKET = f"ntag424:{{{_ANY}}}"
#: Positions, five bytes, that rise from run to run: two runs may draw the same numbers.
_POSITIONS = (f"{number:05}" for number in count(1))


def prepare(server: RedisServer) -> None:
    """Make buckets of its own beside those of the ledger, which loaded the script."""
    pipeline = server.client().pipeline(transaction=False)
    for number in range(_RANGE):
        pipeline.hset(_BUCKET.replace(_ANY, f"{number:012}"), "", _MARK)
    pipeline.execute()


def rate_of(server: RedisServer, *, callers: int, pipelined: int = 1, seconds: float) -> Rate:
    """Let *callers* send *pipelined* taps each, and again when all of these are answered."""
    run = partial(_run, server.port, callers, pipelined)
    taps = round(seconds * run(2000 + 100 * pipelined))
    return partial(run, taps)


def _run(port: int, callers: int, pipelined: int, taps: int) -> float:
    options = ["-p", port, "-c", callers, "-P", pipelined, "-n", taps, "-r", _RANGE, "--csv"]
    command = [PROGRAM, *map(str, options), *_redeem(next(_POSITIONS))]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    names, values = csv.reader(finished.stdout.splitlines()[-2:])
    return float(dict(zip(names, values, strict=True))["rps"])


def _redeem(position: str) -> tuple[str, ...]:
    """Return what the ledger sends for a tap without nonce and session, of any tag."""
    keys = ("2", _BUCKET, f"{_BUCKET}:firsts")
    arguments = (_MARK, "0", "0", _ANY, position, "open", "", "")
    return ("evalsha", REDEEM.sha.decode(), *keys, *arguments)
