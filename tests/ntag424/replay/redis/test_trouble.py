"""Whatever becomes of Redis: no session while in doubt, and no used tap ever again."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerWentBackError
from ntag424.replay import Accepted, EnrolmentPolicy, Replayed, store_at
from tests.contracts.manual_clock import ManualClock
from tests.contracts.waiting import until_it_serves
from tests.ntag424.replay.redis.speaking import (
    BUCKET,
    NONCE,
    STORE_ID,
    grant,
    tap,
)
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.anyio

OPEN = EnrolmentPolicy.OPEN
#: A deadline of a ledger's own would be missed by far.
PATIENCE = 5


def flush(server):
    server.client().flushall()


def lose_the_bucket(server):
    server.client().delete(BUCKET)


def evict_everything(server):
    """Do as a Redis does whose memory is full and which may throw away what it likes."""
    client = server.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", 1_000_000)  # less than it takes with nothing in it
    wait_until(lambda: not client.exists(BUCKET), "it threw the tag's bucket away")


def fill_up(server):
    server.client().config_set("maxmemory", 1_000_000)


def demote(server):
    server.client().replicaof("127.0.0.1", 1)


def freeze(server):
    server.freeze()


def kill(server):
    server.kill()


TROUBLE = [flush, lose_the_bucket, evict_everything, fill_up, demote, freeze, kill]


def repair(server, trouble):
    """Undo what can be undone."""
    server.recover()
    client = server.client()
    client.replicaof("NO", "ONE")
    client.config_set("maxmemory", 0)
    client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: trouble.__name__)
@pytest.mark.parametrize("policy", EnrolmentPolicy)
async def test_in_trouble_no_tap_is_decided(server, ledger, trouble, policy):
    trouble(server)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LedgerUnavailableError):
            await ledger.redeem(tap(1), nonce=NONCE, grant=grant(), policy=policy)


@pytest.mark.parametrize(
    # Of a full Redis it may be told: what it still has says that the tap is used.
    "trouble",
    [trouble for trouble in TROUBLE if trouble is not fill_up],
    ids=lambda trouble: trouble.__name__,
)
async def test_in_trouble_a_node_that_just_started_decides_no_tap(server, open_ledger, trouble):
    await open_ledger().redeem(tap(1))
    trouble(server)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LedgerUnavailableError):
            await open_ledger().redeem(tap(1), policy=OPEN)


@pytest.mark.parametrize("trouble", [fill_up, demote, freeze, kill], ids=lambda t: t.__name__)
async def test_after_the_trouble_a_fresh_tap_is_accepted(server, ledger, trouble):
    await ledger.redeem(tap(1))
    trouble(server)
    with pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(2))
    repair(server, trouble)
    await until_it_serves(ledger)
    assert await ledger.redeem(tap(3)) == Accepted()


@pytest.mark.parametrize("trouble", [fill_up, demote, freeze, kill], ids=lambda t: t.__name__)
async def test_after_the_trouble_a_used_tap_is_still_used(server, open_ledger, trouble):
    await open_ledger().redeem(tap(1))
    trouble(server)
    repair(server, trouble)
    fresh_node = open_ledger()
    await until_it_serves(fresh_node)
    assert await fresh_node.redeem(tap(1)) == Replayed()


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: trouble.__name__)
async def test_what_was_refused_in_trouble_has_no_session(server, ledger, trouble):
    trouble(server)
    with pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(1), grant=grant())
    repair(server, trouble)
    if trouble in {flush, lose_the_bucket, evict_everything}:
        with pytest.raises(LedgerUnavailableError):
            await ledger.grant(grant().digest)
    elif trouble is not freeze:  # it may have done what nobody heard of
        await until_it_serves(ledger)
        assert await ledger.grant(grant().digest) is None


async def test_a_bucket_that_went_back_decides_nothing(server, ledger):
    await ledger.redeem(tap(1))
    before = server.client().dump(BUCKET)
    await ledger.redeem(tap(7))
    server.client().restore(BUCKET, 0, before, replace=True)
    with pytest.raises(LedgerWentBackError):
        await ledger.redeem(tap(7))


async def test_a_ledger_that_was_made_anew_beside_the_nodes_accepts_nothing_used(server, ledger):
    await ledger.redeem(tap(7))
    flush(server)
    await store_at(server.url).init(store_id=STORE_ID)
    with pytest.raises(LedgerWentBackError):
        await ledger.redeem(tap(7), policy=OPEN)


async def test_another_history_of_the_same_server_is_looked_at_before_it_counts(server, ledger):
    demote(server)
    server.client().replicaof("NO", "ONE")  # a master again, but nobody knows since when
    with pytest.raises(LedgerUnavailableError, match="another Redis"):
        await ledger.redeem(tap(1))


async def test_another_history_counts_once_it_was_looked_at(server, ledger):
    demote(server)
    server.client().replicaof("NO", "ONE")
    with pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(1))
    assert await ledger.redeem(tap(2)) == Accepted()


async def test_a_server_that_lost_our_scripts_is_told_them_again(server, ledger):
    server.client().script_flush()
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_tap_without_its_script_is_used_once_all_the_same(server, ledger):
    server.client().script_flush()
    assert [await ledger.redeem(tap(1)) for _ in range(2)] == [Accepted(), Replayed()]


async def test_a_full_memory_is_seen_by_the_check(server, ledger):
    fill_up(server)
    with pytest.raises(LedgerUnavailableError):
        await ledger.check()


async def test_counters_never_expire(server, ledger):
    await ledger.redeem(tap(1), nonce=NONCE, grant=grant())
    assert server.client().ttl(BUCKET) == -1


async def test_nonces_and_sessions_do_not_stay(server, ledger):
    await ledger.redeem(tap(1), nonce=NONCE, grant=grant())
    client = server.client()
    keys = [key for key in client.keys("ntag424:*") if not key.endswith(b"}") or b":s:" in key]
    assert sorted(client.ttl(key) for key in keys) == [60, 360]


async def test_a_session_ends_by_the_clock_of_redis(server, ledger):
    accepted = await ledger.redeem(tap(1), grant=grant())
    seconds, _ = server.client().time()
    assert accepted.expires_at - seconds in {299, 300}


@pytest.mark.parametrize("seconds", [1, 86_400])
async def test_a_clock_set_back_past_its_making_revives_no_session(server, open_ledger, seconds):
    clock = ManualClock()
    ledger = store_at(server.url).open(STORE_ID, clock=clock)
    await ledger.redeem(tap(1), grant=grant())
    clock.advance(seconds=-seconds)
    live = await ledger.grant(grant().digest)
    await ledger.aclose()
    assert live is None


async def test_a_node_that_keeps_time_a_little_behind_takes_the_session_of_another(
    server, open_ledger
):
    clock = ManualClock()
    ledger = store_at(server.url).open(STORE_ID, clock=clock)
    await ledger.redeem(tap(1), grant=grant())
    clock.advance(seconds=-0.3)
    live = await ledger.grant(grant().digest)
    await ledger.aclose()
    assert live.remaining == 300


async def test_a_grant_of_another_place_is_a_mistake_of_the_caller(ledger):
    elsewhere = bytes(byte ^ 1 for byte in grant().digest)
    with pytest.raises(ValueError, match="place"):
        await ledger.redeem(tap(1), grant=type(grant())(elsewhere, 300))
