"""Real servers, set up as they should be until a test sets one up otherwise."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ntag424.replay import store_at
from tests.ntag424.replay.redis.speaking import NOW, STORE_ID, UID
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def start(request):
    """Start a server with options of its own."""
    needs_redis()
    with ExitStack() as stack:
        yield lambda kind=RedisServer, **options: stack.enter_context(kind(**options))


@pytest.fixture
def server(start):
    return start(repl_diskless_sync_delay=0)


@pytest.fixture
async def open_ledger(anyio_backend, server):
    """Open a new ledger, with one tag enrolled, once more."""
    store = store_at(server.url)
    await store.init(store_id=STORE_ID)
    opened = []

    def open_ledger():
        opened.append(store.open(STORE_ID))
        return opened[-1]

    await open_ledger().enrol(UID, NOW, 0)
    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def ledger(open_ledger):
    ledger = open_ledger()
    await ledger.check()
    return ledger
