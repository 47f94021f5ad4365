"""Attack: requests behind requests, to be queued, or to be answered with another one's answer."""

from __future__ import annotations

import asyncio

import pytest

from tests.attacks.bounded import PATIENCE_SECONDS, bounded
from tests.attacks.memory import FEW_BYTES
from tests.attacks.peers import HOST, Received, connect, exchange, flood, receive

GET = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
GARBAGE = b"\x01\x02 nonsense\r\n\r\n"
MUCH = 24 * 1024 * 1024
PIPELINED = 16


def test_a_flood_of_requests_is_answered_in_part(service, memory):
    with connect(service.port) as peer:
        sent = flood(peer, b"", GET * 1000, limit=MUCH)
        answer = receive(peer)
    assert set(answer.statuses) == {200}
    assert answer.closes
    assert sent < MUCH
    assert memory.growth() < FEW_BYTES


def test_answers_that_nobody_reads_are_not_piled_up(service, memory):
    """One who asks and asks, and never reads, fills the kernel's buffers and no others."""
    request = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
    peers = [connect(service.port) for _ in range(8)]
    for peer in peers:
        peer.settimeout(1)
        for _ in range(500):
            try:
                peer.sendall(request)
            except (ConnectionError, TimeoutError):
                break
    assert memory.growth() < FEW_BYTES
    for peer in peers:
        peer.close()


def test_requests_of_one_connection_are_answered_in_their_order(service):
    asked = GET + b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n" + LAST
    answer = exchange(service.port, asked)
    assert answer.statuses == [200, 404, 200]


@pytest.mark.parametrize("before", [1, 2, PIPELINED])
def test_what_is_refused_is_answered_after_the_requests_before_it(service, before):
    answer = exchange(service.port, before * GET + GARBAGE + GET)
    assert answer.statuses == [*before * [200], 400]
    assert answer.closes


def test_a_body_is_refused_after_the_requests_before_it(service):
    post = b"POST /v1/taps HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nX\r\n"
    answer = exchange(service.port, GET + post + GET)
    assert (answer.statuses, answer.closes) == ([200, 400], True)


def test_what_follows_a_connection_that_is_to_close_is_not_answered(service):
    assert exchange(service.port, LAST + GET).statuses == [200]


@pytest.mark.anyio
async def test_as_many_requests_as_may_wait_are_answered():
    async with bounded(idle_seconds=0.05) as server:
        answer = await server.exchange((1 + PIPELINED) * GET)
    assert (answer.statuses, answer.closes) == ((1 + PIPELINED) * [200], False)


@pytest.mark.anyio
async def test_one_more_is_not_and_the_client_knows():
    async with bounded(linger_seconds=0.05) as server:
        answer = await server.exchange((2 + PIPELINED) * GET)
    assert (answer.statuses, answer.closes) == ((1 + PIPELINED) * [200], True)


@pytest.mark.anyio
async def test_nothing_is_read_while_the_last_answers_are_made():
    async with bounded(linger_seconds=0.05) as server:
        held = GET.replace(b"/livez", b"/held")
        peer = await server.connect(GET + held + PIPELINED * GET)
        await server.application.held.acquire()
        peer.writer.write(b"x" * 65536)
        (connection,) = server.connections
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not connection.flow.read_paused:
                await asyncio.sleep(0.01)
        server.application.release.set()
        assert (await peer.rest()).statuses == (1 + PIPELINED) * [200]


@pytest.mark.anyio
async def test_a_client_that_has_its_answers_in_time_may_ask_on():
    async with bounded() as server:
        peer = await server.connect()
        for _ in range(4 * PIPELINED):
            peer.writer.write(GET)
            answer = Received((await peer.answer(b"/livez")).octets)
            assert (answer.statuses, answer.closes) == ([200], False)
