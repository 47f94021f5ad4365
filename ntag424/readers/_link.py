"""What every reader does alike: no command goes to a tag that was not recognised."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self, TypeAlias

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.errors import NoTagError, TagChangedError, TransportError
from ntag424.status_words import reader_error
from ntag424.transport import Transport

#: Says which tag is there, by asking it or its reader; None where that cannot be told.
Identify: TypeAlias = Callable[[Transport], bytes | None]

#: CLA of commands that a reader answers itself (PC/SC part 3): there its words are answers.
_FOR_THE_READER = 0xFF


class _State(Enum):
    """Why a command may, or may not, be sent."""

    EMPTY = "no tag is connected; wait for one first"
    READY = ""
    LOST = "contact was lost before, and the tag must be recognised first"
    CLOSED = "the reader is closed"


@dataclass(frozen=True, slots=True)
class _Unrecognised:
    """The way to a tag while it is being identified."""

    exchange: Callable[[bytes], bytes]

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Send *command*, as `Transport.transmit` does."""
        return _answer(command, self.exchange(bytes(command)))


class TagLink(ABC):
    """A reader that holds on to one tag; the base of all readers, for one thread at a time.

    The first tag that is connected is the one to come back: after contact was lost,
    every command is refused until `reconnect` or `wait_for_tag` has found it again.
    """

    def __init__(self, identify: Identify | None) -> None:
        self._identify = identify
        self._state = _State.EMPTY
        self._met = False
        self._known: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Send *command* once and return the answer, as `Transport.transmit` does.

        Raises:
            TransportError: the command or its answer was lost, the reader answered in
                the place of the tag, or there is no tag that was recognised; only then
                is the outcome known.

        """
        if self._state is not _State.READY:
            raise TransportError(self._state.value, outcome_unknown=False)
        # In flight counts as lost: whatever ends this early, Ctrl-C too, leaves it so.
        self._state = _State.LOST
        answer = _answer(command, self._exchange(bytes(command)))
        self._state = _State.READY
        return answer

    def uid(self) -> bytes | None:
        """Return what the connected tag was recognised by: 4, 7 or 10 bytes of UID.

        None if no tag is connected, or if the reader does not tell UIDs.
        """
        return self._known if self._state is _State.READY else None

    def reconnect(self) -> None:
        """Power the tag down and up, and connect to it if it is the one from before.

        Raises:
            NoTagError: there is no tag.
            TagChangedError: it is another tag, or cannot be shown to be the same.
            ReaderError: the reader cannot be used; the subclass says why.
            TransportError: the tag was lost before it was recognised.

        """
        if self._state is _State.CLOSED:
            raise TransportError(self._state.value, outcome_unknown=False)
        self._state = _State.LOST if self._met else _State.EMPTY
        self._connect()
        self._recognise(self._identity())
        self._state = _State.READY

    def wait_for_tag(self, timeout: float) -> bytes | None:
        """Connect to the tag that is there within *timeout* seconds, and return its `uid`.

        Raises:
            NoTagError: none came.
            TagChangedError: see `reconnect`, as for all other errors.

        """
        deadline = time.monotonic() + timeout
        while self._state is not _State.READY:
            try:
                self.reconnect()
            except NoTagError:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise
                self._await_change(remaining)
        return self._known

    def release_tag(self) -> None:
        """Power the tag down and forget it: the next one may be any other."""
        if self._state is not _State.CLOSED:
            self._state = _State.EMPTY
        self._met, self._known = False, None
        self._disconnect()

    def close(self) -> None:
        """Power the tag down and give the reader back; a second time does nothing."""
        self.release_tag()
        self._state = _State.CLOSED
        self._give_back()

    def _identity(self) -> bytes | None:
        try:
            return (self._identify or self._uid)(_Unrecognised(self._exchange))
        except TransportError as error:
            # Nothing but questions was on its way, so no command is in doubt.
            self._disconnect()
            raise TransportError(str(error), outcome_unknown=False) from error

    def _recognise(self, identity: bytes | None) -> None:
        if not self._met:
            self._met, self._known = True, identity
        elif identity is None or identity != self._known:
            self._disconnect()
            shown, known = _shown(identity), _shown(self._known)
            raise TagChangedError(f"the reader shows {shown}, and had {known} before")

    @abstractmethod
    def _connect(self) -> None:
        """Power the tag down and up and connect; called in any state but closed."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Power the tag down, if there is one; raises nothing."""

    @abstractmethod
    def _give_back(self) -> None:
        """Close the device; raises nothing, and may be called twice."""

    @abstractmethod
    def _exchange(self, octets: bytes) -> bytes:
        """Send one APDU once and return the answer, or raise TransportError."""

    @abstractmethod
    def _uid(self, reader: Transport) -> bytes | None:
        """Return the UID that the *reader* tells of the tag just connected."""

    @abstractmethod
    def _await_change(self, seconds: float) -> None:
        """Return when a tag may have come, after *seconds* at the latest."""


def _answer(command: CommandApdu, octets: bytes) -> ResponseApdu:
    try:
        answer = ResponseApdu.from_bytes(octets)
    except ValueError as error:
        raise TransportError(f"not an answer: {error}", outcome_unknown=True) from error
    failure = None if command.cla == _FOR_THE_READER else reader_error(answer.status)
    if failure is not None:
        raise failure
    return answer


def _shown(identity: bytes | None) -> str:
    return "a tag whose UID it does not tell" if identity is None else f"tag {identity.hex()}"
