"""Attack: requests without an end, to fill the memory of the service and keep it reading."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attacks.memory import FEW_BYTES
from tests.attacks.peers import CHUNKED, HOST, Received, connect, flood, receive

#: What each of the peers would send: four times what the kernel buffers, and bounded.
MUCH = 24 * 1024 * 1024
PEERS = 4
BEGIN = b"GET /livez HTTP/1.1\r\n" + HOST
ENDLESS_HEADS = {
    "short headers": (BEGIN, b"a: b\r\n" * 8192, 431),
    "empty headers": (BEGIN, b"a:\r\n" * 8192, 431),
    "one header": (BEGIN + b"Cookie: ", b"x" * 65536, 431),
    "one header name": (BEGIN, b"x" * 65536, 431),
    "a request line": (b"GET /", b"x" * 65536, 414),
    "a query": (b"GET /livez?", b"x=y&" * 16384, 414),
}
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
ANSWERED_EARLY = {
    "413": (b"POST /v1/taps HTTP/1.1\r\n", b"1388\r\n" + b" " * 5000 + b"\r\n", 413),
    "404": (b"POST /nowhere HTTP/1.1\r\n", b"", 404),
    "401": (b"GET /v1/session HTTP/1.1\r\n", b"", 401),
    "405": (b"POST /livez HTTP/1.1\r\n", b"", 405),
    "200": (b"GET /livez HTTP/1.1\r\n", b"", 200),
}


def attack(service, begin, again):
    """Let the peers flood at once; return how much each of them sent, and what it was told."""

    def run(_):
        with connect(service.port) as peer:
            return flood(peer, begin, again, limit=MUCH), receive(peer)

    with ThreadPoolExecutor(PEERS) as pool:
        sent, answers = zip(*pool.map(run, range(PEERS)), strict=True)
    return sent, answers


@pytest.mark.parametrize(("begin", "again", "status"), ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
def test_a_head_without_an_end_is_refused(service, memory, begin, again, status):
    sent, answers = attack(service, begin, again)
    assert [answer.statuses for answer in answers] == PEERS * [[status]]
    assert all(answer.closes and answer.is_problem for answer in answers)
    assert max(sent) < MUCH
    assert memory.growth() < FEW_BYTES


@pytest.mark.parametrize(("line", "chunk", "status"), ANSWERED_EARLY.values(), ids=ANSWERED_EARLY)
def test_a_body_without_an_end_is_not_read_after_the_answer(service, memory, line, chunk, status):
    with connect(service.port) as peer:
        peer.sendall(line + CHUNKED + chunk)
        head = peer.recv(65536)
        sent = flood(peer, b"", CHUNK, limit=MUCH)
        answer = Received(head + receive(peer).octets)
    assert (answer.statuses, answer.closes) == ([status], True)
    assert sent < MUCH
    assert memory.growth() < FEW_BYTES


def test_chunk_extensions_without_an_end_are_refused(service, memory):
    begin = b"POST /v1/taps HTTP/1.1\r\n" + CHUNKED + b"1;"
    sent, answers = attack(service, begin, b"x" * 65536)
    assert [answer.statuses for answer in answers] == PEERS * [[413]]
    assert max(sent) < MUCH
    assert memory.growth() < FEW_BYTES


def test_trailers_without_an_end_are_refused(service, memory):
    begin = b"POST /v1/taps HTTP/1.1\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n"
    sent, answers = attack(service, begin, b"a: b\r\n" * 8192)
    assert [answer.statuses for answer in answers] == PEERS * [[413]]
    assert max(sent) < MUCH
    assert memory.growth() < FEW_BYTES
