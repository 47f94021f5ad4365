"""One HTTP/1.1 connection within bounds: uvicorn's, and what it does not look after."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from enum import Enum, auto, unique
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ntag424_service.guards import refusals
from ntag424_service.guards.admission import Admission, Connection, Network
from ntag424_service.guards.bounds import READ_BYTES, Bounds
from ntag424_service.guards.refusals import Refusal

#: RFC 9110 section 4.2.3: a name, an address or an address in brackets, and a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_VERSIONS = ("1.1", "1.0")


@unique
class _Part(Enum):
    """What of a request comes next."""

    START = auto()
    HEAD = auto()
    BODY = auto()


@unique
class _Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    READER = auto()
    END = auto()


class _RefusedError(Exception):
    """Takes the parser out of a request that is refused."""


class Connections:
    """Makes the connections of one process, for uvicorn's `http`. Can be pickled until it does."""

    def __init__(self, bounds: Bounds, proxies: Sequence[Network] = ()) -> None:
        """Hold to *bounds*; every connection from one of *proxies* is a source of its own."""
        self._bounds = bounds
        self._proxies = tuple(proxies)
        self._admission: Admission | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> BoundedProtocol:
        """Make what serves the next connection."""
        if self._admission is None:
            loop = _loop or asyncio.get_running_loop()
            self._admission = Admission(loop, self._bounds, self._proxies)
        return BoundedProtocol(self._admission, config, server_state, app_state, _loop)


class BoundedProtocol(Connection, HttpToolsProtocol):
    """A connection that reads, holds and waits no more than its bounds allow.

    It looks at its bounds after every `READ_BYTES`, refuses what uvicorn would let pass (several
    hosts, other protocols), and answers in the order of the requests also when it refuses one.
    After the last answer it lingers: a peer that still sends could not read the answer otherwise.
    """

    def __init__(
        self,
        admission: Admission,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.headers = []
        self.url = b""
        self._admission = admission
        self._bounds = admission.bounds
        self._part = _Part.START
        self._phase = _Phase.REQUEST
        #: Requests whose headers have come and whose answer is not complete.
        self._unanswered = 0
        #: Bytes read since the part began, without those of the piece in which it began.
        self._taken = 0
        #: Nothing that still comes counts as a request.
        self._is_deaf = False
        self._refusal: Refusal | None = None
        #: What the unfinished request says, while its answer would close the connection.
        self._keep_alive: bool | None = None

    # ---- what comes from the transport ------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        has_room = self._admission.enter(self, host)
        self._wait(_Phase.REQUEST, self._bounds.first_byte_seconds)
        if not has_room:
            self._refuse(refusals.FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._is_deaf = True
        self._admission.leave(self)

    def data_received(self, data: bytes) -> None:
        """Parse what was read, within bounds."""
        if len(data) <= READ_BYTES:
            self._read(data)
        else:
            view = memoryview(data)
            for start in range(0, len(data), READ_BYTES):
                self._read(view[start : start + READ_BYTES])

    def _read(self, piece: bytes | memoryview) -> None:
        self._taken += len(piece)
        if self._is_deaf:
            self._discard()
            return
        try:
            self.parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade):
            if not self._is_deaf:
                self._refuse(self._refusal or refusals.MALFORMED)
            return
        excess = self._excess()
        if excess is not None:
            self._refuse(excess)
        else:
            self._settle()

    def pause_writing(self) -> None:
        """Wait for the peer to read."""
        super().pause_writing()
        if self._phase is not _Phase.END:
            self._wait(_Phase.READER, self._bounds.unread_seconds)

    def resume_writing(self) -> None:
        """Go on: the peer has read."""
        super().resume_writing()
        if self._phase is _Phase.READER and not self.transport.is_closing():
            self._settle()

    # ---- what comes from the parser ---------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._part = _Part.HEAD
        self._taken = 0

    def on_headers_complete(self) -> None:
        """Let a request be answered, or refuse it before anybody has seen it."""
        self._refusal = self._fault()
        if self._refusal is not None:
            raise _RefusedError
        if len(self.pipeline) >= self._bounds.pipelined:
            self._stop_after_queue()
            raise _RefusedError
        super().on_headers_complete()
        self._part = _Part.BODY
        self._unanswered += 1
        self._taken = 0
        self.headers = []  # trailers go here; the application has the other list

    def on_message_complete(self) -> None:
        """Let the connection go on after the answer, now that the request is complete."""
        super().on_message_complete()
        self._part = _Part.START
        if self._keep_alive is not None:
            if not self.cycle.response_started:
                self.cycle.keep_alive = self._keep_alive
                self.cycle.transport = self.transport
            self._keep_alive = None

    def _fault(self) -> Refusal | None:
        """Say what is wrong with a complete head."""
        version = self.parser.get_http_version()
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) != 1:
            # RFC 9112 section 3.2; HTTP/1.0 knows no Host.
            if hosts or version != "1.0":
                return refusals.NO_HOST
        elif _HOST.fullmatch(hosts[0]) is None:
            return refusals.NO_HOST
        if self.parser.should_upgrade():
            # The parser would take the body of such a request for the next request.
            return refusals.UPGRADE
        if version not in _VERSIONS or not self._is_framed(version):
            return refusals.MALFORMED
        if self._taken > 0 and self._head_size() > self._bounds.head_bytes:
            return refusals.LARGE_HEAD
        return self._excess_fields()

    def _is_framed(self, version: str) -> bool:
        """Tell whether everybody on the way agrees where the body ends (RFC 9112 section 6.1)."""
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        return not codings or (version == "1.1" and [c.lower() for c in codings] == [b"chunked"])

    def _excess(self) -> Refusal | None:
        """Say which bound the part that has not ended, or has just, goes over."""
        if self._part is _Part.BODY:
            return refusals.LARGE_BODY if self._taken > self._bounds.body_bytes else None
        if self._part is _Part.HEAD:
            if self._taken > self._bounds.head_bytes:
                too_long = len(self.url) > self._bounds.target_bytes
                return refusals.LONG_TARGET if too_long else refusals.LARGE_HEAD
            return self._excess_fields()
        return None

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _excess_fields(self) -> Refusal | None:
        if len(self.url) > self._bounds.target_bytes:
            return refusals.LONG_TARGET
        return refusals.LARGE_HEAD if len(self.headers) > self._bounds.header_count else None

    # ---- what becomes of answers ------------------------------------------------------------

    def on_response_complete(self) -> None:
        """Go on to the next request, or to what ends the connection."""
        self.server_state.total_requests += 1
        self._unanswered -= 1
        if self.transport.is_closing():
            self._wait(_Phase.END, self._bounds.unread_seconds)
        elif self._phase is not _Phase.END:
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            if self._refusal is not None and self._unanswered == 0:
                self._end_with(self._refusal)
            else:
                self._settle()

    def _settle(self) -> None:
        """Find out whom this connection waits for now."""
        if self._part is _Part.BODY and self._keep_alive is None:
            self._make_last(self.cycle)
        if self._phase is _Phase.READER and self.flow.write_paused:
            return
        if self._unanswered > (self._part is _Part.BODY):
            self._phase = _Phase.ANSWER
            self._admission.works(self)
        elif self._part is _Part.BODY:
            self._wait(_Phase.BODY, self._bounds.body_seconds)
        elif self._part is _Part.HEAD:
            self._wait(_Phase.HEAD, self._bounds.head_seconds)
        elif self._phase is not _Phase.REQUEST:
            self._wait(_Phase.REQUEST, self._bounds.idle_seconds)

    def _make_last(self, cycle: RequestResponseCycle) -> None:
        """Let the answer of *cycle* be the last, unless its request is complete before."""
        self._keep_alive = cycle.keep_alive
        cycle.keep_alive = False
        cycle.transport = _LastAnswer(self)

    def _stop_after_queue(self) -> None:
        """Answer what was asked, and nothing of what comes after."""
        self._admission.log.count("pipelined")
        self._is_deaf = True
        self._make_last(self.pipeline[0][0])

    def _wait(self, phase: _Phase, seconds: float) -> None:
        if self._phase is not phase or not self.is_waiting:
            self._phase = phase
            self._admission.waits(self, seconds)

    # ---- what ends the connection -----------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        """Let *refusal* be the last answer, after those to the requests before."""
        self._admission.log.count(refusal.kind)
        self._is_deaf = True
        self._refusal = refusal
        cycle = self.cycle
        if self._part is _Part.BODY:  # it has begun to be answered
            self._unanswered -= 1
            if self._unanswered:
                self.pipeline.popleft()
            else:
                cycle.disconnected = True
                cycle.message_event.set()
                if cycle.response_started:
                    self.transport.abort()
                    return
        if self._unanswered == 0:
            self._end_with(refusal)
        else:
            self._part = _Part.START
            self._settle()

    def _end_with(self, refusal: Refusal) -> None:
        content = [refusal.status_line]
        for name, value in self.server_state.default_headers:
            content += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*content, refusal.rest]))
        self.linger()

    def linger(self) -> None:
        """Write what there is, nothing more, and give the peer a moment to read it."""
        self._is_deaf = True
        self._taken = 0
        self._wait(_Phase.END, self._bounds.linger_seconds)
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _discard(self) -> None:
        if self._phase is _Phase.END and self._taken > self._bounds.linger_bytes:
            self.flow.pause_reading()

    def evict(self) -> None:
        """Close at once."""
        self.transport.abort()

    def expire(self) -> None:
        """Give up waiting for the peer."""
        if self._phase is _Phase.HEAD:
            self._refuse(refusals.SLOW_HEAD)
        elif self._phase is _Phase.BODY:
            self._refuse(refusals.SLOW_BODY)
        elif self._phase is not _Phase.READER and self.transport.get_write_buffer_size() > 0:
            self._wait(_Phase.READER, self._bounds.unread_seconds)
        else:
            if self.transport.get_write_buffer_size() > 0:
                self._admission.log.count("unread")
            self.transport.abort()

    def shutdown(self) -> None:
        """Close after what is being answered."""
        super().shutdown()
        if self._keep_alive is not None:
            self._keep_alive = False


class _LastAnswer(asyncio.Transport):
    """What the last answer of a connection is written to: it does not close, but lingers."""

    def __init__(self, connection: BoundedProtocol) -> None:
        super().__init__()
        self._connection = connection

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Write to the peer."""
        self._connection.transport.write(data)

    def is_closing(self) -> bool:
        """Tell whether the connection is closed, or about to be."""
        return self._connection.transport.is_closing()

    def close(self) -> None:
        """Begin to linger."""
        self._connection.linger()
