"""What all native commands share: how they are framed, secured and allowed (NT4H2421Gx §10.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._refusal import RefusedError

_BLOCK, _MAC = 16, 8


@dataclass(frozen=True, slots=True)
class Request:
    """A native command that may be carried out: CmdHeader, CmdData in plain, and its mode."""

    command: CommandApdu = field(repr=False)
    header: bytes
    data: bytes = field(repr=False)
    mode: CommMode


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command answers with, before it is secured.

    *ends_session* is for an answer that has no MAC because the session is gone with it.
    """

    data: bytes = field(default=b"", repr=False)
    status: int = Status.OK
    ends_session: bool = False


DONE = Reply()


@dataclass(frozen=True, slots=True)
class NativeCommand:
    """One native command that runs in a session and, some of them, outside.

    *mode* says how the command is sent for a CmdHeader of *header_length* bytes, or
    refuses who may not send it; *run* carries it out. *secured_as* is the mode of every such
    command in a session, whatever it is about: then its length is looked at before anything
    else. *refusals* replaces status words.
    """

    header_length: int
    mode: Callable[[Card, bytes], CommMode]
    run: Callable[[Card, Request], Reply]
    secured_as: CommMode | None = None
    has_data: bool = False
    at_master_file: bool = False
    refusals: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def __call__(self, card: Card, command: CommandApdu) -> ResponseApdu:
        """Answer *command*.

        Raises:
            RefusedError: the chip refuses.
        """
        try:
            request = self._request(card, command)
            return respond(card, self.run(card, request), request.mode)
        except RefusedError as refusal:
            status = self.refusals.get(refusal.status, refusal.status)
            raise RefusedError(status) from refusal

    def _request(self, card: Card, command: CommandApdu) -> Request:
        if len(command.data) < self.header_length:
            raise RefusedError(Status.LENGTH_ERROR)
        if not self.at_master_file:
            card.require_application()
        header, body = command.data[: self.header_length], command.data[self.header_length :]
        if card.session is not None and self.secured_as is not None:
            _require_due_length(body, self.secured_as, has_data=self.has_data)
        mode = self.mode(card, header)
        if mode is not CommMode.PLAIN:
            # Before the MAC is looked at: what is not due makes the length wrong.
            _require_due_length(body, mode, has_data=self.has_data)
        if card.session is not None:
            body = card.session.unwrap(command.ins, header, body, mode)
        if body and not self.has_data:
            raise RefusedError(Status.LENGTH_ERROR)
        return Request(command, header, body, mode)


def _require_due_length(body: bytes, mode: CommMode, *, has_data: bool) -> None:
    shortest = mode.length(1) if has_data else _MAC
    if len(body) < shortest or (len(body) > shortest and not has_data):
        raise RefusedError(Status.LENGTH_ERROR)
    if mode is CommMode.FULL and (len(body) - _MAC) % _BLOCK:
        raise RefusedError(Status.LENGTH_ERROR)


def respond(card: Card, reply: Reply, mode: CommMode) -> ResponseApdu:
    """Secure *reply* as the session, if there is one, demands for *mode*."""
    if reply.ends_session:
        card.session = None
    if card.session is None or reply.status == Status.ADDITIONAL_FRAME:
        return ResponseApdu(reply.data, reply.status)
    return ResponseApdu(card.session.wrap(reply.data, mode, reply.status), reply.status)


# ---- who may, and how -----------------------------------------------------------------------


def always(mode: CommMode) -> Callable[[Card, bytes], CommMode]:
    """Let everybody; use *mode* in a session."""

    def choose(card: Card, _header: bytes) -> CommMode:
        return CommMode.PLAIN if card.session is None else mode

    return choose


def with_any_key(card: Card, _header: bytes) -> CommMode:
    """Let whoever is authenticated, in full mode.

    Raises:
        RefusedError: nobody is.
    """
    if card.session is None:
        raise RefusedError(Status.AUTHENTICATION_ERROR)
    return CommMode.FULL


def with_key_0(card: Card, _header: bytes) -> CommMode:
    """Let who knows the AppMasterKey, in full mode.

    Raises:
        RefusedError: another key is authenticated, or none.
    """
    if card.key_number != 0:
        raise RefusedError(Status.AUTHENTICATION_ERROR)
    return CommMode.FULL
