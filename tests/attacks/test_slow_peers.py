"""Attack: peers who say nothing, little at a time, or do not listen, to keep connections open."""

from __future__ import annotations

import asyncio

import pytest

from tests.attacks.bounded import LARGE_ANSWER, bounded
from tests.attacks.peers import HOST, connect, receive

pytestmark = pytest.mark.anyio

GET = b"GET /a HTTP/1.1\r\n" + HOST
POST = b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


async def test_a_peer_that_says_nothing_is_closed():
    async with bounded(first_byte_seconds=0.05) as server:
        assert (await server.exchange(b"")).octets == b""


async def test_a_peer_that_sends_nothing_but_empty_lines_is_closed():
    async with bounded(first_byte_seconds=0.05) as server:
        assert (await server.exchange(b"\r\n\r\n\r\n")).octets == b""


async def test_a_peer_that_does_not_ask_again_is_closed():
    async with bounded(idle_seconds=0.05) as server:
        answer = await server.exchange(GET + b"\r\n")
    assert (answer.statuses, answer.closes) == ([200], False)


@pytest.mark.parametrize("begun", [b"G", GET, GET + b"Cookie: a"])
async def test_a_head_that_does_not_end_is_answered_and_closed(begun):
    async with bounded(head_seconds=0.05) as server:
        answer = await server.exchange(begun)
    assert (answer.statuses, answer.closes, answer.is_problem) == ([408], True, True)
    assert not server.application.requests


async def test_a_head_that_trickles_is_not_given_more_time_for_it():
    async with bounded(head_seconds=0.1) as server:
        peer = await server.connect(GET)
        trickling = asyncio.create_task(trickle(peer, b"a: b\r\n"))
        answer = await peer.rest()
        trickling.cancel()
    assert answer.statuses == [408]


async def trickle(peer, line):
    while True:
        await asyncio.sleep(0.01)
        peer.writer.write(line)


@pytest.mark.parametrize("begun", [b"", b"ab"])
async def test_a_body_that_does_not_end_is_answered_and_closed(begun):
    async with bounded(body_seconds=0.05) as server:
        answer = await server.exchange(POST + begun)
    assert (answer.statuses, answer.closes, answer.is_problem) == ([408], True, True)


async def test_the_second_request_of_a_connection_has_its_own_time():
    async with bounded(head_seconds=0.05) as server:
        peer = await server.connect(GET + b"\r\n")
        await peer.answer(b"/a")
        peer.writer.write(GET)
        answer = await peer.rest()
    assert answer.statuses == [408]


async def test_a_request_that_is_being_answered_has_no_deadline():
    short = dict.fromkeys(("first_byte_seconds", "head_seconds", "body_seconds"), 0.02)
    async with bounded(**short, idle_seconds=0.02, linger_seconds=0.02) as server:
        peer = await server.connect(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n")
        silent = await server.connect()
        await server.application.held.acquire()
        await silent.rest()  # deadlines were looked at meanwhile
        server.application.release.set()
        assert (await peer.rest()).statuses == [200]


async def test_a_peer_that_does_not_read_its_answer_is_closed():
    async with bounded(unread_seconds=0.1, idle_seconds=1000) as server:
        peer = await server.connect(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
        peer.writer.transport.pause_reading()
        async with asyncio.timeout(60):
            while not server.application.requests or server.connections:
                await asyncio.sleep(0.01)
        peer.writer.transport.resume_reading()
        answer = await peer.rest()
    assert len(answer.octets) < len(LARGE_ANSWER)


async def test_a_peer_that_reads_its_answer_gets_all_of_it():
    async with bounded(idle_seconds=0.05) as server:
        answer = await server.exchange(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.octets.endswith(LARGE_ANSWER)


async def test_a_peer_that_goes_on_sending_after_the_last_answer_is_cut_off():
    async with bounded(linger_seconds=0.05, first_byte_seconds=1000) as server:
        peer = await server.connect(b"nonsense\r\n\r\n")
        answer = await peer.rest_while_sending(b"x" * 1024)
        async with asyncio.timeout(60):
            while server.connections:
                await asyncio.sleep(0.01)
    assert (answer.statuses, answer.closes) == ([400], True)


@pytest.mark.parametrize("refused", [b"nonsense\r\n\r\n", b"POST /unread" + POST[7:]])
async def test_a_peer_that_still_sends_is_not_reset_before_it_could_read(refused):
    async with bounded(linger_seconds=1000) as server:
        peer = await server.connect(refused)
        answer = await peer.rest()
        for _ in range(50):
            peer.writer.write(b"x" * 100)
            await peer.writer.drain()
            await asyncio.sleep(0.001)
        assert server.connections
    assert answer.closes


async def test_a_body_in_a_packet_of_its_own_leaves_the_connection_open():
    async with bounded() as server:
        peer = await server.connect(POST)
        await asyncio.sleep(0.05)
        peer.writer.write(b"hello")
        first = await peer.answer(b"/a")
        peer.writer.write(POST + b"hello")
        second = await peer.answer(b"/a")
    assert (first.statuses, first.closes, second.statuses) == ([200], False, [200])


async def test_an_answer_before_the_end_of_the_body_closes_the_connection():
    async with bounded(linger_seconds=0.05) as server:
        answer = await server.exchange(b"POST /unread" + POST[7:] + b"ab")
    assert (answer.statuses, answer.closes) == ([200], True)


def test_the_service_keeps_to_the_deadlines(service):
    """The real ones, of 10 seconds each: this is about nothing but that they are wired up."""
    with (
        connect(service.port) as silent,
        connect(service.port) as head,
        connect(service.port) as body,
    ):
        head.sendall(b"GET /livez HTTP/1.1\r\n")
        body.sendall(b"POST /v1/taps HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n{")
        ends = [receive(peer).statuses for peer in (silent, head, body)]
    assert ends == [[], [408], [408]]
    assert "Traceback" not in str(service.stderr)
