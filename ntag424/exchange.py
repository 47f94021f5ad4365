"""One question, one answer: with and without an authentication, as flows."""

from __future__ import annotations

from typing import TypeVar

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.commands import Command, Request
from ntag424.errors import ProtocolError, TransportError
from ntag424.flow import Flow
from ntag424.secure_channel import SecureChannel
from ntag424.status_words import Authentication, refusal

T = TypeVar("T")

_NEXT_FRAME = CommandApdu(0xAF)


def ask(request: Request[T]) -> Flow[T]:
    """Send *request* in the clear.

    Raises:
        TagRefusedError: the tag refused.
        TransportError: the reader did not reach the tag.
        ProtocolError: no tag answers so.

    """
    answer = yield from _all_frames(request.apdu(), request.frames)
    if answer.status != request.success:
        raise refusal(request.name, answer.status, Authentication.NOBODY)
    try:
        return request.parse(answer.data)
    except ValueError as error:
        raise ProtocolError(f"malformed answer to {request.name}") from error


def exchange(channel: SecureChannel, command: Command[T]) -> Flow[T]:
    """Send *command* over *channel*, which is over after anything but a sound answer.

    Raises:
        SessionEndedError: it is over already.
        TransportError: contact was lost; `outcome_unknown` says whether the tag may
            have executed the command.
        TagRefusedError, ResponseMacError, ProtocolError: as for `SecureChannel.unwrap`.

    """
    wrapped = channel.wrap(command)
    try:
        answer = yield from _all_frames(wrapped, command.frames)
    except (TransportError, ProtocolError):
        channel.close()
        raise
    return channel.unwrap(command, answer)


def _all_frames(first: CommandApdu, frames: int) -> Flow[ResponseApdu]:
    """Ask for the rest of an answer that comes in several frames, and join them.

    One MAC, at the end of the last frame, covers them all.
    """
    answer = yield first
    data = answer.data
    for _ in range(frames - 1):
        if answer.status != Status.ADDITIONAL_FRAME:
            break
        answer = yield _NEXT_FRAME
        data += answer.data
    if len(data) > 256:
        raise ProtocolError("the tag's answer is longer than any")
    return ResponseApdu(data, answer.status)
