"""Taking up a ledger that this machine knows, and recovering one that went back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ntag424.errors import LedgerWentBackError
from ntag424.model import Generation
from ntag424.replay._ledger import TagRecord, TagState
from ntag424.replay._phases import require_serving
from ntag424.replay._store import LedgerArchive, Phase
from ntag424.replay._witness import CHANGES_PER_TIMELINE, Witness

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did."""

    #: About how many tags the ledger knows; the next tap of each only sets its counter.
    tags: int
    #: Tags for which this machine remembered how far they were.
    remembered: int


async def compare(archive: LedgerArchive, witness: Witness) -> Mapping[int, int]:
    """Return the revisions of the ledger, which is as far as *witness* knows or further.

    Raises:
        LedgerWentBackError: it is behind.
        LedgerUnavailableError: it could not answer; calling again does no harm.

    """
    # Before the question: others of this machine may use the ledger meanwhile.
    known = witness.revisions()
    revisions = await archive.revisions()
    if any(revision < known[part] for part, revision in revisions.items()):
        raise LedgerWentBackError
    return revisions


async def take_up(archive: LedgerArchive, witness: Witness) -> None:
    """Have *witness* know the ledger as it is now, and the ledger what *witness* knows.

    To be called before a ledger is opened that other machines use too: if one of them
    recovered or moved it meanwhile, what this machine remembers of its tags goes in.

    Raises:
        LedgerWentBackError: the ledger is behind what this machine knows of it.
        LedgerUnavailableError: it could not answer; calling again does no harm.

    """
    revisions = await compare(archive, witness)
    if max(revisions.values()) // CHANGES_PER_TIMELINE > witness.timeline:
        await _remind(archive, witness)
        revisions = await archive.revisions()
    witness.observe(revisions)


async def recover(archive: LedgerArchive, witness: Witness) -> Recovery:
    """Make a ledger that went back fit to serve, so that no used tap counts again.

    What *witness* remembers is used up for good. Beyond that nobody knows how far a tag was:
    so its next tap only sets its counter and is answered like a used one. States and
    enrolments from after the copy are lost. Cut off, it is to be called again.

    Raises:
        LedgerMismatchError: the ledger is part of a move, or sealed.
        LedgerUnavailableError: it could not answer; call again.

    """
    phase = await archive.phase()
    if phase is not Phase.RECOVERING:
        require_serving(phase)
    revisions = await archive.revisions()
    seen = max(revisions.values()) // CHANGES_PER_TIMELINE
    await archive.enter(Phase.RECOVERING)
    remembered = await _remind(archive, witness)
    await archive.mark_behind()
    await archive.mark_incomplete()
    await archive.start_timeline(1 + max(seen, witness.timeline))
    await archive.enter(Phase.SERVING)
    witness.observe(await archive.revisions())
    return Recovery(await archive.count(), remembered)


async def _remind(archive: LedgerArchive, witness: Witness) -> int:
    records = _remembered(witness)
    count = 0
    while page := list(islice(records, _AT_ONCE)):
        await archive.merge(page)
        count += len(page)
    return count


def _remembered(witness: Witness) -> Iterator[TagRecord]:
    for uid, reached in witness.marks():
        generation, counter = (
            Generation.from_bytes(reached[:2]),
            int.from_bytes(reached[2:], "big"),
        )
        # Not as enrolled: that only the ledger knows.
        yield TagRecord(uid, generation, counter, TagState.ACTIVE, enrolled=False)
