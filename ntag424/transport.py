"""The door to hardware: whatever can carry a command to a tag and bring its answer back."""

from __future__ import annotations

from typing import Protocol

from ntag424.apdu import CommandApdu, ResponseApdu


class Transport(Protocol):
    """A reader with a tag in its field, or something that behaves like one."""

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Send *command* once and return the tag's answer, whatever its status word.

        A refusal by the tag is an answer, not an error. A transport never
        repeats a command by itself: the tag may have executed it.

        Raises:
            TransportError: the command or its answer was lost; `outcome_unknown`
                says whether the tag may have executed it.
        """
        ...


class AsyncTransport(Protocol):
    """The same for programs that run an event loop."""

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """See `Transport.transmit`.

        Raises:
            TransportError: the command or its answer was lost.
        """
        ...
