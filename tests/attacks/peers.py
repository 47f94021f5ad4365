"""Peers who do not behave: plain sockets, every one of them bounded in bytes and time."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
HOST = b"Host: id.example.com\r\n"
CHUNKED = HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Received:
    """All that came until the connection ended, or until nothing more was waited for."""

    octets: bytes

    @property
    def statuses(self) -> list[int]:
        """The status of every answer, in their order."""
        return [int(status) for status in _STATUS.findall(self.octets)]

    @property
    def closes(self) -> bool:
        """Whether the last answer says that the connection ends."""
        last = _STATUS.split(self.octets)[-1]
        return b"connection: close\r\n" in last

    @property
    def is_problem(self) -> bool:
        """Whether the last answer is a problem document."""
        return b"content-type: application/problem+json\r\n" in self.octets.lower()


def connect(port: int, *, source: str = "127.0.0.1") -> socket.socket:
    """Connect from one of the loopback addresses."""
    return socket.create_connection(
        ("127.0.0.1", port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
    )


@contextmanager
def silent_peers(port: int, sources: Iterable[str], said: bytes) -> Iterator[None]:
    """Open a connection from each of *sources*, and say nothing after what was *said*."""
    with ExitStack() as stack:
        for source in sources:
            peer = stack.enter_context(connect(port, source=source))
            with suppress(ConnectionError):
                peer.sendall(said)
        yield


def flood(peer: socket.socket, begin: bytes, again: bytes, *, limit: int) -> int:
    """Send *begin* and then *again* and again until the peer hangs up; return the bytes sent.

    Stops at *limit* bytes, which a service that keeps to its bounds does not take.
    """
    sent = 0
    with suppress(ConnectionError):
        peer.sendall(begin)
        while sent < limit:
            peer.sendall(again)
            sent += len(again)
    return sent


def receive(peer: socket.socket) -> Received:
    """Read until the peer ends the connection, one way or the other."""
    octets = bytearray()
    with suppress(ConnectionError):
        while piece := peer.recv(65536):
            octets += piece
    return Received(bytes(octets))


def exchange(port: int, octets: bytes) -> Received:
    """Send *octets* on a connection of their own, and read to its end."""
    with connect(port) as peer:
        peer.sendall(octets)
        return receive(peer)
