"""Where ledgers live: how one comes into being, is opened, and moves elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import Enum, unique
from typing import Protocol

from ntag424.replay._clock import Clock
from ntag424.replay._ledger import TagLedger, TagRecord


@unique
class Phase(Enum):
    """What a ledger is there for. Only one that is serving redeems anything."""

    #: A move into it has not finished.
    FILLING = "filling"
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
        """Change the phase. Once it returned, whoever has the ledger open obeys."""
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

    def open(self, store_id: str, *, clock: Clock | None = None) -> TagLedger:
        """Open the ledger called *store_id*.

        One on this machine is looked at here and now; one across a network is first
        asked when it is first used: `TagLedger.check` tells beforehand. A *clock*
        stands in for the store's own.

        Raises:
            LedgerMismatchError: it is missing, foreign, older, newer or not serving.
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
