"""Ask the service: straight into the application, or over a socket of the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from typing import Any, Self
from urllib.parse import unquote

JSON = {"content-type": "application/json"}
#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
#: What a service has to be set to, so that it believes `Wire.open(as_proxy=True)`.
BELIEVING = {"NTAG424_TRUSTED_PROXIES": "127.0.0.1"}
_CLIENTS = count(int(IPv4Address("10.0.0.1")))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    @property
    def members(self) -> Any:
        return json.loads(self.body)

    @property
    def constant(self) -> tuple[int, dict[str, str], bytes]:
        """All that must not differ between two answers of one kind."""
        changing = ("date", "server")
        return (
            self.status,
            {name: value for name, value in self.headers.items() if name not in changing},
            self.body,
        )


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    body: bytes | Iterable[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    client: tuple[str, int] | None = ("127.0.0.1", 50000),
) -> Answer:
    """Call an ASGI application once; a *body* in several pieces comes without a length."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    fields = {"host": "id.example.com"} | dict(headers or {})
    if isinstance(body, bytes) and body:
        fields["content-length"] = str(len(body))
    incoming = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]
    outgoing: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        outgoing.append(message)

    target, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(target),
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), text.encode()) for name, text in fields.items()],
        "client": client,
        "server": ("127.0.0.1", 8424),
        "state": {},
    }
    await app(scope, receive, send)
    start, *rest = outgoing
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], answered, b"".join(part.get("body", b"") for part in rest))


def tap_body(url: str, nonce: str | None = None) -> bytes:
    """Write the body of `POST /v1/taps`."""
    return json.dumps({"url": url} if nonce is None else {"url": url, "nonce": nonce}).encode()


class Wire:
    """One keep-alive connection to a real service; far cheaper than a client library."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        as_proxy: bool = False,
    ) -> None:
        self._reader, self._writer, self._as_proxy = reader, writer, as_proxy

    @classmethod
    async def open(cls, port: int, *, source: str = "127.0.0.1", as_proxy: bool = False) -> Self:
        """Connect from *source*, an address of this machine.

        As a proxy it forwards each request for another client, so that no limit on the
        failures of one is reached.
        """
        own = (source, 0)
        streams = await asyncio.open_connection("127.0.0.1", port, local_addr=own)
        return cls(*streams, as_proxy=as_proxy)

    @property
    def own_port(self) -> int:
        port: int = self._writer.get_extra_info("sockname")[1]
        return port

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        fields = {"host": "127.0.0.1", "content-length": str(len(body))} | dict(headers or {})
        if self._as_proxy:
            fields["x-forwarded-for"] = str(IPv4Address(next(_CLIENTS)))
        head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        await self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return await self.answer()

    async def post_tap(self, url: str, nonce: str | None = None) -> Answer:
        return await self.ask("POST", "/v1/taps", tap_body(url, nonce), JSON)

    async def send(self, octets: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """Read one answer, all of it.

        Raises:
            OSError, asyncio.IncompleteReadError: the service is gone.

        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {}
            for line in head[1:-2]:
                name, _, text = line.partition(": ")
                headers[name.lower()] = text
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split(" ")[1]), headers, body)

    def abort(self) -> None:
        """Drop the connection without a farewell."""
        self._writer.transport.abort()

    async def aclose(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
