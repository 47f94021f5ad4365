"""`LedgerArchive` over Redis: bucket by bucket."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay._ledger import TagRecord
from ntag424.replay._place import place_of
from ntag424.replay._store import Phase
from ntag424.replay._witness import CHANGES_PER_TIMELINE
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._faults import unavailable
from ntag424.replay.redis._line import Line
from ntag424.replay.redis._patience import PatientLanes

#: Buckets whose phase is changed in one step: Redis answers nobody else meanwhile.
_BUCKETS_AT_A_TIME = 4096
#: Buckets that are read in one step.
_READ_AT_A_TIME = 256


class RedisArchive:
    """A ledger in Redis as a whole."""

    def __init__(self, lanes: PatientLanes, store_id: str) -> None:
        """Call `RedisStore.archive` instead."""
        self._lanes = lanes
        self._store_id = store_id
        self._marks = {_layout.mark(store_id, phase): phase for phase in Phase}

    async def phase(self) -> Phase:
        """See `LedgerArchive.phase`."""
        _, marks = await self._survey()
        return min((self._phase(mark) for mark in marks), key=list(Phase).index)

    async def enter(self, phase: Phase) -> None:
        """See `LedgerArchive.enter`."""
        mark = _layout.mark(self._store_id, phase)
        for share in await self._lanes.shares():
            for piece in pieces(share):
                command = _scripts.ENTER.call((), mark, *numbers(piece))
                await self._lanes.run(piece[0], command, writes=True)

    async def revisions(self) -> Mapping[int, int]:
        """See `LedgerArchive.revisions`."""
        revisions: dict[int, int] = {}
        for share in await self._lanes.shares():
            for piece in pieces(share):
                found = await self._ask(_scripts.REVISIONS, piece)
                revisions |= zip(map(_part, piece), map(int, found), strict=True)
        return revisions

    async def start_timeline(self, timeline: int) -> None:
        """See `LedgerArchive.start_timeline`."""
        start = b"%d" % (timeline * CHANGES_PER_TIMELINE)
        await self._write(_scripts.START_TIMELINE, start)

    async def is_incomplete(self) -> bool:
        """See `LedgerArchive.is_incomplete`."""
        # All buckets have the note, or none: it is made before a ledger serves.
        command = (b"HEXISTS", _layout.bucket_key(_layout.PLACES[0]), _layout.INCOMPLETE_FIELD)
        return await self._lanes.run(_layout.PLACES[0], command, writes=False) == 1

    async def mark_incomplete(self) -> None:
        """See `LedgerArchive.mark_incomplete`."""
        await self._write(_scripts.MARK_INCOMPLETE)

    async def mark_behind(self) -> None:
        """See `LedgerArchive.mark_behind`."""
        await self._write(_scripts.MARK_BEHIND, size=_READ_AT_A_TIME)

    async def count(self) -> int:
        """See `LedgerArchive.count`."""
        tags, _ = await self._survey()
        return tags

    async def records(self) -> AsyncIterator[Sequence[TagRecord]]:
        """See `LedgerArchive.records`."""
        for share in await self._lanes.shares():
            for piece in pieces(share, _READ_AT_A_TIME):
                buckets = await self._ask(_scripts.READ, piece)
                page = [record for bucket in buckets for record in self._records(bucket)]
                if page:
                    yield page

    async def merge(self, records: Sequence[TagRecord]) -> None:
        """See `LedgerArchive.merge`."""
        by_place: dict[bytes, list[bytes]] = defaultdict(list)
        for record in records:
            place = place_of(self._store_id, record.uid)
            by_place[place] += [record.uid, _layout.encode_record(record)]
        mark = _layout.mark(self._store_id, Phase.FILLING)
        calls = []
        for place, pairs in by_place.items():
            keys = (_layout.bucket_key(place), _layout.firsts_key(place))
            command = _scripts.MERGE.call(keys, mark, *pairs)
            calls.append(self._lanes.run(place, command, writes=True))
        await asyncio.gather(*calls)

    async def aclose(self) -> None:
        """See `LedgerArchive.aclose`."""
        await self._lanes.aclose()

    def _phase(self, mark: bytes | None) -> Phase:
        phase = None if mark is None else self._marks.get(mark)
        if phase is None:
            raise LedgerMismatchError(
                "this Redis does not hold all of the ledger that was initialised for this service"
            )
        return phase

    def _records(self, bucket: list[bytes]) -> Iterable[TagRecord]:
        members = dict(zip(bucket[::2], bucket[1::2], strict=True))
        self._phase(members.get(_layout.MARK_FIELD))
        return [
            _layout.decode_record(Uid(uid), value)
            for uid, value in members.items()
            if len(uid) == _layout.UID_SIZE
        ]

    async def _survey(self) -> tuple[int, set[bytes]]:
        """Count the tags, and collect the marks of all buckets."""
        tags, marks = 0, set()
        for share in await self._lanes.shares():
            for piece in pieces(share):
                number, *found = await self._ask(_scripts.SURVEY, piece)
                tags += number
                marks.update(found)
        return tags, marks

    async def _write(
        self, script: _scripts.Script, *arguments: bytes, size: int = _BUCKETS_AT_A_TIME
    ) -> None:
        """Run a script over all buckets, each bucket in one step."""
        mark = _layout.mark(self._store_id, Phase.RECOVERING)
        for share in await self._lanes.shares():
            for piece in pieces(share, size):
                command = script.call((), mark, *arguments, *numbers(piece))
                await self._lanes.run(piece[0], command, writes=True)

    async def _ask(self, script: _scripts.Script, places: Sequence[bytes]) -> list[Any]:
        """Run a script that only reads, over buckets of one master."""
        mark = _layout.mark(self._store_id, Phase.SERVING)
        command = script.call((), mark, *numbers(places))
        reply = await self._lanes.run(places[0], command, writes=False)
        if not isinstance(reply, list):
            raise LedgerUnavailableError("Redis answers in an unknown way")
        return reply


async def revisions_of(line: Line, mark: bytes, places: Sequence[bytes]) -> Mapping[int, int]:
    """Ask one master for the revisions of its buckets at *places*, by their numbers."""
    command = _scripts.REVISIONS.call((), mark, *numbers(places))
    (reply,) = await line.exchange([command], writes=False)
    if not isinstance(reply, list):
        raise (
            unavailable(reply)
            if isinstance(reply, ResponseError)
            else LedgerUnavailableError("Redis answers in an unknown way")
        )
    return dict(zip(map(_part, places), map(int, reply), strict=True))


def pieces(share: Sequence[bytes], size: int = _BUCKETS_AT_A_TIME) -> Iterable[Sequence[bytes]]:
    """Cut the places of one master into steps that are not too long."""
    for start in range(0, len(share), size):
        yield share[start : start + size]


def numbers(places: Sequence[bytes]) -> Iterable[bytes]:
    """Return the numbers of buckets, as their keys have them."""
    return (b"%d" % _part(place) for place in places)


def _part(place: bytes) -> int:
    return int.from_bytes(place, "big")
