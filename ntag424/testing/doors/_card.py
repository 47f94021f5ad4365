"""What comes through a door, and how it is lost on the way."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class Card(Protocol):
    """A tag made of software, in bytes."""

    @property
    def anticollision_uid(self) -> bytes:
        """What a reader sees as UID: 7 bytes, or 4 of Random ID, new each power cycle."""
        ...

    def exchange(self, octets: bytes) -> bytes:
        """Answer one APDU, whatever it is, with data (0..256) || SW1 (1) || SW2 (1)."""
        ...

    def power_cycle(self) -> None:
        """Leave the field and come back."""
        ...


class Loss(Enum):
    """What does not arrive. A reader cannot tell one from the other."""

    #: The tag was gone before it could execute the command.
    COMMAND = "command"
    #: The tag executed the command, and was gone before it could answer.
    ANSWER = "answer"


class LossyCard:
    """A card that can be told to get lost at a command to come."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._loss: Loss | None = None
        self._left = 0

    def lose(self, loss: Loss, at: int) -> None:
        """Get lost at the *at*-th command from now; 1 is the next one.

        Raises:
            ValueError: *at* is below 1.

        """
        if at < 1:
            raise ValueError(f"the next command is number 1, not {at}")
        self._loss, self._left = loss, at

    def exchange(self, octets: bytes) -> bytes | None:
        """Answer one APDU; None where the card got lost, or has no answer."""
        loss = self._due()
        if loss is Loss.COMMAND:
            return None
        answer = self.card.exchange(octets)
        return None if loss is Loss.ANSWER else answer or None

    def _due(self) -> Loss | None:
        if self._loss is None:
            return None
        self._left -= 1
        if self._left:
            return None
        loss, self._loss = self._loss, None
        return loss
