"""A cluster is rearranged while nodes of the service use it."""

from __future__ import annotations

from binascii import crc_hqx

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.replay import Accepted, EnrolmentPolicy, Replayed, store_at
from tests.ntag424.replay.redis.speaking import NOW, PLACE, STORE_ID, UID, tap
from tests.servers.process import needs_redis
from tests.servers.redis_cluster import ClusterDeployment

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("ledgers: rearranged cluster")]

SLOT = crc_hqx(b"%d" % int.from_bytes(PLACE, "big"), 0) % 16_384


@pytest.fixture(scope="module")
def servers():
    needs_redis()
    with ClusterDeployment() as servers:
        yield servers


@pytest.fixture
async def ledger(anyio_backend, servers):
    for node in servers.nodes:
        node.client().flushall()
    store = store_at(servers.url)
    await store.init(store_id=STORE_ID)
    ledger = store.open(STORE_ID)
    await ledger.enrol(UID, NOW, 0)
    yield ledger
    await ledger.aclose()


def owner_and_another(servers):
    """Return the master of the tag's slot, and one that is not."""
    mine = [node for node in servers.nodes if is_master_of_the_slot(node)]
    return mine[0], next(node for node in servers.nodes if node not in mine)


def is_master_of_the_slot(node):
    keys = node.client().execute_command("CLUSTER COUNTKEYSINSLOT", SLOT)
    return keys > 0


def give_the_slot(servers, source, target, *, with_keys):
    """Make *target* master of the slot, as `redis-cli --cluster reshard` does."""
    ids = {node: node.client().execute_command("CLUSTER MYID") for node in (source, target)}
    target.client().execute_command("CLUSTER SETSLOT", SLOT, "IMPORTING", ids[source])
    source.client().execute_command("CLUSTER SETSLOT", SLOT, "MIGRATING", ids[target])
    for key in source.client().execute_command("CLUSTER GETKEYSINSLOT", SLOT, 1000):
        if with_keys:
            source.client().execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        else:
            source.client().delete(key)
    for node in (target, source, *servers.nodes):
        node.client().execute_command("CLUSTER SETSLOT", SLOT, "NODE", ids[target])


async def test_a_bucket_is_found_where_it_was_moved_to(servers, ledger):
    await ledger.redeem(tap(1))
    give_the_slot(servers, *owner_and_another(servers), with_keys=True)
    assert [await ledger.redeem(tap(counter)) for counter in (1, 2)] == [Replayed(), Accepted()]


async def test_a_bucket_that_was_lost_on_the_way_is_not_a_new_one(servers, ledger):
    await ledger.redeem(tap(1))
    give_the_slot(servers, *owner_and_another(servers), with_keys=False)
    with pytest.raises(LedgerUnavailableError, match="missing"):
        await ledger.redeem(tap(1), policy=EnrolmentPolicy.OPEN)


async def test_while_a_node_hangs_its_tags_are_refused(servers, ledger):
    owner, _ = owner_and_another(servers)
    owner.freeze()
    try:
        with pytest.raises(LedgerUnavailableError):
            await ledger.redeem(tap(1))
    finally:
        owner.thaw()
