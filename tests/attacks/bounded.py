"""The protocol with bounds of the test's choice, on a socket of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.serving import Connections
from uvicorn.config import Config
from uvicorn.server import ServerState

from tests.attacks.peers import Received

#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
LARGE_ANSWER = b"x" * (16 * 1024 * 1024)


@dataclass(slots=True)
class Application:
    """Answers with what it was asked; holds `/held` back and has much to say at `/large`."""

    requests: list[tuple[str, bytes, list[tuple[bytes, bytes]]]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path, body = scope["path"], b""
        if path == "/held":
            self.held.release()
            await self.release.wait()
        if scope["method"] == "POST" and path != "/unread":
            body = await _body(receive)
        self.requests.append((path, body, scope["headers"]))
        answer = LARGE_ANSWER if path == "/large" else path.encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


@dataclass(frozen=True, slots=True)
class Bounded:
    """A server that listens, and how to talk to it."""

    port: int
    application: Application
    #: Those that are open.
    connections: set[Any]
    protocol: Connections
    peers: list[Peer] = field(default_factory=list)

    async def connect(self, octets: bytes = b"", *, source: str = "127.0.0.1") -> Peer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(source, 0)
        )
        peer = Peer(reader, writer)
        self.peers.append(peer)
        writer.write(octets)
        return peer

    async def exchange(self, octets: bytes) -> Received:
        """Send *octets*, and read to the end of the connection."""
        peer = await self.connect(octets)
        return await peer.rest()


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, ending: bytes) -> Received:
        """Read one answer, whose body ends so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return Received(await self.reader.readuntil(ending))

    async def rest_while_sending(self, octets: bytes) -> Received:
        """Send the same again and again, and read until the connection ends."""

        async def send() -> None:
            while True:
                self.writer.write(octets)
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        try:
            return await self.rest()
        finally:
            sending.cancel()

    async def rest(self) -> Received:
        """Read until the connection ends."""
        octets = bytearray()
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while piece := await self.reader.read(65536):
                    octets += piece
            except ConnectionError:
                pass
        return Received(bytes(octets))


@asynccontextmanager
async def bounded(*, proxies: tuple[str, ...] = (), **bounds: float) -> AsyncIterator[Bounded]:
    """Listen with the usual bounds but for those that are given."""
    application = Application()
    config = Config(application, ws="none", access_log=False, log_config=None)
    config.load()
    state = ServerState()
    networks = [ip_network(proxy) for proxy in proxies]
    small: Any = {"sweep_seconds": 0.02} | bounds
    connections = Connections(Bounds(**small), networks)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connections(config, state, {}), "127.0.0.1", 0)
    served = Bounded(
        server.sockets[0].getsockname()[1], application, state.connections, connections
    )
    try:
        yield served
    finally:
        for peer in served.peers:
            peer.writer.close()
        server.close()
        application.release.set()
        for connection in list(state.connections):
            connection.transport.abort()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state.connections or state.tasks:
                await asyncio.sleep(0)
