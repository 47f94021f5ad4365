"""A `LedgerStore` that is one SQLite file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from ntag424.arguments import require_text
from ntag424.errors import LedgerUnavailableError, StoreUrlError
from ntag424.replay._clock import Clock
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.sqlite import _schema
from ntag424.replay.sqlite._archive import SqliteArchive
from ntag424.replay.sqlite._ledger import SqliteLedger

_PREFIX = "sqlite:///"


class SqliteStore:
    """A place on this machine for one ledger."""

    def __init__(self, path: Path) -> None:
        _schema.require_path(path)
        self._path = path

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the place that *url* names; nothing is looked at yet.

        Raises:
            StoreUrlError: it names none.

        """
        require_text("url", url, instead='its URL, as "sqlite:///tags.db"')
        path = url.removeprefix(_PREFIX)
        if path in ("", url):
            raise StoreUrlError(
                "a SQLite ledger is named by a path",
                hint="Write sqlite:///relative/path or sqlite:////absolute/path.",
            )
        return cls(Path(path))

    async def init(self, *, store_id: str | None = None, phase: Phase = Phase.SERVING) -> str:
        """See `LedgerStore.init`."""
        try:
            return await asyncio.to_thread(
                _schema.init, self._path, store_id=store_id, phase=phase
            )
        except OSError as error:
            cause = error.strerror  # its text would name the path
            raise LedgerUnavailableError(f"the ledger cannot be written ({cause})") from error

    async def migrate(self) -> int:
        """See `LedgerStore.migrate`."""
        return await asyncio.to_thread(_schema.migrate, self._path)

    def open(
        self,
        store_id: str,
        *,
        clock: Clock | None = None,
        witness: Witness | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> SqliteLedger:
        """See `LedgerStore.open`."""
        return SqliteLedger.open(
            self._path, store_id=store_id, clock=clock, witness=witness, deadline=deadline
        )

    async def archive(self, store_id: str) -> SqliteArchive:
        """See `LedgerStore.archive`."""
        return await asyncio.to_thread(SqliteArchive.open, self._path, store_id=store_id)
