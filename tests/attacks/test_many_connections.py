"""Attack: more connections than there are descriptors, so that nobody else gets one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice

import pytest
from ntag424_service.guards.serving import bounds_within

from tests.attacks.bounded import PATIENCE_SECONDS, bounded
from tests.attacks.conftest import UID
from tests.attacks.memory import FEW_BYTES, Memory
from tests.attacks.peers import HOST, Received, connect, exchange, silent_peers
from tests.service.asking import tap_body
from tests.service.running import Service, serving

DESCRIPTORS = 1024
MANY = 1500
GET = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
HELD = b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n"
OTHERS = tuple(f"127.0.0.{number}" for number in range(2, 10))


@pytest.fixture
def service(attacked):
    with serving(attacked, descriptors=DESCRIPTORS) as service:
        yield service


class HonestClient:
    """Taps again and again, on a connection of its own each time, while others attack."""

    def __init__(self, service, tag) -> None:
        self._port, self._tag = service.port, tag
        self._is_over = threading.Event()
        self.statuses: list[int] = []

    def tap(self) -> None:
        body = tap_body(self._tag.tap())
        head = b"POST /v1/taps HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
        framing = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.statuses += exchange(self._port, head + framing + body).statuses

    @contextmanager
    def tapping(self):
        """Tap as long as the block lasts, and once more in the end."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(PATIENCE_SECONDS)
        self.tap()

    def _go_on(self) -> None:
        while not self._is_over.is_set():
            self.tap()


@pytest.mark.parametrize("sources", [OTHERS, ("127.0.0.1",)], ids=["other sources", "its own"])
@pytest.mark.parametrize("said", [b"", b"GET /livez HT", b"POST /v1/taps HTTP/1.1\r\n" + HOST])
def test_taps_succeed_while_silent_connections_keep_coming(service, attacked, sources, said):
    honest, memory = HonestClient(service, attacked.tag(UID)), Memory(service.worker_pids[0])
    with honest.tapping(), silent_peers(service.port, islice(cycle(sources), MANY), said):
        during = len(honest.statuses)
        descriptors = memory.descriptors()
    assert during > 0
    assert set(honest.statuses) == {200}
    assert descriptors < DESCRIPTORS
    assert memory.growth() < FEW_BYTES
    service.stderr.wait_for('"kind": "evicted"')
    assert "Traceback" not in str(service.stderr)


def test_connections_that_are_accepted_all_at_once_fit_in(service, attacked):
    """As many as the kernel has kept meanwhile, and there is no room for one of them."""
    pid = service.worker_pids[0]
    bounds = bounds_within(DESCRIPTORS)
    honest = HonestClient(service, attacked.tag(UID))
    with ExitStack() as stack:
        for source in islice(cycle(OTHERS), bounds.connections):
            stack.enter_context(connect(service.port, source=source))
        honest.tap()  # all of those before have been accepted then
        os.kill(pid, signal.SIGSTOP)
        stack.callback(os.kill, pid, signal.SIGCONT)
        for source in islice(cycle(OTHERS), bounds.connections // 2):
            stack.enter_context(connect(service.port, source=source))
        os.kill(pid, signal.SIGCONT)
        honest.tap()
        held = Memory(pid).descriptors()
    assert honest.statuses == [200, 200]
    assert held < DESCRIPTORS - bounds.connections // 4
    assert "Too many open files" not in str(service.stderr)


def test_connections_that_come_and_go_leave_nothing_behind(service, attacked):
    honest, memory = HonestClient(service, attacked.tag(UID)), Memory(service.worker_pids[0])
    honest.tap()
    before = memory.descriptors()
    for _ in range(2 * MANY):
        connect(service.port).close()
    honest.tap()
    assert honest.statuses == [200, 200]
    assert memory.descriptors() <= before + 1
    assert memory.growth() < FEW_BYTES


# ---- how many there may be -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(256, 64), (1024, 448), (4224, 2048), (1048576, 2048)]
)
def test_half_of_the_descriptors_are_for_connections(descriptors, connections):
    bounds = bounds_within(descriptors)
    assert (bounds.connections, bounds.connections_per_source) == (connections, connections // 4)


def test_with_too_few_descriptors_the_service_does_not_start(attacked):
    with pytest.raises(AssertionError, match=r"RLIMIT_NOFILE: 200 descriptors are too few"):
        Service(attacked.settings, descriptors=200)


def test_the_soft_limit_is_raised_as_far_as_it_is_of_use():
    program = (
        "from ntag424_service.guards.serving import connection_settings as settings\n"
        "import resource\n"
        "settings()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    limited = ["prlimit", "--nofile=256:9999", sys.executable, "-c", program]
    done = subprocess.run(limited, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4224", "9999"]


# ---- who makes room --------------------------------------------------------------------------

pytestmark = pytest.mark.anyio


async def is_open(peer):
    """Ask on a connection that was kept waiting."""
    peer.writer.write(GET)
    return (await peer.rest()).statuses == [200]


async def test_the_one_that_waited_longest_makes_room():
    async with bounded(connections=2, idle_seconds=0.05) as server:
        first, second = await server.connect(), await server.connect()
        third = await server.connect()
        assert (await first.rest()).octets == b""
        assert await is_open(second)
        assert await is_open(third)


async def test_the_source_that_waits_most_makes_room():
    async with bounded(connections=3, idle_seconds=0.05) as server:
        oldest = await server.connect()
        first = await server.connect(source=OTHERS[0])
        await server.connect(source=OTHERS[0])
        newest = await server.connect()
        assert (await first.rest()).octets == b""
        assert await is_open(oldest)
        assert await is_open(newest)


@pytest.mark.parametrize(
    "waiting",
    [b"", b"GET /a", b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n" + HOST + b"\r\n", GET],
    ids=["silent", "head", "body", "between requests"],
)
async def test_whoever_waits_for_its_peer_makes_room(waiting):
    async with bounded(connections=1, idle_seconds=30) as server:
        first = await server.connect(waiting)
        if waiting == GET:
            await first.answer(b"/a")
        second = await server.connect(GET)
        assert Received((await second.answer(b"/a")).octets).statuses == [200]
        await first.rest()


async def test_a_peer_that_does_not_read_makes_room():
    async with bounded(connections=1, unread_seconds=30) as server:
        first = await server.connect(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
        first.writer.transport.pause_reading()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not server.application.requests:
                await asyncio.sleep(0.01)
        second = await server.connect(GET)
        assert Received((await second.answer(b"/a")).octets).statuses == [200]


async def test_a_request_that_is_being_answered_does_not_make_room():
    async with bounded(connections=1, linger_seconds=0.05, idle_seconds=0.05) as server:
        first = await server.connect(HELD)
        await server.application.held.acquire()
        refused = await server.exchange(GET)
        server.application.release.set()
        answered = await first.rest()
    assert (refused.statuses, refused.closes, refused.is_problem) == ([503], True, True)
    assert b"\r\nretry-after: 1\r\n" in refused.octets
    assert answered.statuses == [200]


async def test_whoever_was_refused_makes_room_for_the_next():
    async with bounded(connections=1, linger_seconds=30) as server:
        await server.connect(HELD)
        await server.application.held.acquire()
        for _ in range(5):
            await server.connect(GET)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(server.connections) > 2:
                await asyncio.sleep(0.01)


async def test_one_source_alone_makes_room_for_itself():
    bounds = {"connections": 4, "connections_per_source": 2, "idle_seconds": 0.05}
    async with bounded(**bounds) as server:
        other = await server.connect(source=OTHERS[0])
        first, *rest = [await server.connect() for _ in range(3)]
        assert (await first.rest()).octets == b""
        for peer in (other, *rest):
            assert await is_open(peer)


async def test_one_source_cannot_have_everything_answered_at_once():
    bounds = {"connections": 4, "connections_per_source": 2, "linger_seconds": 0.05}
    async with bounded(**bounds, idle_seconds=0.05) as server:
        for _ in range(2):
            await server.connect(HELD)
            await server.application.held.acquire()
        assert (await server.exchange(GET)).statuses == [503]
        other = await server.connect(GET, source=OTHERS[0])
        assert (await other.rest()).statuses == [200]


async def test_connections_of_a_proxy_are_sources_of_their_own():
    bounds = {"connections": 3, "connections_per_source": 1, "idle_seconds": 0.05}
    async with bounded(**bounds, proxies=("127.0.0.0/29",)) as server:
        proxied = [await server.connect() for _ in range(2)]
        first = await server.connect(source="127.0.0.9")
        await server.connect(source="127.0.0.9")
        assert (await first.rest()).octets == b""
        for peer in proxied:
            assert await is_open(peer)


async def test_sources_without_a_connection_are_forgotten():
    async with bounded() as server:
        for number in range(1, 100):
            peer = await server.connect(GET + b"nonsense\r\n\r\n", source=f"127.1.0.{number}")
            await peer.rest()
            peer.writer.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while server.connections:
                await asyncio.sleep(0.01)
        assert not server.protocol._admission._sources
