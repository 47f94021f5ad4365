"""What the engine asks of a ledger, however far away it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ntag424 import Generation, Uid


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a ledger knows of a tag."""

    generation: Generation
    #: Highest counter used up in it.
    counter: int


class Enroller(Protocol):
    """Makes a ledger expect the taps of a tag."""

    def find(self, uid: Uid) -> Enrolled | None:
        """Return what the ledger knows of the tag, None also where it cannot be asked.

        Raises:
            EnrolmentError: it could not be reached, or refused to answer.

        """
        ...

    def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """Let taps of *generation* above *counter* count from now on.

        The same call again does nothing: an answer may have been lost.

        Raises:
            StaleEpochError: the ledger knows this generation with another counter, or
                a higher one.
            EnrolmentError: it could not be reached, or refused.

        """
        ...


class Later:
    """Enrols nobody: the tags are exported, signed, and enrolled from there."""

    def find(self, uid: Uid) -> Enrolled | None:  # noqa: ARG002 - nobody is asked
        """See `Enroller.find`."""
        return None

    def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `Enroller.enrol`."""
