"""Stores, opened the same way whatever they are made of.

To hold another implementation to the contract, write a class like `SqliteStore` and add
it to `STORES`.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ntag424.replay import SqliteLedger
from tests.contracts.manual_clock import ManualClock


class SqliteStore:
    """A new ledger in one file, opened as often as a test likes."""

    def __init__(self, folder):
        self._path = folder / "ledger.db"
        self._store_id = SqliteLedger.init(self._path)

    async def open(self, clock):
        return SqliteLedger.open(self._path, store_id=self._store_id, clock=clock)


STORES = {"sqlite": SqliteStore}

#: In memory where that is to be had: nothing that is promised here hangs on a slow disk.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=STORES)
def new_store(request):
    """Make a new, empty store."""
    with ExitStack() as folders:

        def new_store():
            return STORES[request.param](
                Path(folders.enter_context(TemporaryDirectory(dir=PLACE)))
            )

        yield new_store


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def open_ledger(new_store, clock):
    """Open one store again and again, as a restarted service, or another one, would."""
    store = new_store()
    opened = []

    async def open_ledger(clock=clock):
        opened.append(await store.open(clock))
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def ledger(open_ledger):
    return await open_ledger()
