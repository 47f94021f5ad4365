"""Attack: requests that two servers could read differently, or that are none at all."""

from __future__ import annotations

import asyncio

import pytest

from tests.attacks.bounded import bounded
from tests.attacks.peers import HOST, connect, exchange
from tests.service.running import serving

GET = b"GET /livez HTTP/1.1\r\n"
POST = b"POST /v1/taps HTTP/1.1\r\n"
CHUNKS = b"\r\n3\r\nabc\r\n0\r\n\r\n"
SMUGGLED = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"


def _header(line: bytes, begin: bytes = GET) -> bytes:
    return begin + HOST + line + b"\r\n\r\n"


REFUSED = {
    "no host": GET + b"\r\n",
    "two hosts": _header(b"Host: other.example.com"),
    "two equal hosts": _header(HOST.strip()),
    "two hosts in HTTP/1.0": b"GET /livez HTTP/1.0\r\n" + 2 * HOST + b"\r\n",
    "a host that is none": GET + b"Host: a b@c/\r\n\r\n",
    "a list of hosts": GET + b"Host: a, b\r\n\r\n",
    "a space before the colon": GET + b"Host : a\r\n\r\n",
    "a folded header": _header(b"X-A: 1\r\n  2"),
    "a bare line feed": GET + b"Host: a\nX-A: 1\r\n\r\n",
    "line feeds only": b"GET /livez HTTP/1.1\nHost: a\n\n",
    "a bare carriage return": GET + b"Host: a\rX-A: 1\r\n\r\n",
    "NUL in a header": _header(b"X-A: 1\x002"),
    "NUL in a header name": _header(b"X\x00A: 1"),
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header without a name": _header(b": 1"),
    "octets beyond ASCII in the target": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "octets beyond ASCII in the query": b"GET /livez?\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunks and a length": _header(b"Content-Length: 3\r\nTransfer-Encoding: chunked", POST)
    + CHUNKS[2:],
    "a length and chunks": _header(b"Transfer-Encoding: chunked\r\nContent-Length: 3", POST)
    + CHUNKS[2:],
    "two lengths": _header(b"Content-Length: 3\r\nContent-Length: 3", POST) + b"abc",
    "a length with a sign": _header(b"Content-Length: +3", POST) + b"abc",
    "a length beyond 64 bits": _header(b"Content-Length: 18446744073709551617", POST) + b"abc",
    "an unknown coding": _header(b"Transfer-Encoding: gzip, chunked", POST) + CHUNKS[2:],
    "chunked twice": _header(b"Transfer-Encoding: chunked, chunked", POST) + CHUNKS[2:],
    "chunked that is not": _header(b"Transfer-Encoding: xchunked", POST) + CHUNKS[2:],
    "chunks in HTTP/1.0": _header(b"Transfer-Encoding: chunked", GET.replace(b"1.1", b"1.0"))
    + CHUNKS[2:],
    "a chunk size of too many digits": _header(b"Transfer-Encoding: chunked", POST)
    + b"fffffffffffffffff\r\nabc",
    "a chunk size with a line feed": _header(b"Transfer-Encoding: chunked", POST) + b"3\nabc",
    "CONNECT": b"CONNECT id.example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT to a path": b"CONNECT /livez HTTP/1.1\r\n" + HOST + b"\r\n",
    "a websocket": _header(
        b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    ),
    "h2c": _header(b"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA"),
    "h2c with a body that is a request": _header(
        b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d" % len(SMUGGLED), POST
    )
    + SMUGGLED,
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0 in text": b"GET /livez HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "an unknown method": b"TAP /livez HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an absolute target without a host": b"GET http:///livez HTTP/1.1\r\n" + HOST + b"\r\n",
}
NOT_HERE = {
    "an escape that is none": b"GET /%zz HTTP/1.1\r\n",
    "half an escape": b"GET /livez% HTTP/1.1\r\n",
    "an escaped NUL": b"GET /livez%00 HTTP/1.1\r\n",
    "escapes that are no UTF-8": b"GET /%ff%fe HTTP/1.1\r\n",
    "an asterisk": b"GET * HTTP/1.1\r\n",
}
ANSWERED = {
    "HTTP/1.0 without a host": b"GET /livez HTTP/1.0\r\n\r\n",
    "a host with a port": GET + b"Host: id.example.com:8443\r\nConnection: close\r\n\r\n",
    "an IPv6 host": GET + b"Host: [2001:db8::1]:80\r\nConnection: close\r\n\r\n",
    "an empty host": GET + b"Host:\r\nConnection: close\r\n\r\n",
    "an absolute target": b"GET http://other.example.com/livez HTTP/1.1\r\nConnection: close\r\n"
    + HOST
    + b"\r\n",
    "empty lines before it": b"\r\n\r\n" + GET + b"Connection: close\r\n" + HOST + b"\r\n",
}


@pytest.fixture(scope="module")
def service(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("framing") / "installation"
    with serving(prepared.copied_to(folder)) as service:
        yield service
        assert "Traceback" not in str(service.stderr)


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_once_and_the_connection_closed(service, request_bytes):
    answer = exchange(service.port, request_bytes)
    assert (answer.statuses, answer.closes, answer.is_problem) == ([400], True, True)


@pytest.mark.parametrize("line", NOT_HERE.values(), ids=NOT_HERE)
def test_an_address_that_cannot_be_is_not_here(service, line):
    assert exchange(service.port, line + HOST + b"Connection: close\r\n\r\n").statuses == [404]


@pytest.mark.parametrize("request_bytes", ANSWERED.values(), ids=ANSWERED)
def test_what_the_standard_allows_is_answered(service, request_bytes):
    assert exchange(service.port, request_bytes).statuses == [200]


def test_a_body_that_comes_after_its_upgrade_is_no_request(service):
    upgrade = REFUSED["h2c with a body that is a request"]
    with connect(service.port) as peer:
        peer.sendall(upgrade.removesuffix(SMUGGLED))
        first = peer.recv(65536)
        peer.sendall(SMUGGLED)
        assert b" 400 " in first
        assert b" 200 " not in first + peer.recv(65536)


def test_a_client_may_ask_before_it_sends_a_body(service):
    with connect(service.port) as peer:
        peer.sendall(_header(b"Expect: 100-Continue\r\nContent-Length: 2", POST))
        assert peer.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"{}")
        assert b"HTTP/1.1 400 " in peer.recv(65536)


@pytest.mark.anyio
async def test_a_trailer_is_not_a_header():
    post = b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    async with bounded(idle_seconds=0.05) as server:
        answer = await server.exchange(
            post + b"Authorization: x\r\nHost: other\r\n\r\n" + SMUGGLED
        )
    ((_, body, headers), _) = server.application.requests
    assert answer.statuses == [200, 200]
    assert (body, [name for name, _ in headers]) == (b"abc", [b"host", b"transfer-encoding"])


BOUNDS = [
    (b"GET /" + b"x" * 4095 + b" HTTP/1.1\r\n" + HOST, 200),
    (b"GET /" + b"x" * 4096 + b" HTTP/1.1\r\n" + HOST, 414),
    (GET + HOST + b"a: b\r\n" * 99, 200),
    (GET + HOST + b"a: b\r\n" * 100, 431),
    (GET + HOST + b"a: " + b"x" * 16000 + b"\r\n", 200),
    (GET + HOST + b"a: " + b"x" * 16400 + b"\r\n", 431),
    (GET + HOST + b"a: " + b"x" * 40000 + b"\r\n", 431),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("head", "status"), BOUNDS)
async def test_a_head_is_taken_up_to_its_bounds(head, status):
    async with bounded(idle_seconds=0.05, linger_seconds=0.05) as server:
        answer = await server.exchange(head + b"\r\n")
    assert answer.statuses == [status]


@pytest.mark.anyio
@pytest.mark.parametrize(("head", "status"), BOUNDS)
async def test_a_head_in_many_pieces_is_taken_up_to_the_same_bounds(head, status):
    async with bounded(idle_seconds=0.05, linger_seconds=1000) as server:
        peer = await server.connect()
        for start in range(0, len(head), 200):
            peer.writer.write(head[start : start + 200])
            await asyncio.sleep(0.001)  # the server, on the same loop, reads it meanwhile
        peer.writer.write(b"\r\n")
        answer = await peer.rest()
    assert answer.statuses == [status]
