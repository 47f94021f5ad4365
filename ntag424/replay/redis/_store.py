"""`LedgerStore` over Redis."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from ntag424.errors import LedgerMismatchError
from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._address import RedisAddress
from ntag424.replay.redis._archive import BUCKETS_AT_A_TIME, RedisArchive
from ntag424.replay.redis._lanes import Lanes, lanes_to
from ntag424.replay.redis._ledger import RedisLedger
from ntag424.replay.redis._look import numbers, pieces
from ntag424.replay.redis._patience import PatientLanes


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
        return cls(RedisAddress.parse(url))

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """See `LedgerStore.init`."""
        store_id = store_id or secrets.token_hex(16)
        mark = _layout.mark(store_id, phase)
        async with self._lanes() as lanes:
            for share in await lanes.shares():
                for piece in pieces(share, BUCKETS_AT_A_TIME):
                    command = _scripts.FOUND.call((), mark, *numbers(piece))
                    if await lanes.run(piece[0], command, writes=True) != b"founded":
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
        lanes = lanes_to(self._address, witness, deadline)
        every = self._examined_every
        return RedisLedger(lanes, store_id, clock, witness, examined_every=every)

    async def archive(self, store_id: str) -> RedisArchive:
        """See `LedgerStore.archive`."""
        archive = RedisArchive(PatientLanes(lanes_to(self._address)), store_id)
        try:
            await archive.phase()
        except BaseException:
            await archive.aclose()
            raise
        return archive

    @asynccontextmanager
    async def _lanes(self) -> AsyncIterator[Lanes]:
        lanes = PatientLanes(lanes_to(self._address))
        try:
            yield lanes
        finally:
            await lanes.aclose()
