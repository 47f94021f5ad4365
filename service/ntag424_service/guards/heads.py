"""Which request heads are refused before anybody acts on them (RFC 9112, RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from ntag424_service.guards import refusals
from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.refusals import Refusal

Header: TypeAlias = tuple[bytes, bytes]
#: What decides to whom a request goes, where it ends, and what its peer waits for.
FRAMING = frozenset({b"host", b"transfer-encoding", b"expect"})
#: A name, an address or an address in brackets, and a port (RFC 9110 section 7.2).
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
#: What stands in a header line beside name and value.
_LINE_BYTES = len(": \r\n")


def fault_of_framing(version: str, framing: Sequence[Header]) -> Refusal | None:
    """Say what is wrong with the headers named in `FRAMING`, of a request in HTTP *version*."""
    hosts = [value for name, value in framing if name == b"host"]
    codings = [value.lower() for name, value in framing if name == b"transfer-encoding"]
    if version not in ("1.1", "1.0"):
        return refusals.MALFORMED
    # RFC 9112 section 3.2: one Host; HTTP/1.0 knew none.
    if len(hosts) != 1 and (hosts or version == "1.1"):
        return refusals.NO_HOST
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        return refusals.NO_HOST
    # RFC 9112 section 6.1: the end of such a body is where somebody on the way may not see it.
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return refusals.MALFORMED
    return None


def fault_of_size(target: bytes, headers: Sequence[Header], bounds: Bounds) -> Refusal | None:
    """Say which of the *bounds* a head, or what there is of it, goes over."""
    if len(target) > bounds.target_bytes:
        return refusals.LONG_TARGET
    size = len(target) + sum(len(name) + len(value) + _LINE_BYTES for name, value in headers)
    if len(headers) > bounds.header_count or size > bounds.head_bytes:
        return refusals.LARGE_HEAD
    return None
