"""One HTTP/1.1 connection within bounds: uvicorn's, and what it does not look after."""

from __future__ import annotations

import asyncio
from enum import Enum, auto, unique
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ntag424_service.guards import refusals
from ntag424_service.guards.admission import Admission, Connection
from ntag424_service.guards.bounds import READ_BYTES
from ntag424_service.guards.refusals import (
    FRAMING,
    Header,
    Refusal,
    fault_of_framing,
    fault_of_size,
)


@unique
class _Phase(Enum):
    """What a connection waits for, in the order of a request."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    READER = auto()
    END = auto()


# To look a member up by its class costs more than to parse a header.
_REQUEST, _HEAD, _BODY, _ANSWER, _READER, _END = _Phase


class _RefusedError(Exception):
    """Takes the parser out of a request that is refused."""


class BoundedProtocol(Connection, HttpToolsProtocol):
    """A connection that reads, holds and waits no more than its bounds allow.

    It looks at its bounds after every `READ_BYTES`, refuses what uvicorn would let pass (several
    hosts, other protocols), and answers in the order of the requests also when it refuses one.
    After the last answer it lingers: a peer that still sends could not read the answer otherwise.
    """

    # More attributes in the dictionary of uvicorn's class would slow down all of them.
    __slots__ = (
        "_admission",
        "_bounds",
        "_framing",
        "_half_read",
        "_is_deaf",
        "_may_go_on",
        "_open_part",
        "_phase",
        "_refusal",
        "_taken",
        "_trailers",
        "_unanswered",
    )

    def __init__(
        self,
        admission: Admission,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.source = None
        self.is_waiting = False
        self._admission = admission
        self._bounds = admission.bounds
        self._phase = _REQUEST
        #: Where headers go while there is no head: those behind a body are of no use.
        self._trailers: list[Header] = []
        self.headers = self._trailers
        self.cycle: RequestResponseCycle | None = None  # type: ignore[assignment]
        #: Those of the head that decide what is done with it.
        self._framing: list[Header] = []
        #: What of a request has begun to come and not ended, if anything: `_HEAD` or `_BODY`.
        self._open_part: _Phase | None = None
        #: How many bytes of it came, without those of the piece in which it began.
        self._taken = 0
        #: Requests whose head has come and whose answer is not complete.
        self._unanswered = 0
        #: The one whose body is not all there, and whether the connection may go on after it.
        self._half_read: RequestResponseCycle | None = None
        self._may_go_on = False
        #: Nothing that still comes counts as a request.
        self._is_deaf = False
        #: What is answered when all the requests before have been.
        self._refusal: Refusal | None = None

    # ---- what comes from the transport ------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        has_room = self._admission.enter(self, host)
        self._wait(_REQUEST, self._bounds.first_byte_seconds)
        if not has_room:
            self._refuse(refusals.FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._is_deaf = True
        self._admission.leave(self)

    def data_received(self, data: bytes) -> None:
        """Parse what was read, within bounds."""
        if len(data) > READ_BYTES:
            for start in range(0, len(data), READ_BYTES):
                self.data_received(data[start : start + READ_BYTES])
            return
        self._taken += len(data)
        if self._is_deaf:
            self._discard()
            return
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self._is_deaf:
                self._refuse(self._refusal or refusals.MALFORMED)
            return
        cycle = self.cycle
        is_half = cycle is None or cycle.more_body or self._half_read is not None
        if is_half or self.headers is not self._trailers:
            self._look_at_open_part()
        elif self.is_waiting:
            self._open_part = None
            self._settle()

    def pause_writing(self) -> None:
        """Wait for the peer to read."""
        super().pause_writing()
        if self._phase is not _END:
            self._wait(_READER, self._bounds.unread_seconds)

    def resume_writing(self) -> None:
        """Go on: the peer has read."""
        super().resume_writing()
        if self._phase is _READER and not self.transport.is_closing():
            self._settle()

    # ---- what comes from the parser ---------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        name = name.lower()
        self.headers.append((name, value))
        if name in FRAMING and self.headers is not self._trailers:
            self._framing.append((name, value))

    def on_headers_complete(self) -> None:
        """Let a request be answered, or refuse it before anybody has seen it."""
        self._refusal = self._fault()
        if self._refusal is not None:
            raise _RefusedError
        if len(self.pipeline) >= self._bounds.pipelined:
            self._stop_after_queue()
            raise _RefusedError
        super().on_headers_complete()
        self.headers = self._trailers
        self._framing = []
        self._taken = 0
        self._unanswered += 1

    def _fault(self) -> Refusal | None:
        """Say what is wrong with a complete head."""
        version = self.parser.get_http_version()
        framing = self._framing
        if version != "1.1" or framing != self._admission.usual_framing:
            fault = fault_of_framing(version, framing)
            if fault is not None:
                return fault
            self.expect_100_continue = any(
                value.lower() == b"100-continue" for _, value in framing
            )
            if len(framing) == 1:
                self._admission.usual_framing = framing
        if self._open_part is _HEAD:
            return fault_of_size(self.url, self.headers, self._bounds)
        if len(self.url) > self._bounds.target_bytes:
            return refusals.LONG_TARGET
        return refusals.LARGE_HEAD if len(self.headers) > self._bounds.header_count else None

    def _should_upgrade(self) -> bool:
        """Refuse: the parser would take the body of such a request for the next request."""
        self._refusal = refusals.UPGRADE
        raise _RefusedError

    # ---- requests that have not all come ----------------------------------------------------

    def _look_at_open_part(self) -> None:
        """Hold what has come of a request to its bounds."""
        cycle = self.cycle
        if self._half_read is not None and not self._half_read.more_body:
            self._go_on_after(self._half_read)
        part = None
        if self.headers is not self._trailers:
            part = _HEAD
        elif cycle is not None and cycle.more_body:
            part = _BODY
            if self._half_read is None:
                self._stop_after(cycle)
        if part is not self._open_part:
            self._open_part = part
            self._taken = 0
        fault = self._excess()
        if fault is not None:
            self._refuse(fault)
        else:
            self._settle()

    def _excess(self) -> Refusal | None:
        """Say which bound the open part goes over."""
        if self._open_part is _HEAD:
            fault = fault_of_size(self.url, self.headers, self._bounds)
            if fault is None and self._taken > self._bounds.head_bytes:
                return refusals.LARGE_HEAD
            return fault
        if self._open_part is _BODY and self._taken > self._bounds.body_bytes:
            return refusals.LARGE_BODY
        return None

    def _stop_after(self, cycle: RequestResponseCycle) -> None:
        """Let the answer of *cycle* be the last, unless the rest of its request comes before."""
        self._half_read = cycle
        self._may_go_on = cycle.keep_alive
        cycle.keep_alive = False
        cycle.transport = _LastAnswer(self)

    def _go_on_after(self, cycle: RequestResponseCycle) -> None:
        """Let the connection go on after *cycle*, unless its answer has said otherwise."""
        self._half_read = None
        if not cycle.response_started:
            cycle.keep_alive = self._may_go_on
            cycle.transport = self.transport

    def _stop_after_queue(self) -> None:
        """Answer what was asked, and nothing of what comes after."""
        self._admission.log.count("pipelined")
        self._is_deaf = True
        self._stop_after(self.pipeline[0][0])

    # ---- what becomes of answers ------------------------------------------------------------

    def on_response_complete(self) -> None:
        """Go on to the next request, or to what ends the connection."""
        self.server_state.total_requests += 1
        self._unanswered -= 1
        if self.transport.is_closing():
            self._wait(_READER, self._bounds.unread_seconds)
        elif self._phase is not _END:
            if self.flow.read_paused:
                self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            if self._refusal is not None and self._unanswered == 0:
                self._end_with(self._refusal)
            else:
                self._settle()

    def _settle(self) -> None:
        """Find out whom this connection waits for now."""
        part = self._open_part
        if self._phase is _READER and self.flow.write_paused:
            return
        if self._unanswered > (part is _BODY):
            self._phase = _ANSWER
            self._admission.works(self)
        elif part is _BODY:
            self._wait(_BODY, self._bounds.body_seconds)
        elif part is _HEAD:
            self._wait(_HEAD, self._bounds.head_seconds)
        elif self._phase is not _REQUEST:
            self._wait(_REQUEST, self._bounds.idle_seconds)

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
        if cycle is not None and cycle.more_body:  # this is about a body, and it has come to that
            self._unanswered -= 1
            if self._unanswered:
                self.pipeline.popleft()
            else:
                cycle.disconnected = True
                cycle.message_event.set()
                if cycle.response_started:
                    self.transport.abort()
                    return
        self._open_part = None
        if self._unanswered == 0:
            self._end_with(refusal)
        else:
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
        self._wait(_END, self._bounds.linger_seconds)
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _discard(self) -> None:
        if self._phase is not _END or self._taken > self._bounds.linger_bytes:
            self.flow.pause_reading()

    def evict(self) -> None:
        """Close at once."""
        self.transport.abort()

    def expire(self) -> None:
        """Give up waiting for the peer."""
        if self._phase is _HEAD:
            self._refuse(refusals.SLOW_HEAD)
        elif self._phase is _BODY:
            self._refuse(refusals.SLOW_BODY)
        elif self._phase is not _READER and self.transport.get_write_buffer_size() > 0:
            self._wait(_READER, self._bounds.unread_seconds)
        else:
            if self.transport.get_write_buffer_size() > 0:
                self._admission.log.count("unread")
            self.transport.abort()

    def shutdown(self) -> None:
        """Close after what is being answered."""
        super().shutdown()
        self._may_go_on = False


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
