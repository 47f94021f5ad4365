"""What a flood of forged taps costs honest people: their p99 during it, against quiet.

The service is a real process, the honest people are another, and the flood is a third that
comes from an address of its own: 64 connections, each of which asks again as soon as it
was answered. Run as a module with its arguments it is one of those two clients.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.report import Line
from ntag424 import Uid
from tests.service.asking import JSON, Wire, tap_body
from tests.service.running import Installation, Service, serving

_MOST = 3.0
_ROUNDS = 6
#: Honest taps a second, whatever became of those before, and how long in each round.
_RATE, _SECONDS = 50, 4.0
_COUNT = int(_RATE * _SECONDS)
_CONNECTIONS = 64
_HONEST, _FLOOD = "127.0.0.1", "127.0.0.2"
_WARM_UP = 50
#: One for every tap of a round: taps of one tag that overtake each other would be replays.
_UIDS = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(_COUNT)]
#: A tap with a wrong MAC, in the form of this service's.
_FORGED = f"https://id.example.com/t#k=0101&p={'A5' * 16}&m={'0' * 16}"


@dataclass(slots=True)
class _Waits:
    """What honest people met, in all rounds."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def add(self, told: str) -> None:
        """Take in what a client printed."""
        seconds, refused = json.loads(told)
        self.seconds += seconds
        self.refused += refused

    @property
    def p99(self) -> float:
        """Return milliseconds."""
        return 1000 * sorted(self.seconds)[int(0.99 * len(self.seconds))]


def lines() -> Iterator[Line]:
    """Measure quiet and flood in turns, on one service."""
    quiet, flooded, flood = _Waits(), _Waits(), Counter[str]()
    with TemporaryDirectory(prefix="ntag424-bench-") as folder:
        installation = Installation.make(Path(folder))
        asyncio.run(installation.enrol(*_UIDS))
        taps = _taps(installation)
        with serving(installation) as service:
            _tell(service, "honest", [next(taps) for _ in range(_WARM_UP)])
            for _ in range(_ROUNDS):
                quiet.add(_tell(service, "honest", [next(taps) for _ in range(_COUNT)]))
                with _flooding(service, flood):
                    flooded.add(_tell(service, "honest", [next(taps) for _ in range(_COUNT)]))
    ratio = flooded.p99 / quiet.p99
    yield Line(
        f"honest p99 in a forged flood: {flooded.p99:.1f} ms, quiet {quiet.p99:.1f} ms",
        f"{ratio:.1f} x",
        f"<= {_MOST:.0f} x",
        ratio <= _MOST,
    )
    answered = ", ".join(f"{count:,} of {status}" for status, count in sorted(flood.items()))
    refused = quiet.refused + flooded.refused
    yield Line(
        f"{len(flooded.seconds):,} honest taps among {answered}: refused",
        f"{refused}",
        "0",
        refused == 0,
    )


def _taps(installation: Installation) -> Iterator[str]:
    """Draw all taps beforehand: a simulated tag takes longer than the service."""
    count = _WARM_UP + 2 * _ROUNDS * _COUNT
    sources = [installation.tag(uid) for uid in _UIDS]
    return iter([sources[number % len(sources)].tap() for number in range(count)])


@contextmanager
def _flooding(service: Service, answered: Counter[str]) -> Iterator[None]:
    """Let the flood run as long as the block; count what it was answered."""
    client = _client(service, "flood", [_FORGED])
    assert client.stdout is not None
    client.stdout.readline()  # it has begun
    try:
        yield
    finally:
        told, _ = client.communicate("\n")
        answered.update(json.loads(told))


def _tell(service: Service, role: str, urls: list[str]) -> str:
    told, _ = _client(service, role, urls).communicate()
    return told


def _client(service: Service, role: str, urls: list[str]) -> subprocess.Popen[str]:
    client = subprocess.Popen(
        [sys.executable, "-m", "bench.floods", role, str(service.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdin is not None
    client.stdin.write(json.dumps(urls) + "\n")
    client.stdin.flush()
    return client


async def _tap_steadily(port: int, urls: list[str]) -> tuple[list[float], int]:
    """Begin so many taps a second, whether or not those before were answered."""
    free = deque([await Wire.open(port, source=_HONEST) for _ in range(8)])
    waits: list[float] = []
    refused = 0

    async def tap(url: str, due: float) -> None:
        nonlocal refused
        # In turn, so that none is idle for as long as the service keeps it open.
        wire = free.popleft() if free else await Wire.open(port, source=_HONEST)
        answer = await wire.post_tap(url)
        waits.append(perf_counter() - due)
        refused += answer.status != 200
        free.append(wire)

    start = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, url in enumerate(urls):
            due = start + number / _RATE
            await asyncio.sleep(max(0, due - perf_counter()))
            group.create_task(tap(url, due))
    return waits, refused


async def _flood(port: int, url: str) -> Counter[int]:
    """Send *url* on all connections until something comes on stdin, or for a minute."""
    answered: Counter[int] = Counter()
    body = tap_body(url)

    async def go_on() -> None:
        wire = await Wire.open(port, source=_FLOOD)
        while True:
            answer = await wire.ask("POST", "/v1/taps", body, JSON)
            answered[answer.status] += 1
            if answer.headers.get("connection") == "close":
                await wire.aclose()
                wire = await Wire.open(port, source=_FLOOD)

    tasks = [asyncio.create_task(go_on()) for _ in range(_CONNECTIONS)]
    await asyncio.sleep(1)  # past what is free
    print("begun", flush=True)
    await asyncio.wait([asyncio.create_task(asyncio.to_thread(sys.stdin.readline))], timeout=60)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return answered


def main() -> None:
    """Be a client: role and port are arguments, URLs come on stdin, figures go to stdout."""
    role, port = sys.argv[1], int(sys.argv[2])
    urls = json.loads(sys.stdin.readline())
    if role == "honest":
        print(json.dumps(asyncio.run(_tap_steadily(port, urls))))
    else:
        print(json.dumps(asyncio.run(_flood(port, urls[0]))))


if __name__ == "__main__":
    main()
