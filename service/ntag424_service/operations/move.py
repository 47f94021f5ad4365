"""`move`: a ledger goes into another store, and no tap is ever accepted in both.

The source redeems nothing more before anything is copied, and the target serves only once
everything was found in it. Wherever a move is cut off, the same move again finishes it; until
its last step, one to another target would too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias

from ntag424.errors import LedgerError, LedgerMismatchError, LedgerUnavailableError
from ntag424.replay import CHANGES_PER_TIMELINE, LedgerArchive, LedgerStore, Phase
from ntag424_service.errors import MoveError
from ntag424_service.operations.comparison import count_missing, covers, is_no_older

_SOURCE, _TARGET = "the ledger to move from", "the ledger to move to"
_EITHER = "one of the two ledgers"
_AGAIN = "Run the same command again: it goes on where this one ended."


@unique
class Step(StrEnum):
    """What a move does, in this order."""

    #: The target may be filled.
    READY = "ready"
    #: The source redeems nothing any more.
    LEAVING = "leaving"
    COPIED = "copied"
    VERIFIED = "verified"
    #: The target redeems taps.
    SERVING = "serving"


@dataclass(frozen=True, slots=True)
class Progress:
    """What was done just now."""

    step: Step
    #: Tags copied so far, and about how many there are.
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class _Ours:
    """By what a move knows that nobody else went on with its source."""

    timeline: int
    #: Whether the source was sealed by this move before it was cut off.
    sealed: bool


Tell: TypeAlias = Callable[[Progress], None]


async def move(source: LedgerStore, target: LedgerStore, store_id: str, tell: Tell) -> int | None:
    """Move the ledger called *store_id*; return how many tags it has.

    None: this move had finished before.

    Raises:
        MoveError: it is not safe, or one of the two could not be used.

    """
    async with _opened(source, store_id, _SOURCE) as origin:
        with _blaming(_SOURCE):
            begun = await origin.phase()
        found = await _phase_of_target(target, store_id)
        if (begun, found) == (Phase.SEALED, Phase.SERVING):
            return None
        _require_safe(begun, found)
        if found is None:
            await _make(target, store_id)
        async with _opened(target, store_id, _TARGET) as goal:
            if found is not None:
                await _reopen(goal, origin)
            tell(Progress(Step.READY))
            return await _carry(origin, goal, tell)


async def _carry(origin: LedgerArchive, goal: LedgerArchive, tell: Tell) -> int:
    ours = await _leave(origin)
    tell(Progress(Step.LEAVING))
    done = await _copy(origin, goal, tell)
    with _blaming(_EITHER):
        missing = await count_missing(origin, goal, covers)
    if missing:
        raise MoveError(f"{missing} of {done} tags did not arrive in {_TARGET}", _AGAIN)
    tell(Progress(Step.VERIFIED, done, done))
    await _hand_over(origin, goal, ours)
    tell(Progress(Step.SERVING, done, done))
    return done


async def _leave(origin: LedgerArchive) -> _Ours:
    """Let the source redeem nothing more, in a timeline that is this move's own.

    The target gets the next timeline before the source is sealed. So a source that is sealed
    tells which target it went to, and no other one can be taken for it.
    """
    with _blaming(_SOURCE):
        sealed = await origin.phase() is Phase.SEALED
        timeline = await _timeline_of(origin)
        if not sealed:
            await origin.enter(Phase.LEAVING)
            timeline += 1
            await origin.start_timeline(timeline)
    return _Ours(timeline, sealed=sealed)


async def _hand_over(origin: LedgerArchive, goal: LedgerArchive, ours: _Ours) -> None:
    with _blaming(_EITHER):
        # Two moves may be under way, and somebody may have gone further already.
        expected = Phase.SEALED if ours.sealed else Phase.LEAVING
        still = await origin.phase() is expected and await _timeline_of(origin) == ours.timeline
        if not still or await goal.phase() is not Phase.FILLING:
            raise MoveError("somebody else moved one of the two ledgers meanwhile", _AGAIN)
        if ours.sealed and await _timeline_of(goal) != ours.timeline + 1:
            raise MoveError(
                f"{_SOURCE} was moved elsewhere already, and not to the one named now",
                "Name with --to where it went.",
            )
        if await origin.is_incomplete():
            await goal.mark_incomplete()
        await goal.start_timeline(ours.timeline + 1)
    with _blaming(_SOURCE):
        # First, for from then on only this target can be what became of it.
        await origin.enter(Phase.SEALED)
    with _blaming(_TARGET):
        await goal.enter(Phase.SERVING)


async def _timeline_of(archive: LedgerArchive) -> int:
    return max((await archive.revisions()).values()) // CHANGES_PER_TIMELINE


async def _copy(origin: LedgerArchive, goal: LedgerArchive, tell: Tell) -> int:
    done = 0
    with _blaming(_SOURCE):
        total = await origin.count()
        async for records in origin.records():
            with _blaming(_TARGET):
                await goal.merge(records)
            done += len(records)
            tell(Progress(Step.COPIED, done, max(done, total)))
    return done


async def _phase_of_target(target: LedgerStore, store_id: str) -> Phase | None:
    with _blaming(_TARGET):
        try:
            archive = await target.archive(store_id)
        except LedgerMismatchError:
            return None  # or something else is there: `init` will not overwrite it
        async with aclosing(archive):
            return await archive.phase()


async def _make(target: LedgerStore, store_id: str) -> None:
    # If something is there already, it is of another move just now, or opening it will
    # say what it is.
    with _blaming(_TARGET), suppress(LedgerMismatchError):
        await target.init(store_id=store_id, phase=Phase.FILLING)


async def _reopen(goal: LedgerArchive, origin: LedgerArchive) -> None:
    """Let a ledger from before be filled, unless it went on where *origin* ended."""
    with _blaming(_EITHER):
        ahead = await count_missing(goal, origin, is_no_older)
    if ahead:
        raise MoveError(
            f"{_TARGET} knows {ahead} tags better than {_SOURCE}",
            "The other one is out of date: look which of your ledgers served last.",
        )
    with _blaming(_TARGET):
        await goal.enter(Phase.FILLING)


def _require_safe(begun: Phase, found: Phase | None) -> None:
    """Refuse a pair of which another ledger may be the continuation."""
    match begun, found:
        case Phase.SERVING, Phase.SERVING:
            raise MoveError(
                "both ledgers serve: they are the same, or one is a copy that must not serve",
                "Name two stores; if one is a copy, take it away before a tap counts twice.",
            )
        case Phase.SEALED, None | Phase.SEALED:
            raise MoveError(
                f"{_SOURCE} was moved elsewhere already, and not to the one named now",
                "Name with --from where it went.",
            )
        case Phase.LEAVING, Phase.SERVING:
            raise MoveError(
                f"{_TARGET} serves already, and not because of this move",
                "Look which of your ledgers is a copy, and take it away.",
            )
        case _, Phase.LEAVING:
            raise MoveError(
                f"a move out of {_TARGET} has not finished",
                "Finish that one first: run it again.",
            )
        case (Phase.RECOVERING, _) | (_, Phase.RECOVERING):
            raise MoveError(
                "one of the two ledgers is a copy that was not recovered yet",
                "Point NTAG424_STORE to it and run `ntag424-service recover` first.",
            )
        case Phase.FILLING, _:
            raise MoveError(
                f"a move into {_SOURCE} has not finished",
                "Finish that one first: run it again.",
            )


@asynccontextmanager
async def _opened(store: LedgerStore, store_id: str, side: str) -> AsyncIterator[LedgerArchive]:
    with _blaming(side):
        archive = await store.archive(store_id)
    async with aclosing(archive):
        yield archive


@contextmanager
def _blaming(side: str) -> Iterator[None]:
    """Say on which side a ledger could not do its part."""
    try:
        yield
    except LedgerError as error:
        hint = _AGAIN if error.hint == LedgerUnavailableError.hint else error.hint
        raise MoveError(f"{side}: {error}", hint) from error
