"""What is changed in a Redis that is in use is found out beside the taps."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError, LedgerWentBackError
from ntag424.model import Uid
from ntag424.replay import Accepted, Witness, store_at
from ntag424.replay.redis import RedisStore
from ntag424.replay.redis._url import RedisAddress
from tests.contracts.waiting import until_it_serves
from tests.ntag424.replay.redis.speaking import BUCKET, NOW, PART, STORE_ID, UID, grant, tap
from tests.servers.redis_clock import RedisWithClock
from tests.servers.redis_cluster import ClusterDeployment
from tests.servers.redis_server import SecuredRedisServer

pytestmark = pytest.mark.anyio

PATIENCE = 20


@pytest.fixture
async def open_examined(anyio_backend):
    """Open the ledger at a URL, examined again and again."""
    opened = []

    def open_examined(url, witness=None):
        store = RedisStore(RedisAddress.parse(url), examined_every=0.05)
        opened.append(store.open(STORE_ID, witness=witness))
        return opened[-1]

    yield open_examined
    for ledger in opened:
        await ledger.aclose()


async def made_at(url):
    """Make a ledger with one tag."""
    store = store_at(url)
    await store.init(store_id=STORE_ID)
    ledger = store.open(STORE_ID)
    await ledger.enrol(UID, NOW, 0)
    await ledger.aclose()


async def until_refused(ledger, kind):
    """Ask whether the ledger is ready until it is not, for this reason."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await ledger.check()
            except kind as refusal:
                return refusal
            except LedgerUnavailableError:
                pass
            await asyncio.sleep(0.01)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


SETTINGS = [
    ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ("appendonly", "no", "yes"),
    ("appendfsync", "no", "always"),
]


@pytest.mark.parametrize(("setting", "wrong", "right"), SETTINGS)
async def test_a_setting_that_is_changed_in_use_is_refused(
    server, open_examined, setting, wrong, right
):
    await made_at(server.url)
    ledger = open_examined(server.url)
    await ledger.check()
    server.client().config_set(setting, wrong)
    refusal = await until_refused(ledger, LedgerUnsafeError)
    assert f"CONFIG SET {setting} {right}" in refusal.hint
    with pytest.raises(LedgerUnsafeError):
        await ledger.redeem(tap(1))


@pytest.mark.parametrize(("setting", "wrong", "right"), SETTINGS)
async def test_a_setting_that_is_set_back_is_used_again(
    server, open_examined, setting, wrong, right
):
    await made_at(server.url)
    ledger = open_examined(server.url)
    await ledger.check()
    server.client().config_set(setting, wrong)
    await until_refused(ledger, LedgerUnsafeError)
    server.client().config_set(setting, right)
    await until_it_serves(ledger)
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_default_user_who_loses_its_rights_in_use_is_refused(start, open_examined):
    server = start(SecuredRedisServer)
    await made_at(server.url)
    ledger = open_examined(server.url)
    await ledger.check()
    server.client().execute_command("ACL", "SETUSER", "default", "reset")
    await until_refused(ledger, LedgerUnsafeError)
    server.client().execute_command("ACL", "SETUSER", "default", "off", "~*", "&*", "+@all")
    await until_it_serves(ledger)


async def test_a_node_that_knew_nothing_learns_how_far_the_ledger_is(server, open_examined):
    await made_at(server.url)
    witness = Witness.in_memory()
    await open_examined(server.url, witness).check()
    await until(lambda: witness.revision(PART) == 1)


async def test_a_node_that_redeems_nothing_finds_out_that_the_ledger_went_back(
    server, open_examined
):
    await made_at(server.url)
    before = server.client().dump(BUCKET)
    tapping = store_at(server.url).open(STORE_ID)
    await tapping.redeem(tap(1))
    await tapping.aclose()
    witness = Witness.in_memory()
    idle = open_examined(server.url, witness)
    await idle.check()
    await until(lambda: witness.revision(PART) == 2)
    server.client().restore(BUCKET, 0, before, replace=True)
    refusal = await until_refused(idle, LedgerWentBackError)
    assert "ntag424-service recover" in refusal.hint


async def test_taps_while_an_examination_reads_are_no_alarm(server, open_examined):
    await made_at(server.url)
    ledger = open_examined(server.url)
    uids = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(256)]
    await asyncio.gather(*(ledger.enrol(uid, NOW, 0) for uid in uids))
    for counter in range(1, 61):
        answers = await asyncio.gather(*(ledger.redeem(tap(counter, uid)) for uid in uids))
        assert set(answers) == {Accepted()}


async def test_every_master_of_a_cluster_is_examined(open_examined, start):
    servers = start(ClusterDeployment)
    await made_at(servers.url)
    ledger = open_examined(servers.url)
    for node in servers.nodes:
        await until_it_serves(ledger)
        node.client().config_set("appendfsync", "no")
        await until_refused(ledger, LedgerUnsafeError)
        node.client().config_set("appendfsync", "always")


async def test_a_master_that_hangs_hides_nothing_that_is_wrong_with_another(
    open_examined, start, monkeypatch
):
    monkeypatch.setattr("ntag424.replay.redis._ledger._SECONDS_FOR_A_MASTER", 0.3)
    servers = start(ClusterDeployment)
    await made_at(servers.url)
    ledger = open_examined(servers.url)
    await ledger.check()
    servers.nodes[-1].freeze()
    servers.nodes[0].client().config_set("maxmemory-policy", "allkeys-lru")
    await until_refused(ledger, LedgerUnsafeError)


# --- the clock


@pytest.fixture
async def clocked(start, open_examined):
    """A Redis with a clock to be set, its ledger, and what this machine knows of the time."""
    server = start(RedisWithClock)
    await made_at(server.url)
    witness = Witness.in_memory()
    ledger = open_examined(server.url, witness)
    await ledger.redeem(tap(1), grant=grant())
    return server, ledger, witness


async def set_ahead(server, witness, *, seconds):
    """Set the clock, and wait until an examination has seen it."""
    begun = witness.earliest_now()
    server.set_clock(seconds=seconds)
    await until(lambda: witness.earliest_now() > begun + 1000 * (seconds - 1))


async def test_a_session_that_ended_stays_so_when_the_clock_is_set_back(clocked):
    server, ledger, witness = clocked
    await set_ahead(server, witness, seconds=310)
    ended = await ledger.grant(grant().digest)
    server.set_clock(seconds=0)
    assert (ended, await ledger.grant(grant().digest)) == (None, None)


async def test_a_clock_that_is_set_back_lengthens_no_session(clocked):
    server, ledger, witness = clocked
    await set_ahead(server, witness, seconds=200)
    server.set_clock(seconds=100)
    live = await ledger.grant(grant().digest)
    assert live.remaining <= 101


async def test_a_session_made_after_the_clock_was_set_back_lives_as_long_as_any(clocked):
    server, ledger, witness = clocked
    await set_ahead(server, witness, seconds=200)
    server.set_clock(seconds=0)
    accepted = await ledger.redeem(tap(2), grant=grant(2))
    live = await ledger.grant(grant(2).digest)
    seconds, _ = server.client().time()
    assert 290 < live.remaining <= 300
    assert accepted.expires_at - seconds in {299, 300}  # for people: by the clock they see
