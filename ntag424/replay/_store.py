"""Where ledgers live: how one comes into being, is opened, and moves elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from enum import Enum, unique
from typing import Protocol

from ntag424.replay._clock import Clock
from ntag424.replay._ledger import DEADLINE_SECONDS, TagLedger, TagRecord
from ntag424.replay._witness import Witness


@unique
class Phase(Enum):
    """What a ledger is there for. Only one that is serving redeems anything."""

    #: A move into it has not finished.
    FILLING = "filling"
    #: A copy that must be recovered before it serves, or a recovery that has not finished.
    RECOVERING = "recovering"
    SERVING = "serving"
    #: It is being moved; where it goes has not served yet.
    LEAVING = "leaving"
    #: It moved elsewhere; to go on here would accept again what is accepted there.
    SEALED = "sealed"


class LedgerArchive(Protocol):
    """A ledger as a whole, for whoever moves it. Works in every phase.

    Any method may raise `LedgerUnavailableError`; calling it again does no harm.
    """

    async def phase(self) -> Phase:
        """Return the phase that all of the ledger is in; if they differ, the lowest."""
        ...

    async def enter(self, phase: Phase) -> None:
        """Change the phase. Once it returned, whoever has the ledger open obeys.

        To be filled or recovered, a ledger forgets its sessions.
        """
        ...

    async def revisions(self) -> Mapping[int, int]:
        """Return how far each part of the ledger is: see `Witness`.

        A revision rises with every change: a tap that is accepted, an enrolment, a state,
        a session that is ended, a merge. It is timeline * 2^40 + changes.
        """
        ...

    async def start_timeline(self, timeline: int) -> None:
        """Set the revision of every part to the beginning of *timeline*; never lower one.

        What comes after is ahead of all that anybody saw in a lower timeline.
        """
        ...

    async def is_incomplete(self) -> bool:
        """Say whether tags that it does not know may have been tapped all the same."""
        ...

    async def mark_incomplete(self) -> None:
        """Let the first tap of every tag that comes in from now on only set its counter.

        For a ledger that was recovered lacks the tags that came after the copy was made.
        """
        ...

    async def mark_behind(self) -> None:
        """Let the next tap of every known tag only set its counter: see `TagRecord.behind`."""
        ...

    async def count(self) -> int:
        """Return about how many records there are: for progress alone."""
        ...

    def records(self) -> AsyncIterator[Sequence[TagRecord]]:
        """Go through all records, some at a time."""
        ...

    async def merge(self, records: Sequence[TagRecord]) -> None:
        """Take records in, each by maximum.

        Of two records of one tag the one of the higher generation stays. In the same
        generation the higher counter stays, the stricter state (erased before suspended
        before active), and that the tag was enrolled. Sessions and nonces are no part of
        it: people tap again.
        """
        ...

    async def aclose(self) -> None:
        """Release the store; calling it twice is fine."""
        ...


class LedgerStore(Protocol):
    """A place that holds one ledger, or none yet. Named by a URL: see `store_at`."""

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """Make a new, empty ledger and return its id, 32 hex digits; drawn if none is given.

        Raises:
            LedgerMismatchError: something is there already.
            LedgerUnavailableError: the place cannot be written.

        """
        ...

    async def migrate(self) -> int:
        """Bring the ledger of an older release up to date; return the steps taken.

        Raises:
            LedgerMismatchError: there is none, or it is newer than this program.
            LedgerUnavailableError: it cannot be written.

        """
        ...

    def open(
        self,
        store_id: str,
        *,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> TagLedger:
        """Open the ledger called *store_id*.

        One on this machine is looked at here and now; one across a network is first
        asked when it is first used: `TagLedger.check` tells beforehand. A *clock*
        stands in for the store's own. By the *witness* it is noticed that the ledger went
        back; without one, only what happened since it was opened is known. The ledger closes it.

        A call that has no answer *deadline* seconds after the store could first be asked
        fails, though what it was to write may come to pass.

        Raises:
            LedgerMismatchError: it is missing, foreign, older, newer or not serving.
            LedgerWentBackError: it is behind the *witness*.
            LedgerUnavailableError: it cannot be used.

        """
        ...

    async def archive(self, store_id: str) -> LedgerArchive:
        """Open the ledger called *store_id* as a whole.

        Raises:
            LedgerMismatchError: it is missing, foreign, older or newer.
            LedgerUnavailableError: it cannot be used.

        """
        ...
