"""`python -m bench.hello httptools`: the least that HTTP can cost, by the protocol it names."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from ntag424_service.guards.serving import connection_settings

OURS = "ours"
_BODY = b"hello"
_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BODY))]


async def hello(_: Any, __: Any, send: Any) -> None:
    """Answer every request with the same few bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


def main() -> None:
    """Serve on any free port until terminated; uvicorn names it on stderr."""
    protocol = sys.argv[1]
    settings = connection_settings() if protocol == OURS else {"http": protocol, "ws": "none"}
    uvicorn.run(hello, port=0, lifespan="off", access_log=False, **settings)


if __name__ == "__main__":
    main()
