"""A reader from which the tag is taken away at a chosen command."""

from __future__ import annotations

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.errors import TransportError
from ntag424.testing.simulated_tag import SimulatedTag


class FaultyTransport:
    """A `Transport` that loses contact to *tag* once, at its command *cut_at* (from 0).

    With *executed* the tag still carries that command out and only its answer is lost;
    without, the command never arrives. Which of the two a reader cannot tell. Then `lost`
    is True and nothing gets through until `reconnect`. A sweep over *cut_at* from 0 on is
    complete when `sent` stays at or below it.

    Raises:
        ValueError: *cut_at* is below 0.
    """

    def __init__(self, tag: SimulatedTag, *, cut_at: int, executed: bool) -> None:
        if cut_at < 0:
            raise ValueError(f"commands are counted from 0, and {cut_at} is none")
        self._tag = tag
        self._cut_at = cut_at
        self._executed = executed
        #: Whether the card is away.
        self.lost = False
        #: How many commands were given to a card that was there.
        self.sent = 0

    def reconnect(self) -> None:
        """Lay the card back on the reader, which activates it anew."""
        self._tag.power_cycle()
        self.lost = False

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Send *command* to the tag, if it is there.

        Raises:
            TransportError: contact is lost during this command, or was before it.
        """
        if self.lost:
            raise TransportError("there is no card on the reader", outcome_unknown=False)
        index, self.sent = self.sent, self.sent + 1
        if index != self._cut_at:
            return self._tag.transmit(command)
        if self._executed:
            self._tag.transmit(command)
        self._tag.power_cycle()
        self.lost = True
        raise TransportError(f"contact was lost at command {index}", outcome_unknown=True)
