"""Real servers, set up as they should be until a test sets one up otherwise."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ntag424.replay import Witness, store_at
from ntag424.replay._examination import EVERY_SECONDS
from ntag424.replay.redis import RedisLedger
from ntag424.replay.redis._address import RedisAddress
from ntag424.replay.redis._lanes import lanes_to
from ntag424.replay.redis._observation import WitnessObserver
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
async def open_ledger(anyio_backend, server, tmp_path):
    """Open a new ledger, with one tag enrolled, once more: as a process of one machine does."""
    await store_at(server.url).init(store_id=STORE_ID)
    Witness.create(tmp_path / "witness", STORE_ID)
    opened = []

    def open_ledger(*, witness=None, examined_every=EVERY_SECONDS):
        witness = witness or Witness.open(tmp_path / "witness", STORE_ID)
        lanes = lanes_to(RedisAddress.parse(server.url), WitnessObserver(witness))
        ledger = RedisLedger(lanes, STORE_ID, None, witness, examined_every=examined_every)
        opened.append(ledger)
        return ledger

    await open_ledger().enrol(UID, NOW, 0)
    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def ledger(open_ledger):
    ledger = open_ledger()
    await ledger.check()
    return ledger
