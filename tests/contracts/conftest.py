"""Stores, opened the same way whatever they are made of."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings

from tests.contracts.deployments import DEPLOYMENTS, Deployments, SqliteDeployment
from tests.contracts.manual_clock import ManualClock

#: The same for all, so that tests can tell where a tag's place is.
STORE_ID = "5e" * 16
#: No machine is so busy that an answer takes longer.
PATIENT = 60.0


class Store:
    """A new ledger, opened as often as a test likes."""

    def __init__(self, store):
        self._store = store

    async def open(self, clock, deadline=PATIENT):
        return self._store.open(STORE_ID, clock=clock, deadline=deadline)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def deployments():
    deployments = Deployments()
    yield deployments
    deployments.stop()


#: One process for each: servers are dear.
EACH = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"ledgers: {name}")) for name in DEPLOYMENTS
]


@pytest.fixture(params=EACH)
def deployment(request, deployments):
    return deployments.get(request.param)


@pytest.fixture
def new_store(deployment):
    """Make a new, empty store."""

    def new_store(runner=asyncio):
        return Store(runner.run(deployment.new_store(STORE_ID)))

    return new_store


@pytest.fixture
def examples(deployment):
    """As many as there is time for: across a network each step costs ten times as much."""
    chosen = settings()
    fewer = settings(max_examples=max(1, chosen.max_examples // 5))
    return chosen if isinstance(deployment, SqliteDeployment) else fewer


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def open_ledger(deployment, clock):
    """Open one store again and again, as a restarted service, or another one, would."""
    store = Store(await deployment.new_store(STORE_ID))
    opened = []

    async def open_ledger(clock=clock, **options):
        opened.append(await store.open(clock, **options))
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def ledger(open_ledger):
    return await open_ledger()
