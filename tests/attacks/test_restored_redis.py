"""A Redis is started again from an older copy of its data: no used tap may earn a session.

Copies are made as operators make them, a snapshot (RDB) and the append-only file, and are put
back while a node has the ledger open, or before it opens it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from itertools import product

import pytest

from ntag424 import Generation, Uid
from ntag424.errors import LedgerUnavailableError, LedgerWentBackError
from ntag424.replay import Accepted, Grant, Replayed, Witness, place_of, recover, store_at
from ntag424.replay.redis import RedisStore
from ntag424.replay.redis._url import RedisAddress
from ntag424.sdm import CountedTap
from tests.contracts.waiting import until_it_serves
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.anyio

STORE_ID = "5e" * 16
NOW = Generation(1, 2)
UIDS = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(8)]
#: How far every tag was when the copy was made, and when it was put back.
THEN, LAST = 3, 8
USED = [(uid, counter) for uid in UIDS for counter in range(THEN + 1, LAST + 1)]
PATIENCE = 30

#: A process of its own that hands in the used taps; it tells how each was answered.
_ANOTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from ntag424.replay import Witness, store_at
from tests.attacks.test_restored_redis import STORE_ID, USED, answer
async def main(url, path):
    ledger = store_at(url).open(STORE_ID, witness=Witness.open(Path(path), STORE_ID))
    print(*{type(await answer(ledger, *used)).__name__ for used in USED})
    await ledger.aclose()
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def server():
    needs_redis()
    with RedisServer() as server:
        yield server


def copy_snapshot(server, to):
    server.client().save()
    shutil.copy(server.folder / "dump.rdb", to)


def copy_append_only_file(server, to):
    shutil.copytree(server.folder / "appendonlydir", to / "appendonlydir")


def put_back(server, copy):
    """Start the server with the copy, as the manual says, whichever it is."""
    server.kill()
    shutil.rmtree(server.folder / "appendonlydir")
    shutil.copytree(copy, server.folder, dirs_exist_ok=True)
    is_snapshot = (copy / "dump.rdb").exists()
    server.options["appendonly"] = "no" if is_snapshot else "yes"
    server.start()
    if is_snapshot:
        server.client().config_set("appendonly", "yes")
        wait_until(lambda: has_a_file_again(server), "what was put back is in a file of its own")
    server.options["appendonly"] = "yes"


def has_a_file_again(server):
    info = server.client().info("persistence")
    return not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"])


COPIES = [copy_snapshot, copy_append_only_file]
each_copy = pytest.mark.parametrize("make_copy", COPIES, ids=lambda copy: copy.__name__)


def grant(uid, counter):
    digest = hashlib.sha256(bytes(uid) + bytes([counter])).digest()
    return Grant(place_of(STORE_ID, uid) + digest[:30], 300)


async def answer(ledger, uid, counter):
    """Hand a tap in until a server that was just started answers; give verdict or refusal."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                tap = CountedTap(uid, NOW, counter)
                return await ledger.redeem(tap, nonce=bytes(16), grant=grant(uid, counter))
            except LedgerWentBackError as refusal:
                return refusal
            except LedgerUnavailableError:
                await asyncio.sleep(0.01)


@pytest.fixture
def witness_file(tmp_path):
    path = tmp_path / "witness"
    Witness.create(path, STORE_ID)
    return path


@pytest.fixture
async def open_ledger(anyio_backend, server, witness_file):
    opened = []

    def open_ledger(witness=None, every=1000):
        store = RedisStore(RedisAddress.parse(server.url), examined_every=every)
        witness = witness or Witness.open(witness_file, STORE_ID)
        opened.append(store.open(STORE_ID, witness=witness))
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def used(server, open_ledger, tmp_path):
    """A ledger whose 40 taps were used after a copy was made; returns how to put it back."""
    await store_at(server.url).init(store_id=STORE_ID)
    ledger = open_ledger()
    for uid in UIDS:
        await ledger.enrol(uid, NOW, 0)

    async def tap(first, last):
        taps = [CountedTap(uid, NOW, n) for uid in UIDS for n in range(first, last + 1)]
        assert {type(await ledger.redeem(tap)) for tap in taps} == {Accepted}

    async def use(make_copy):
        await tap(1, THEN)
        copy = tmp_path / "copy"
        copy.mkdir()
        await asyncio.to_thread(make_copy, server, copy)
        await tap(THEN + 1, LAST)
        return ledger, copy

    return use


def the_same_node(running, _):
    return running


def a_node_that_opens_it_anew(_, open_ledger):
    return open_ledger()


@each_copy
@pytest.mark.parametrize("node", [the_same_node, a_node_that_opens_it_anew])
async def test_no_used_tap_counts_after_a_copy_was_put_back(
    server, used, open_ledger, make_copy, node
):
    running, copy = await used(make_copy)
    put_back(server, copy)
    ledger = node(running, open_ledger)
    answers = [await answer(ledger, *tap) for tap in USED]
    assert {type(one) for one in answers} == {LedgerWentBackError}
    assert "ntag424-service recover" in answers[0].hint


@each_copy
async def test_each_tag_is_refused_for_itself(server, used, open_ledger, make_copy):
    """What the first refusal makes the node refuse is another matter: here each is the first."""
    _, copy = await used(make_copy)
    put_back(server, copy)
    for tap in USED:
        assert isinstance(await answer(open_ledger(), *tap), LedgerWentBackError)


async def test_another_process_of_the_machine_refuses_too(server, used, witness_file):
    _, copy = await used(copy_snapshot)
    put_back(server, copy)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _ANOTHER_PROCESS, server.url, witness_file),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert told.split() == [b"LedgerWentBackError"]


async def test_a_node_that_took_no_tap_refuses_what_others_used(server, used, open_ledger):
    _, copy = await used(copy_append_only_file)
    knows_nothing = Witness.in_memory()
    idle = open_ledger(knows_nothing, every=0.05)
    await idle.check()
    async with asyncio.timeout(PATIENCE):
        while sum(map(knows_nothing.revision, range(1 << 16))) < len(UIDS) * (1 + LAST):
            await asyncio.sleep(0.01)
    put_back(server, copy)
    answers = [await answer(idle, *tap) for tap in USED]
    assert {type(one) for one in answers} == {LedgerWentBackError}


async def test_a_ledger_that_went_back_is_not_ready(server, used):
    ledger, copy = await used(copy_snapshot)
    put_back(server, copy)
    await answer(ledger, *USED[0])
    with pytest.raises(LedgerWentBackError):
        await ledger.check()


def oldest_first(taps):
    return taps


def newest_first(taps):
    return taps[::-1]


@pytest.mark.parametrize("case", list(product(COPIES, [oldest_first, newest_first])))
async def test_after_a_recovery_no_used_tap_counts(server, used, open_ledger, recover_at, case):
    make_copy, order = case
    _, copy = await used(make_copy)
    put_back(server, copy)
    await recover_at(server)
    ledger = open_ledger()
    answers = [await answer(ledger, *tap) for tap in order(USED) * 2]
    assert set(answers) == {Replayed()}


async def test_after_a_recovery_the_second_fresh_tap_of_a_tag_counts(
    server, used, open_ledger, recover_at
):
    _, copy = await used(copy_snapshot)
    put_back(server, copy)
    await recover_at(server)
    ledger = open_ledger()
    answers = [[type(await answer(ledger, uid, LAST + n)) for n in (1, 2)] for uid in UIDS]
    assert answers == [[Replayed, Accepted]] * len(UIDS)


@pytest.fixture
def recover_at(witness_file):
    """Do as `ntag424-service recover` does."""

    async def recover_at(server):
        archive = await store_at(server.url).archive(STORE_ID)
        witness = Witness.open(witness_file, STORE_ID)
        await recover(archive, witness)
        witness.close()
        await archive.aclose()

    return recover_at


@pytest.mark.parametrize("end", ["kill", "terminate"])
async def test_a_server_that_merely_ends_is_no_alarm(server, used, open_ledger, end):
    ledger, _ = await used(copy_append_only_file)
    for number in range(1, 6):
        getattr(server, end)()
        server.start()
        await until_it_serves(ledger)
        answers = {await answer(ledger, uid, LAST + number) for uid in UIDS}
        assert {type(one) for one in answers} == {Accepted}
