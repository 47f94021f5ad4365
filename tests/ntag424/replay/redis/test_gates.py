"""A Redis that could accept a tap twice is not used, and the refusal says what to change."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerUnsafeError,
    LedgerWentBackError,
)
from ntag424.replay import Accepted, Phase, Witness, store_at
from ntag424.replay.redis._layout import mark
from ntag424.replay.redis._ledger import look
from ntag424.replay.redis._routing import router_to
from ntag424.replay.redis._url import RedisAddress
from tests.contracts.waiting import until_it_serves
from tests.ntag424.replay.redis.speaking import NOW, PART, STORE_ID, UID, tap
from tests.servers.redis_server import SecuredRedisServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.anyio

UNSEEN = "unseen_settings=may_accept_taps_twice"


async def refusal_of(ledger):
    """Let a new ledger look at the server; give what it says against it."""
    with pytest.raises(LedgerUnsafeError) as refused:
        await ledger.check()
    return f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("maxmemory-policy", "volatile-ttl", "noeviction"),
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("appendfsync", "no", "always"),
        ("hash-max-listpack-entries", "128", "512"),
    ],
)
async def test_each_setting_that_matters_is_looked_at(server, open_ledger, setting, wrong, right):
    server.client().config_set(setting, wrong)
    assert f"CONFIG SET {setting} {right}" in await refusal_of(open_ledger())


async def test_with_a_refused_server_no_tap_is_decided(server, open_ledger):
    server.client().config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(LedgerUnsafeError):
        await open_ledger().redeem(tap(1))


async def test_a_server_that_was_mended_is_used(server, open_ledger):
    server.client().config_set("appendfsync", "no")
    ledger = open_ledger()
    await refusal_of(ledger)
    server.client().config_set("appendfsync", "always")
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_replica_is_not_asked(server, open_ledger):
    server.client().replicaof("127.0.0.1", 1)
    with pytest.raises(LedgerUnavailableError, match="not the master"):
        await open_ledger().check()


async def test_a_server_that_holds_nothing_is_not_taken_for_a_new_ledger(server):
    with pytest.raises(LedgerUnavailableError, match="missing"):
        await _check(store_at(server.url).open(STORE_ID))


async def test_a_server_with_the_ledger_of_another_service_is_refused(server, open_ledger):
    with pytest.raises(LedgerUnavailableError, match="missing"):
        await _check(store_at(server.url).open("0" * 32))


async def test_a_ledger_is_made_where_nothing_is_and_nowhere_else(server, open_ledger):
    with pytest.raises(LedgerMismatchError, match="never overwrites"):
        await store_at(server.url).init()


# --- replicas


@pytest.fixture
def replica(start, server):
    return start(replicaof=("127.0.0.1", server.port))


def has_replica(server):
    info = server.client().info("replication")
    return info.get("connected_slaves") == 1 and info["slave0"]["state"] == "online"


def has_its_own_file(replica):
    """Whether the replica is done with writing down what it was given at first."""
    info = replica.client().info("persistence")
    return not (
        info["loading"] or info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]
    )


@pytest.fixture
def pair(server, replica):
    wait_until(lambda: has_replica(server) and has_its_own_file(replica), "the replica follows")
    return server


async def test_a_replica_for_which_nobody_waits_is_refused(open_ledger, pair):
    assert "replicas=1" in await refusal_of(open_ledger())


async def test_what_was_refused_for_a_replica_was_not_used_up(open_ledger, pair):
    with pytest.raises(LedgerUnsafeError):
        await open_ledger().redeem(tap(1))
    waiting = store_at(f"{pair.url}?replicas=1").open(STORE_ID)
    await until_it_serves(waiting)
    verdict = await waiting.redeem(tap(1))
    await waiting.aclose()
    assert verdict == Accepted()


async def test_a_replica_that_comes_later_is_refused_too(start, server, open_ledger):
    ledger = open_ledger()
    await ledger.check()
    start(replicaof=("127.0.0.1", server.port))
    wait_until(lambda: has_replica(server), "the replica follows")
    with pytest.raises(LedgerUnsafeError, match="take over"):
        await ledger.redeem(tap(1))


@pytest.fixture
async def waiting_ledgers(pair):
    """Two nodes whose taps wait for the replica."""
    store = store_at(f"{pair.url}?replicas=1")
    await store.init(store_id=STORE_ID)
    ledgers = [store.open(STORE_ID) for _ in range(2)]
    for ledger in ledgers:
        await until_it_serves(ledger)  # the replica may still be writing its first file
    await ledgers[0].enrol(UID, NOW, 0)
    yield ledgers
    for ledger in ledgers:
        await ledger.aclose()


async def test_a_tap_that_the_replica_has_is_accepted(waiting_ledgers):
    assert await waiting_ledgers[0].redeem(tap(1)) == Accepted()


async def test_a_tap_that_the_replica_has_not_earns_nothing(waiting_ledgers, replica):
    replica.freeze()
    with pytest.raises(LedgerUnavailableError, match="too few"):
        await waiting_ledgers[0].redeem(tap(1))


async def test_a_repeat_waits_for_the_replica_too(waiting_ledgers, replica):
    """Else it would earn what the first request was refused, and a failover frees the tap."""
    replica.freeze()
    for ledger in waiting_ledgers:
        with pytest.raises(LedgerUnavailableError, match="too few"):
            await ledger.redeem(tap(1), nonce=bytes(16))


async def test_what_the_replica_has_not_is_not_remembered(pair, waiting_ledgers, replica):
    """A failover may lose it, and that is no alarm."""
    address, witness = RedisAddress.parse(f"{pair.url}?replicas=1"), Witness.in_memory()
    before = await looked_at(address, witness)
    replica.freeze()
    with pytest.raises(LedgerUnavailableError, match="too few"):
        await waiting_ledgers[0].redeem(tap(1))
    with pytest.raises(LedgerUnavailableError, match="too few"):
        await looked_at(address, witness)
    assert witness.revision(PART) == before == 1


async def looked_at(address, witness):
    """Do as an examination does; give how far the tag's bucket is known to be."""
    router = router_to(address)
    await look(router, mark(STORE_ID, Phase.SERVING), witness)
    await router.aclose()
    return witness.revision(PART)


@pytest.fixture
async def parted(pair, waiting_ledgers, replica):
    """A node at a master that lost its replica: this machine has seen a newer one elsewhere."""
    witness = Witness.in_memory()
    ledger = store_at(f"{pair.url}?replicas=1").open(STORE_ID, witness=witness)
    await ledger.redeem(tap(1))
    replica.freeze()
    witness.observe({PART: witness.revision(PART) + 1})
    yield ledger
    await ledger.aclose()


async def test_a_former_master_is_not_taken_for_one_that_went_back(parted):
    with pytest.raises(LedgerUnavailableError, match="too few"):
        await parted.redeem(tap(2))


async def test_what_a_former_master_says_of_a_tag_is_refused_for_once(parted):
    with pytest.raises(LedgerWentBackError):
        await parted.find(UID)
    with pytest.raises(LedgerUnavailableError, match="too few"):
        await parted.check()


async def test_taps_are_accepted_again_once_the_replica_follows(waiting_ledgers, replica):
    replica.freeze()
    with pytest.raises(LedgerUnavailableError):
        await waiting_ledgers[0].redeem(tap(1))
    replica.thaw()
    await until_it_serves(waiting_ledgers[0])
    assert await waiting_ledgers[0].redeem(tap(2)) == Accepted()


async def test_with_a_replica_the_disk_may_be_a_second_behind(pair):
    pair.client().config_set("appendfsync", "everysec")
    store = store_at(f"{pair.url}?replicas=1")
    await store.init(store_id=STORE_ID)
    await _check(store.open(STORE_ID))


# --- servers that hide their settings


@pytest.fixture
async def secured(start, anyio_backend):
    server = start(SecuredRedisServer)
    await store_at(server.url).init(store_id=STORE_ID)
    return server


async def test_over_tls_with_few_rights_all_is_well(secured):
    await _check(store_at(secured.url).open(STORE_ID))


@pytest.mark.parametrize("right", ["config|get", "acl|dryrun"])
async def test_settings_that_are_hidden_are_not_taken_to_be_right(secured, right):
    secured.client().execute_command("ACL", "SETUSER", secured.USER, f"-{right}")
    ledger = store_at(secured.url).open(STORE_ID)
    assert f"+{right}" in await refusal_of(ledger)
    await ledger.aclose()


@pytest.mark.parametrize("right", ["config|get", "acl|dryrun"])
async def test_hidden_settings_can_be_vouched_for(secured, right):
    secured.client().execute_command("ACL", "SETUSER", secured.USER, f"-{right}")
    await _check(store_at(f"{secured.url}&{UNSEEN}").open(STORE_ID))


async def test_settings_that_are_seen_are_looked_at_whoever_vouches(secured):
    secured.client().config_set("appendonly", "no")
    ledger = store_at(f"{secured.url}&{UNSEEN}").open(STORE_ID)
    assert "appendonly" in await refusal_of(ledger)
    await ledger.aclose()


async def test_a_default_user_without_rights_is_refused(secured):
    """Redis 7.0 reads its append-only file in the name of that user."""
    secured.client().execute_command("ACL", "SETUSER", "default", "reset")
    ledger = store_at(secured.url).open(STORE_ID)
    assert "user default off ~* &* +@all" in await refusal_of(ledger)
    await ledger.aclose()


async def test_a_password_file_that_others_may_read_is_refused(secured):
    secured.password_file.chmod(0o644)
    ledger = store_at(secured.url).open(STORE_ID)
    assert "chmod 600" in await refusal_of(ledger)
    await ledger.aclose()


@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, lambda path: path.write_text("x" * 4097)])
async def test_what_is_no_file_with_a_password_is_refused_without_waiting(secured, put):
    secured.password_file.unlink()
    put(secured.password_file)
    with pytest.raises(LedgerUnavailableError, match="is not a file with a password"):
        await _check(store_at(secured.url).open(STORE_ID))


async def test_a_wrong_password_is_a_ledger_that_cannot_be_used(secured):
    secured.password_file.write_text("wrong")
    with pytest.raises(LedgerUnavailableError, match="cannot be used"):
        await _check(store_at(secured.url).open(STORE_ID))
    await until_everybody_left(secured)


async def test_no_refusal_quotes_the_password(secured):
    secured.password_file.write_text("a-secret-that-is-wrong")
    with pytest.raises(LedgerUnavailableError) as refused:
        await _check(store_at(secured.url).open(STORE_ID))
    chain = [refused.value, refused.value.__cause__, refused.value.__context__]
    await until_everybody_left(secured)
    assert not any("a-secret" in repr(error) for error in chain)


async def test_a_certificate_of_nobody_we_know_is_refused(start, secured):
    stranger = start(SecuredRedisServer)
    url = secured.url.replace(f":{secured.port}", f":{stranger.port}")
    with pytest.raises(LedgerUnavailableError, match="cannot be used"):
        await _check(store_at(url).open(STORE_ID))


async def until_everybody_left(server):
    """Outlive the connection: redis-py does not wait for the end of one that could not log in."""
    async with asyncio.timeout(10):
        while len(server.client().client_list()) > 1:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)


async def _check(ledger):
    try:
        await ledger.check()
    finally:
        await ledger.aclose()


@pytest.mark.parametrize(
    ("phase", "hint"),
    [
        (Phase.FILLING, "Run the same"),
        (Phase.LEAVING, "Run the same"),
        (Phase.SEALED, "NTAG424_STORE to where it went"),
    ],
)
async def test_a_ledger_that_does_not_serve_says_what_to_do(server, phase, hint):
    store = store_at(server.url)
    await store.init(store_id=STORE_ID, phase=phase)
    with pytest.raises(LedgerUnavailableError) as refused:
        await _check(store.open(STORE_ID))
    assert hint in refused.value.hint
