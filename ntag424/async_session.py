"""`ntag424.session` for programs that run an event loop: the same flows, another driver."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from ntag424.commands import Command, GetVersion, IsoSelectApplication, ReadSignature, Request
from ntag424.exchange import ask, exchange
from ntag424.files import read_file, write_file
from ntag424.flow import Flow, arun
from ntag424.handshake import authenticate_first, authenticate_non_first
from ntag424.model import Key, Mode, Uid
from ntag424.model.version import TagVersion
from ntag424.originality import require_original
from ntag424.secure_channel import SecureChannel
from ntag424.transport import AsyncTransport

T = TypeVar("T")


class AsyncSession:
    """See `Session`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def run(self, flow: Flow[T]) -> T:
        """See `Session.run`."""
        return await arun(flow, self._transport)

    async def send(self, request: Request[T]) -> T:
        """See `Session.send`."""
        return await self.run(ask(request))

    async def select(self) -> None:
        """See `Session.select`."""
        await self.send(IsoSelectApplication())

    async def version(self) -> TagVersion:
        """See `Session.version`."""
        return await self.send(GetVersion())

    async def check_originality(self, uid: Uid) -> None:
        """See `Session.check_originality`."""
        require_original(uid, await self.send(ReadSignature()))

    async def authenticate(
        self,
        key_number: int,
        key: Key,
        *,
        mode: Mode | None = None,
        patience: int = 0,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> AsyncAuthenticatedSession:
        """See `Session.authenticate`."""
        flow = authenticate_first(
            key_number, key, mode=mode, patience=patience, random_bytes=random_bytes
        )
        return AsyncAuthenticatedSession(self._transport, await self.run(flow))


class AsyncAuthenticatedSession:
    """See `AuthenticatedSession`."""

    def __init__(self, transport: AsyncTransport, channel: SecureChannel) -> None:
        self._transport = transport
        self.channel = channel

    @property
    def is_alive(self) -> bool:
        """See `AuthenticatedSession.is_alive`."""
        return self.channel.is_alive

    async def send(self, command: Command[T]) -> T:
        """See `AuthenticatedSession.send`."""
        return await arun(exchange(self.channel, command), self._transport)

    async def read(self, file_number: int, *, offset: int = 0, length: int | None = None) -> bytes:
        """See `AuthenticatedSession.read`."""
        flow = read_file(self.channel, file_number, offset=offset, length=length)
        return await arun(flow, self._transport)

    async def write(self, file_number: int, content: bytes, *, offset: int = 0) -> None:
        """See `AuthenticatedSession.write`."""
        flow = write_file(self.channel, file_number, content, offset=offset)
        await arun(flow, self._transport)

    async def authenticate(
        self,
        key_number: int,
        key: Key,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> AsyncAuthenticatedSession:
        """See `AuthenticatedSession.authenticate`."""
        flow = authenticate_non_first(self.channel, key_number, key, random_bytes=random_bytes)
        return AsyncAuthenticatedSession(self._transport, await arun(flow, self._transport))
