"""What the bounds of connections cost, and what they are good for.

Counted is processor time of the server for each request: on a busy machine it does not count the
waiting for others. The requests come from `wrk`, with the headers that a browser sends.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import cycle, islice
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.hello import OURS
from bench.rates import Rate, take_turns
from bench.report import Line
from bench.tools import is_here
from ntag424 import Uid
from tests.attacks.peers import HOST, exchange, silent_peers
from tests.service.asking import tap_body
from tests.service.running import Installation, Service, serving

_PROGRAM = "wrk"
_BARE, _H11 = "httptools", "h11"
_ROUNDS, _SECONDS = 7, 2
_TARGET = 1.05
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15",
    "Accept": "*/*",
    "Accept-Language": "de-DE,de;q=0.9",
    "Accept-Encoding": "gzip, deflate, br",
    "Origin": "https://id.example.com",
    "Referer": "https://id.example.com/t",
}
_TICKS = 100
_DESCRIPTORS, _SILENT, _SOURCES = 1024, 1500, 8
_PATIENCE_SECONDS = 60


def lines() -> Iterator[Line]:
    """Compare uvicorn's protocols and ours, and tap while silent connections keep coming."""
    if is_here(_PROGRAM):
        yield from _costs()
    else:
        yield Line(f"HTTP by itself: no {_PROGRAM}", "not measured")
    yield _taps_among_silence()


def _costs() -> Iterator[Line]:
    with ExitStack() as stack:
        ways = {name: stack.enter_context(_hello(name)) for name in (_BARE, OURS, _H11)}
        rates = take_turns(ways, rounds=_ROUNDS)
    for name, target in ((OURS, _TARGET), (_H11, None)):
        ratio = rates.ratio(_BARE, name)
        yield Line(
            f"a request: {name} {1e6 / rates.of(name):.1f} us CPU, "
            f"{_BARE} {1e6 / rates.of(_BARE):.1f}",
            f"{ratio:.2f} x bare",
            "" if target is None else f"< {target:.2f}",
            None if target is None else ratio < target,
        )


@contextmanager
def _hello(protocol: str) -> Iterator[Rate]:
    """Serve, and give how many requests one second of processor time answers."""
    command = [sys.executable, "-m", "bench.hello", protocol]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
        address = next(match[0] for match in found if match)
        try:
            yield partial(_requests_per_cpu_second, server.pid, address)
        finally:
            server.terminate()


def _requests_per_cpu_second(pid: int, address: str) -> float:
    headers = [part for item in _HEADERS.items() for part in ("-H", ": ".join(item))]
    command = [_PROGRAM, "-t1", "-c32", f"-d{_SECONDS}s", *headers, address]
    before = _cpu_seconds(pid)
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"(\d+) requests in", said)
    assert match is not None
    return int(match[1]) / (_cpu_seconds(pid) - before)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _taps_among_silence() -> Line:
    """Tap again and again while more silent connections come than there are descriptors."""
    uid = Uid.from_hex("04DE5F1EACC040")
    sources = [f"127.0.0.{number}" for number in range(2, 2 + _SOURCES)]
    with TemporaryDirectory() as folder:
        installation = Installation.make(Path(folder))
        asyncio.run(installation.enrol(uid))
        with serving(installation, descriptors=_DESCRIPTORS) as service:
            tag, seconds, is_over = installation.tag(uid), [], threading.Event()

            def tap_on() -> None:
                while not is_over.is_set():
                    seconds.append(_seconds_of_tap(service, tag.tap()))

            tapping = threading.Thread(target=tap_on)
            tapping.start()
            with silent_peers(service.port, islice(cycle(sources), _SILENT), b""):
                is_over.set()
                tapping.join(_PATIENCE_SECONDS)
    good = sum(taken < 1 for taken in seconds)
    return Line(
        f"taps within 1 s among {_SILENT} silent connections at {_DESCRIPTORS} descriptors, "
        f"longest {max(seconds):.2f} s",
        f"{good} of {len(seconds)}",
        "all",
        good == len(seconds),
    )


def _seconds_of_tap(service: Service, url: str) -> float:
    """Return how long a tap took, connection and all; infinity if it was not accepted."""
    body = tap_body(url)
    head = b"POST /v1/taps HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
    framing = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    start = perf_counter()
    with suppress(OSError):
        if exchange(service.port, head + framing + body).statuses == [200]:
            return perf_counter() - start
    return inf
