"""A `LedgerStore` that is one schema of a PostgreSQL database."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.postgres import _schema
from ntag424.replay.postgres._address import Address
from ntag424.replay.postgres._archive import PostgresArchive
from ntag424.replay.postgres._connection import Connection
from ntag424.replay.postgres._gates import Gates
from ntag424.replay.postgres._ledger import PostgresLedger

# Nobody holds a phone while a schema is made or a ledger is moved.
_PATIENCE_SECONDS = 30.0


class PostgresStore:
    """A place for one ledger, on any number of machines."""

    def __init__(self, address: Address, *, every: float = EVERY_SECONDS) -> None:
        """Call `at` instead. An open ledger is examined *every* so many seconds."""
        self._address = address
        self._every = every
        self._gates = Gates(address.schema)

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the place that *url* names; nothing is looked at yet.

        `postgresql://[user@]host[:port][,host...]/database` with libpq's parameters and
        `schema`, by default `ntag424`.

        Raises:
            StoreUrlError: it is malformed or unsafe.

        """
        return cls(Address.of(url))

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """See `LedgerStore.init`."""
        store_id = secrets.token_hex(16) if store_id is None else store_id
        if not re.fullmatch("[0-9a-f]{32}", store_id):
            raise ValueError("the id of a store has 32 hex digits")
        async with self._visit() as connection:
            await _schema.init(connection, self._gates, store_id, phase)
        return store_id

    async def migrate(self) -> int:
        """See `LedgerStore.migrate`."""
        async with self._visit() as connection:
            return await _schema.migrate(connection, self._gates)

    def open(
        self,
        store_id: str,
        *,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> PostgresLedger:
        """See `LedgerStore.open`; the server is asked when the ledger first is."""

        async def prepare(connection: Connection) -> int:
            """Pass all gates, and return what the server's clock shows."""
            now = await self._prepare(connection, store_id)
            await self._gates.pass_serving(connection, store_id)
            return now

        return PostgresLedger(
            store_id,
            clock,
            self._connect,
            prepare,
            witness=witness,
            every=self._every,
            deadline=deadline,
        )

    async def archive(self, store_id: str) -> PostgresArchive:
        """See `LedgerStore.archive`."""
        prepare = partial(self._prepare, store_id=store_id)
        async with self._visit() as connection:
            await prepare(connection)
        return PostgresArchive(store_id, self._connect_patiently, prepare)

    async def _prepare(self, connection: Connection, store_id: str) -> int:
        now = await self._gates.pass_server(connection)
        await self._gates.pass_store(connection, store_id)
        return now

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[Connection]:
        connection = await self._connect_patiently()
        try:
            yield connection
        finally:
            await connection.aclose()

    async def _connect(self) -> Connection:
        return await Connection.open(self._address.conninfos)

    async def _connect_patiently(self) -> Connection:
        return await Connection.open(self._address.conninfos, patience=_PATIENCE_SECONDS)
