"""The comfortable way: a tag on a reader, asked and answered line by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from ntag424.commands import Command, GetVersion, IsoSelectApplication, ReadSignature, Request
from ntag424.exchange import ask, exchange
from ntag424.files import read_file, write_file
from ntag424.flow import Flow, run
from ntag424.handshake import authenticate_first, authenticate_non_first
from ntag424.model import Key, Mode, Uid
from ntag424.model.version import TagVersion
from ntag424.originality import require_original
from ntag424.secure_channel import SecureChannel
from ntag424.transport import Transport

T = TypeVar("T")


class Session:
    """A tag on a reader that nobody is authenticated to."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, flow: Flow[T]) -> T:
        """Drive any flow over this tag."""
        return run(flow, self._transport)

    def send(self, request: Request[T]) -> T:
        """Send one command in the clear; see `ntag424.exchange.ask`."""
        return self.run(ask(request))

    def select(self) -> None:
        """Select the application: the first thing after power-on, and never in between."""
        self.send(IsoSelectApplication())

    def version(self) -> TagVersion:
        """Ask which chip it is."""
        return self.send(GetVersion())

    def check_originality(self, uid: Uid) -> None:
        """Check NXP's signature over *uid*.

        Raises:
            OriginalityError: it is not NXP's for this UID.

        """
        require_original(uid, self.send(ReadSignature()))

    def authenticate(
        self,
        key_number: int,
        key: Key,
        *,
        mode: Mode | None = None,
        patience: int = 0,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> AuthenticatedSession:
        """Prove a key; see `ntag424.handshake.authenticate_first`, also for *random_bytes*."""
        flow = authenticate_first(
            key_number, key, mode=mode, patience=patience, random_bytes=random_bytes
        )
        return AuthenticatedSession(self._transport, self.run(flow))


class AuthenticatedSession:
    """A tag that has proved that it knows our key, as long as nothing goes wrong."""

    def __init__(self, transport: Transport, channel: SecureChannel) -> None:
        self._transport = transport
        self.channel = channel

    @property
    def is_alive(self) -> bool:
        """Whether another command can be sent."""
        return self.channel.is_alive

    def send(self, command: Command[T]) -> T:
        """Send one command; see `ntag424.exchange.exchange`."""
        return run(exchange(self.channel, command), self._transport)

    def read(self, file_number: int, *, offset: int = 0, length: int | None = None) -> bytes:
        """Read a file; see `ntag424.files.read_file`."""
        flow = read_file(self.channel, file_number, offset=offset, length=length)
        return run(flow, self._transport)

    def write(self, file_number: int, content: bytes, *, offset: int = 0) -> None:
        """Write a file; see `ntag424.files.write_file`."""
        run(write_file(self.channel, file_number, content, offset=offset), self._transport)

    def authenticate(
        self,
        key_number: int,
        key: Key,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> AuthenticatedSession:
        """Prove another key in the same transaction; this session ends."""
        flow = authenticate_non_first(self.channel, key_number, key, random_bytes=random_bytes)
        return AuthenticatedSession(self._transport, run(flow, self._transport))
