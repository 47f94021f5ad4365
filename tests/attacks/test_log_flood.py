"""Attack: to be refused again and again, so that the log fills up and hides what matters."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from tests.attacks.bounded import bounded
from tests.attacks.peers import HOST, exchange

REFUSED = {
    "malformed": b"nonsense\r\n\r\n",
    "host": b"GET /livez HTTP/1.1\r\n\r\n",
    "upgrade": b"GET /livez HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    + HOST
    + b"\r\n",
    "headers": b"GET /livez HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 200 + b"\r\n",
    "target": b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
}
FLOOD = 100 * (b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")


def test_the_log_has_one_line_a_minute_for_each_kind(service):
    for octets in REFUSED.values():
        for _ in range(20):
            exchange(service.port, octets)
    for kind in REFUSED:
        service.stderr.wait_for(f'"kind": "{kind}"')
    for octets in REFUSED.values():
        exchange(service.port, octets)
    exchange(service.port, FLOOD)
    service.stderr.wait_for('"kind": "pipelined"')  # the others would have been written before it
    service.stop()
    lines = [json.loads(line) for line in service.stderr.lines if line.startswith("{")]
    assert sorted(line["kind"] for line in lines) == sorted([*REFUSED, "pipelined"])
    assert {line["event"] for line in lines} == {"connections refused"}
    assert all(set(line) == {"event", "kind", "count", "level", "timestamp"} for line in lines)
    assert "WARNING" not in str(service.stderr)
    assert "127.0.0.1:" not in "".join(service.stderr.lines[4:])


@pytest.mark.anyio
async def test_what_was_refused_since_the_last_line_is_counted_in_the_next():
    with capture_logs() as lines:
        async with bounded(log_seconds=0.2, linger_seconds=0.01) as server:
            for _ in range(3):
                await server.exchange(REFUSED["malformed"])
                await server.exchange(REFUSED["malformed"])
            silent = await server.connect()
            while sum(line["count"] for line in lines) < 6:
                await server.exchange(REFUSED["host"])
            silent.writer.close()
    malformed = [line["count"] for line in lines if line["kind"] == "malformed"]
    assert sum(malformed) == 6
    assert len(malformed) < 6
