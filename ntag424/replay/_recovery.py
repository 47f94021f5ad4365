"""Taking up a ledger that this machine knows, and recovering one that went back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ntag424.errors import LedgerWentBackError
from ntag424.model import Generation, Uid
from ntag424.replay._ledger import TagRecord, TagState, position
from ntag424.replay._phases import require_serving
from ntag424.replay._store import LedgerArchive, Phase
from ntag424.replay._witness import CHANGES_PER_TIMELINE, Witness

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did."""

    #: About how many tags the ledger knows; the next tap of each only sets its counter.
    tags: int
    #: Tags of which this machine remembered more than the ledger.
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
    timeline = _timeline_of(revisions)
    if timeline > witness.told:
        await _remind(archive, witness, behind=await archive.is_incomplete())
        revisions = await archive.revisions()
    witness.observe(revisions)
    witness.observe_told(timeline)


async def begin_recovery(archive: LedgerArchive) -> None:
    """Let a ledger serve nobody until it is recovered.

    Raises:
        LedgerMismatchError: the ledger is part of a move, or sealed.
        LedgerUnavailableError: it could not answer; call again.

    """
    phase = await archive.phase()
    if phase is not Phase.RECOVERING:
        require_serving(phase)
        await archive.enter(Phase.RECOVERING)


async def recover(archive: LedgerArchive, witness: Witness) -> Recovery:
    """Make a ledger that went back fit to serve, so that no used tap counts again.

    What *witness* remembers is used up for good. Beyond that nobody knows how far a tag was:
    so its next tap only sets its counter and is answered like a used one. States and
    enrolments from after the copy are lost. Cut off, it is to be called again.

    Raises:
        LedgerMismatchError: the ledger is part of a move, or sealed.
        LedgerUnavailableError: it could not answer; call again.

    """
    await begin_recovery(archive)
    timeline = 1 + max(_timeline_of(await archive.revisions()), witness.timeline)
    remembered = await _remind(archive, witness, behind=True)
    await archive.mark_behind()
    await archive.mark_incomplete()
    await archive.start_timeline(timeline)
    await archive.enter(Phase.SERVING)
    witness.observe(await archive.revisions())
    witness.observe_told(timeline)
    return Recovery(await archive.count(), remembered)


async def _remind(archive: LedgerArchive, witness: Witness, *, behind: bool) -> int:
    """Put in what *witness* remembers beyond the ledger; return of how many tags.

    With *behind* others may have seen more of them still.
    """
    ahead = dict(witness.marks())
    states: dict[Uid, TagState] = {}
    async for page in archive.records():
        for record in page:
            reached = ahead.get(record.uid)
            if reached is None:
                continue
            if position(record.generation, record.counter) >= reached:
                del ahead[record.uid]
            else:
                # A witness knows no states: what was suspended must stay so.
                states[record.uid] = record.state
    records = _records(ahead, states, behind=behind)
    while page := list(islice(records, _AT_ONCE)):
        await archive.merge(page)
    return len(ahead)


def _records(
    ahead: Mapping[Uid, bytes], states: Mapping[Uid, TagState], *, behind: bool
) -> Iterator[TagRecord]:
    for uid, reached in ahead.items():
        generation, counter = (
            Generation.from_bytes(reached[:2]),
            int.from_bytes(reached[2:], "big"),
        )
        state = states.get(uid, TagState.ACTIVE)
        # Not as enrolled: that only the ledger knows.
        yield TagRecord(uid, generation, counter, state, enrolled=False, behind=behind)


def _timeline_of(revisions: Mapping[int, int]) -> int:
    return max(revisions.values()) // CHANGES_PER_TIMELINE
