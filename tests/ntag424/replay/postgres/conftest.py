"""A PostgreSQL for all tests of a process, and a schema of it for each."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count

import pytest

from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay.postgres import PostgresStore
from tests.ntag424.replay.postgres.speaking import (
    GRANT,
    NONCE,
    NOW,
    PATIENT,
    STORE_ID,
    UID,
    opened,
    tap,
)
from tests.servers.postgres import PostgresServer, StandbyPair, needs_postgres

SCHEMAS = count(1)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def server():
    needs_postgres()
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def pair():
    needs_postgres()
    with StandbyPair() as pair:
        yield pair


@pytest.fixture
def schema():
    return f"tags_{next(SCHEMAS)}"


@pytest.fixture
def url(server, schema):
    """Return where there is nothing yet."""
    return server.url(schema)


@pytest.fixture
def place(url):
    return PostgresStore.at(url)


@pytest.fixture
async def store(place):
    """A place with a ledger that expects taps of one tag from counter 1."""
    await place.init(store_id=STORE_ID)
    async with opened(place) as ledger:
        await ledger.enrol(UID, NOW, 0)
    return place


@pytest.fixture
def deadline(request):
    """Return how long a call may take: long, but where a server is to keep it waiting."""
    return PATIENT if {"frozen", "locked"}.isdisjoint(request.fixturenames) else DEADLINE_SECONDS


@pytest.fixture
async def ledger(store, deadline):
    async with opened(store, deadline=deadline) as ledger:
        yield ledger


@pytest.fixture
async def used(ledger):
    """A ledger in which a tap was accepted and has a session."""
    await ledger.redeem(tap(5), nonce=NONCE, grant=GRANT)
    return ledger


@pytest.fixture
async def archive(store):
    archive = await store.archive(STORE_ID)
    yield archive
    await archive.aclose()


@pytest.fixture
def database(server, schema, store):
    """Reach around the ledger."""
    with server.connect() as connection:
        connection.execute(f"SET search_path = {schema}")
        yield connection


@pytest.fixture
def settings(server):
    """Change settings of the server until the test is over."""
    changed = set()

    def change(**values):
        changed.update(values)
        server.set(**values)

    yield change
    server.set(**dict.fromkeys(changed))


@pytest.fixture
def frozen(server):
    """Let the server do nothing as long as a block runs; and never beyond the test."""

    @contextmanager
    def frozen():
        server.freeze()
        try:
            yield
        finally:
            server.thaw()

    return frozen
