"""What is refused before any application is asked: why, with which bytes, with one log line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ntag424_service.api.problems import MEDIA_TYPE, TOO_LARGE, Problem
from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.requests import PRIVATE_HEADERS

Header: TypeAlias = tuple[bytes, bytes]
#: What decides to whom a request goes, where it ends, and what its peer waits for.
FRAMING = frozenset({b"host", b"transfer-encoding", b"expect"})
#: A name, an address or an address in brackets, and a port (RFC 9110 section 7.2).
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
#: What stands in a header line beside name and value.
_LINE_BYTES = len(": \r\n")
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


class RefusalLog:
    """Counts refusals, and writes how many there were; never whose or what they were."""

    def __init__(self, seconds: float) -> None:
        """Write at most one line of each kind in so many *seconds*."""
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._seconds = seconds
        self._counts: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}

    @property
    def is_owing(self) -> bool:
        """Whether something was counted that has not been written."""
        return bool(self._counts)

    def count(self, kind: str) -> None:
        """Note one refusal."""
        self._counts[kind] += 1

    def write(self, now: float) -> None:
        """Write the lines that are due at *now*, in seconds of any clock that does not jump."""
        for kind, count in list(self._counts.items()):
            if now >= self._not_before.get(kind, now):
                self._logger.warning("connections refused", kind=kind, count=count)
                self._not_before[kind] = now + self._seconds
                del self._counts[kind]


def fault_of_framing(version: str, framing: Sequence[Header]) -> Refusal | None:
    """Say what is wrong with the headers named in `FRAMING`, of a request in HTTP *version*."""
    hosts = [value for name, value in framing if name == b"host"]
    codings = [value.lower() for name, value in framing if name == b"transfer-encoding"]
    if version not in ("1.1", "1.0"):
        return MALFORMED
    # RFC 9112 section 3.2: one Host; HTTP/1.0 knew none.
    if len(hosts) != 1 and (hosts or version == "1.1"):
        return NO_HOST
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        return NO_HOST
    # RFC 9112 section 6.1: the end of such a body is where somebody on the way may not see it.
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return MALFORMED
    return None


def fault_of_size(target: bytes, headers: Sequence[Header], bounds: Bounds) -> Refusal | None:
    """Say which of the *bounds* a head, or what there is of it, goes over."""
    if len(target) > bounds.target_bytes:
        return LONG_TARGET
    size = len(target) + sum(len(name) + len(value) + _LINE_BYTES for name, value in headers)
    if len(headers) > bounds.header_count or size > bounds.head_bytes:
        return LARGE_HEAD
    return None
