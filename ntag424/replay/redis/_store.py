"""`LedgerStore` and `LedgerArchive` over Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from ntag424.arguments import require_text
from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS
from ntag424.replay._ledger import DEADLINE_SECONDS, TagRecord
from ntag424.replay._place import place_of
from ntag424.replay._store import Phase
from ntag424.replay._witness import CHANGES_PER_TIMELINE, Witness
from ntag424.replay.redis import _layout
from ntag424.replay.redis._ledger import RedisLedger, numbers, pieces
from ntag424.replay.redis._routing import RetryingRouter, Router, router_to
from ntag424.replay.redis._url import RedisAddress

#: Buckets whose phase is changed in one step: Redis answers nobody else meanwhile.
BUCKETS_AT_A_TIME = 4096
#: Buckets that are read in one step, and those whose records are all written.
_READ_AT_A_TIME, _WRITTEN_AT_A_TIME = 256, 64


class RedisArchive:
    """A ledger in Redis as a whole."""

    def __init__(self, router: Router, store_id: str) -> None:
        """Call `RedisStore.archive` instead."""
        self._router = router
        self._store_id = store_id
        self._marks = {_layout.mark(store_id, phase): phase for phase in Phase}

    async def phase(self) -> Phase:
        """See `LedgerArchive.phase`."""
        _, _, marks = await self._survey()
        return min((self._phase(mark) for mark in marks), key=list(Phase).index)

    async def enter(self, phase: Phase) -> None:
        """See `LedgerArchive.enter`."""
        forgets = phase in {Phase.FILLING, Phase.RECOVERING}
        size = _WRITTEN_AT_A_TIME if forgets else BUCKETS_AT_A_TIME
        await self._run(_layout.ENTER, _layout.mark(self._store_id, phase), size)

    async def revisions(self) -> Mapping[int, int]:
        """See `LedgerArchive.revisions`."""
        revisions: dict[int, int] = {}
        for share in await self._router.shares():
            for piece in pieces(share, BUCKETS_AT_A_TIME):
                _, found = await self._ask(_layout.REVISIONS, piece)
                revisions.update(zip(map(_layout.part_of, piece), found, strict=True))
            # What was read counts once the replicas have it: see `look`.
            command = _layout.CONFIRM.call((), b"", *numbers(share[:1]))
            await self._router.run(share[0], command, writes=True)
        return revisions

    async def start_timeline(self, timeline: int) -> None:
        """See `LedgerArchive.start_timeline`."""
        if not 0 <= timeline <= _layout.LAST_TIMELINE:
            raise ValueError(f"a timeline in Redis is 0 to {_layout.LAST_TIMELINE}")
        start = b"%d" % (timeline * CHANGES_PER_TIMELINE)
        await self._run(_layout.TIMELINE, start, BUCKETS_AT_A_TIME)

    async def is_incomplete(self) -> bool:
        """See `LedgerArchive.is_incomplete`."""
        _, incomplete, _ = await self._survey()
        return incomplete > 0

    async def mark_incomplete(self) -> None:
        """See `LedgerArchive.mark_incomplete`."""
        await self._run(_layout.INCOMPLETE, b"", BUCKETS_AT_A_TIME)

    async def mark_behind(self) -> None:
        """See `LedgerArchive.mark_behind`."""
        await self._run(_layout.BEHIND, b"", _WRITTEN_AT_A_TIME)

    async def count(self) -> int:
        """See `LedgerArchive.count`."""
        tags, _, _ = await self._survey()
        return tags

    async def records(self) -> AsyncIterator[Sequence[TagRecord]]:
        """See `LedgerArchive.records`."""
        for share in await self._router.shares():
            for piece in pieces(share, _READ_AT_A_TIME):
                buckets = await self._ask(_layout.READ, piece)
                page = [record for bucket in buckets for record in self._records(bucket)]
                if page:
                    yield page

    async def merge(self, records: Sequence[TagRecord]) -> None:
        """See `LedgerArchive.merge`."""
        by_place: dict[bytes, list[bytes]] = defaultdict(list)
        for record in records:
            place = place_of(self._store_id, record.uid)
            by_place[place] += [record.uid, _layout.encode_record(record)]
        mark = _layout.mark(self._store_id, Phase.SERVING)  # any phase will do
        calls = []
        for place, pairs in by_place.items():
            keys = (_layout.bucket_key(place), _layout.firsts_key(place))
            command = _layout.MERGE.call(keys, mark, *pairs)
            calls.append(self._router.run(place, command, writes=True))
        await asyncio.gather(*calls)

    async def aclose(self) -> None:
        """See `LedgerArchive.aclose`."""
        await self._router.aclose()

    def _phase(self, mark: bytes | None) -> Phase:
        phase = None if mark is None else self._marks.get(mark)
        if phase is None:
            raise LedgerMismatchError(
                "this Redis does not hold all of the ledger that was initialised for this service"
            )
        return phase

    def _records(self, bucket: list[bytes]) -> Iterable[TagRecord]:
        members = dict(zip(bucket[::2], bucket[1::2], strict=True))
        self._phase(members.pop(_layout.MARK_FIELD, None))
        for field in _layout.OTHER_FIELDS:
            members.pop(field, None)
        return [_layout.decode_record(Uid(uid), value) for uid, value in members.items()]

    async def _survey(self) -> tuple[int, int, set[bytes]]:
        """Count tags and buckets that are incomplete, and collect the marks of all buckets."""
        tags, incomplete, marks = 0, 0, set[bytes]()
        for share in await self._router.shares():
            for piece in pieces(share, BUCKETS_AT_A_TIME):
                some_tags, some_incomplete, *found = await self._ask(_layout.SURVEY, piece)
                tags += some_tags
                incomplete += some_incomplete
                marks.update(found)
        return tags, incomplete, marks

    async def _run(self, script: _layout.Script, argument: bytes, size: int) -> None:
        """Run a script that writes, over all buckets, so many in a step."""
        for share in await self._router.shares():
            for piece in pieces(share, size):
                command = script.call((), argument, *numbers(piece))
                await self._router.run(piece[0], command, writes=True)

    async def _ask(self, script: _layout.Script, places: Sequence[bytes]) -> list[Any]:
        """Run a script that only reads, over buckets of one master."""
        command = script.call((), b"", *numbers(places))
        reply = await self._router.run(places[0], command, writes=False)
        if not isinstance(reply, list):
            raise LedgerUnavailableError("Redis answers in an unknown way")
        return reply


class RedisStore:
    """A Redis, a master known to sentinels, or a Redis Cluster."""

    def __init__(self, address: RedisAddress, *, examined_every: float = EVERY_SECONDS) -> None:
        self._address = address
        self._examined_every = examined_every

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the store that *url* names; nothing is connected yet.

        Raises:
            StoreUrlError: the URL is malformed or unsafe.

        """
        require_text("url", url, instead='its URL, as "redis://host"')
        return cls(RedisAddress.parse(url))

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """See `LedgerStore.init`."""
        store_id = store_id or secrets.token_hex(16)
        mark = _layout.mark(store_id, phase)
        async with self._router() as router:
            for share in await router.shares():
                for piece in pieces(share, BUCKETS_AT_A_TIME):
                    command = _layout.FOUND.call((), mark, *numbers(piece))
                    if await router.run(piece[0], command, writes=True) != b"founded":
                        text = "something is there already; init never overwrites"
                        raise LedgerMismatchError(text)
        return store_id

    async def migrate(self) -> int:
        """See `LedgerStore.migrate`. There is only one layout yet."""
        return 0

    def open(
        self,
        store_id: str,
        *,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> RedisLedger:
        """See `LedgerStore.open`."""
        witness = witness or Witness.in_memory()
        router = router_to(self._address, witness, deadline)
        every = self._examined_every
        return RedisLedger(router, store_id, clock, witness, examined_every=every)

    async def archive(self, store_id: str) -> RedisArchive:
        """See `LedgerStore.archive`."""
        archive = RedisArchive(RetryingRouter(router_to(self._address)), store_id)
        try:
            await archive.phase()
        except BaseException:
            await archive.aclose()
            raise
        return archive

    @asynccontextmanager
    async def _router(self) -> AsyncIterator[Router]:
        router = RetryingRouter(router_to(self._address))
        try:
            yield router
        finally:
            await router.aclose()
