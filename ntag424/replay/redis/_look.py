"""What an examination looks at: every master's settings, its revisions and its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from redis.exceptions import RedisError, ResponseError

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError, LedgerWentBackError
from ntag424.replay._witness import Witness
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._faults import lost, not_serving, unavailable
from ntag424.replay.redis._lanes import Connect, Lanes
from ntag424.replay.redis._line import Command, Line, Reply

#: Buckets whose revisions are read in one step: Redis answers nobody else meanwhile.
_AT_A_TIME = 512
#: One that hangs must not hide what is wrong with another.
_SECONDS_FOR_A_MASTER = 3.0


async def look(lanes: Lanes, mark: bytes, witness: Witness) -> None:
    """Look at every master of a serving ledger, which bears *mark*, over a connection of its own.

    Raises:
        LedgerWentBackError: a bucket is behind what *witness* knew before.
        LedgerUnsafeError: a server could accept a tap twice as it is set up.
        LedgerUnavailableError: not all could be looked at.

    """
    looks = (
        _look_at_master(connect, places, mark, witness)
        for connect, places in await lanes.masters()
    )
    findings = [finding for finding in await asyncio.gather(*looks) if finding is not None]
    for kind in (LedgerWentBackError, LedgerUnsafeError, LedgerUnavailableError):
        for finding in findings:
            if isinstance(finding, kind):
                raise finding


async def _look_at_master(
    connect: Connect, places: Sequence[bytes], mark: bytes, witness: Witness
) -> LedgerUnavailableError | None:
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_MASTER):
            line = await connect()
            try:
                await _look_along(line, places, mark, witness)
            finally:
                await line.aclose()
    except (RedisError, OSError, TimeoutError, LedgerUnavailableError) as error:
        return unavailable(error)
    return None


async def _look_along(line: Line, places: Sequence[bytes], mark: bytes, witness: Witness) -> None:
    witness.observe_time(line.clock_ms)
    is_behind, ahead = False, dict[int, int]()
    for piece in pieces(places, _AT_A_TIME):
        parts = list(map(_layout.part_of, piece))
        # Before the question: what is accepted meanwhile need not be in the answer.
        known = list(map(witness.revision, parts))
        command = _scripts.REVISIONS.call((), mark, *numbers(piece))
        revisions = _revisions(await _ask(line, command, writes=False), mark)
        for part, least, revision in zip(parts, known, revisions, strict=True):
            is_behind = is_behind or revision < least
            if revision > least:
                ahead[part] = revision
    # What was read counts once the replicas have it: else the witness would know of taps that
    # a failover may lose, and a former master could be taken for one that went back.
    await _ask(line, _scripts.CONFIRM.call((), b"", *numbers(places[:1])), writes=True)
    if is_behind:
        raise LedgerWentBackError
    witness.observe(ahead)


def _revisions(reply: Reply, mark: bytes) -> Sequence[int]:
    other, revisions = reply if isinstance(reply, list) else (b"", [])
    if other is None:
        return list(revisions)
    raise _fault(other, mark)


def _fault(other: bytes, mark: bytes) -> LedgerUnavailableError:
    is_ours = other[:-1] == mark[:-1]
    return (not_serving(other[-1:].decode()) if is_ours else None) or lost()


async def _ask(line: Line, command: Command, *, writes: bool) -> Reply:
    (reply,) = await line.exchange([command], writes=writes)
    if isinstance(reply, ResponseError):
        raise reply
    return reply


def pieces(share: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Cut the places of one master into steps that are not too long."""
    for start in range(0, len(share), size):
        yield share[start : start + size]


def numbers(places: Sequence[bytes]) -> Iterable[bytes]:
    """Return the numbers of buckets, as their keys have them."""
    return (b"%d" % _layout.part_of(place) for place in places)
