"""Conversations with a tag that do no I/O themselves.

A flow yields commands and is sent answers; only `run` and `arun` touch a reader. So
one source serves sync and async programs, the simulated tag, and tests that cut the
power at any command.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.errors import TransportError
from ntag424.transport import AsyncTransport, Transport

T = TypeVar("T")
#: Yields commands, is sent answers or thrown a `TransportError`, returns a T.
Flow: TypeAlias = Generator[CommandApdu, ResponseApdu, T]


def run(flow: Flow[T], transport: Transport) -> T:
    """Drive *flow* to its result over *transport*.

    Raises:
        TransportError: contact was lost, and the flow did not make something of it.
        Ntag424Error: what the flow raises.

    """
    try:
        command = next(flow)
        while True:
            try:
                answer = transport.transmit(command)
            except TransportError as error:
                command = flow.throw(error)
            else:
                command = flow.send(answer)
    except StopIteration as finished:
        result: T = finished.value
        return result


async def arun(flow: Flow[T], transport: AsyncTransport) -> T:
    """Drive *flow* to its result over *transport*; see `run`."""
    try:
        command = next(flow)
        while True:
            try:
                answer = await transport.transmit(command)
            except TransportError as error:
                command = flow.throw(error)
            else:
                command = flow.send(answer)
    except StopIteration as finished:
        result: T = finished.value
        return result
