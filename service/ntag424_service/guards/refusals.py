"""What is answered where no application was asked: bytes made once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ntag424_service.api.problems import MEDIA_TYPE, TOO_LARGE, Problem
from ntag424_service.guards.requests import PRIVATE_HEADERS

_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last answer on a connection, and what the log calls the reason."""

    kind: str
    status_line: bytes
    #: Headers from the second line on, and the body.
    rest: bytes

    @classmethod
    def of(cls, kind: str, problem: Problem, headers: Mapping[str, str] = _NO_HEADERS) -> Self:
        """Make the answer of *problem*."""
        body = json.dumps(problem.document, separators=(",", ":")).encode()
        framing = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
        lines = (framing | dict(headers) | PRIVATE_HEADERS).items()
        head = "".join(f"{name.lower()}: {text}\r\n" for name, text in lines)
        return cls(kind, STATUS_LINE[problem.status], head.encode() + b"\r\n" + body)


_LATE = Problem(408, "The request took too long", "Send it again, without a pause.")

MALFORMED = Refusal.of(
    "malformed", Problem(400, "This is not an HTTP/1.1 request", "Send it as RFC 9112 says.")
)
NO_HOST = Refusal.of(
    "host", Problem(400, "Not one Host header", "Send one Host header with a name or an address.")
)
UPGRADE = Refusal.of(
    "upgrade", Problem(400, "No other protocol is spoken here", "Send no Upgrade header.")
)
LONG_TARGET = Refusal.of(
    "target", Problem(414, "The address is too long", "No address of this service is that long.")
)
LARGE_HEAD = Refusal.of(
    "headers", Problem(431, "The headers are too large", "Send fewer or shorter headers.")
)
LARGE_BODY = Refusal.of("body", TOO_LARGE)
SLOW_HEAD = Refusal.of("slow headers", _LATE)
SLOW_BODY = Refusal.of("slow body", _LATE)
FULL = Refusal.of(
    "full",
    Problem(503, "Too many connections", "Wait for the time that Retry-After names, then retry."),
    {"retry-after": "1"},
)
