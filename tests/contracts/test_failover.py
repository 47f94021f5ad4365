"""The server that took the taps is lost, and another takes its place."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from ntag424.replay import store_at
from ntag424.replay.redis import RedisStore
from ntag424.replay.redis._connection import Role
from ntag424.replay.redis._url import RedisAddress, Requirements
from tests.contracts.conftest import STORE_ID
from tests.contracts.failing_over import (
    PARTITION_SECONDS,
    Tapping,
    acknowledged_and_lost,
    enrol_everybody,
)
from tests.servers.postgres import StandbyPair
from tests.servers.redis_sentinel import SentinelDeployment

pytestmark = pytest.mark.anyio

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ROUNDS = 20 if NIGHTLY else 3
POSTGRES_ROUNDS = 10 if NIGHTLY else 3


@pytest.fixture(scope="module")
def sentinels():
    with SentinelDeployment() as servers:
        yield servers


async def partition_and_fail_over(servers):
    """Cut the replica off, let taps go on for a moment, and lose the master."""
    await asyncio.to_thread(servers.cut_replication)
    await asyncio.sleep(PARTITION_SECONDS)
    await asyncio.to_thread(servers.fail_over)


async def fail_over(servers):
    """Lose the primary, and give the one that takes its place a standby."""
    await asyncio.to_thread(servers.fail_over)


async def rounds_of(store, disaster, servers):
    """Let everybody tap through one *disaster* after the other; give what each one lost.

    The node dies with the server: what it remembers saves nothing.
    """
    handed_in = await enrol_everybody(store)
    while True:
        ledger = store.open(STORE_ID)
        tapping = Tapping(ledger, handed_in)
        await tapping.run_until(lambda: disaster(servers))
        await ledger.aclose()
        if isinstance(servers, SentinelDeployment):
            await asyncio.to_thread(servers.rejoin)
        yield await acknowledged_and_lost(store, tapping)


async def first(number, rounds):
    """Play so many rounds."""
    return [await anext(rounds) for _ in range(number)]


@pytest.mark.xdist_group("ledgers: failover of redis")
async def test_no_acknowledged_tap_is_lost_when_sentinels_elect_another_master(sentinels):
    sentinels.master.client().flushall()
    store = store_at(sentinels.url)
    await store.init(store_id=STORE_ID)
    rounds = rounds_of(store, partition_and_fail_over, sentinels)
    assert await first(ROUNDS, rounds) == [0] * ROUNDS


@pytest.mark.xdist_group("ledgers: failover of redis")
async def test_without_waiting_for_the_replica_taps_are_lost(sentinels, monkeypatch):
    """Without this one the test above might be unable to fail."""
    monkeypatch.setattr(Role, "require_waited_for", lambda *_: None)
    address = RedisAddress.parse(sentinels.url)
    careless = RedisStore(
        replace(address, requirements=Requirements(0, trusts_unseen_settings=False))
    )
    sentinels.master.client().flushall()
    await careless.init(store_id=STORE_ID)
    async for lost in rounds_of(careless, partition_and_fail_over, sentinels):
        if lost:
            return  # a round may be lucky


@pytest.mark.xdist_group("ledgers: failover of postgresql")
async def test_no_acknowledged_tap_is_lost_when_a_postgresql_primary_dies():
    with StandbyPair() as servers:
        store = store_at(servers.url())
        await store.init(store_id=STORE_ID)
        rounds = rounds_of(store, fail_over, servers)
        assert await first(POSTGRES_ROUNDS, rounds) == [0] * POSTGRES_ROUNDS
