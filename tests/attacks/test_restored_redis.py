"""Attack: show used taps again after Redis was started from an old dump or append-only file.

Everything a restored ledger says is in order, but it lacks the taps that were accepted since.
"""

from __future__ import annotations

import random
import shutil
from contextlib import asynccontextmanager, closing

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerWentBackError
from ntag424.model import Generation, Uid
from ntag424.replay import (
    Accepted,
    Grant,
    Refused,
    Replayed,
    Witness,
    place_of,
    recover,
    store_at,
    take_up,
)
from ntag424.sdm import CountedTap
from tests.contracts.waiting import until_it_serves
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.anyio

STORE_ID = "5e" * 16
NOW = Generation(1, 2)
UIDS = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(4)]
AGES = ("long ago", "a while ago", "just now")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def server():
    needs_redis()
    with RedisServer() as server:
        yield server


@pytest.fixture
async def machine(anyio_backend, server, tmp_path):
    machine = Machine(server, tmp_path)
    await machine.store.init(store_id=STORE_ID)
    async with machine.ledger() as ledger:
        for uid in UIDS:
            await ledger.enrol(uid, NOW, 0)
    return machine


class Machine:
    """A machine with its witness, a Redis, and everything that was tapped."""

    def __init__(self, server, folder):
        self.server, self._folder = server, folder
        self.store = store_at(server.url)
        self.witness_file = folder / "witness"
        Witness.create(self.witness_file, STORE_ID)
        self.used = []
        self._counters = dict.fromkeys(UIDS, 0)

    def witness(self):
        return Witness.open(self.witness_file, STORE_ID)

    @asynccontextmanager
    async def ledger(self):
        ledger = self.store.open(STORE_ID, witness=self.witness())
        try:
            yield ledger
        finally:
            await ledger.aclose()

    def fresh_tap(self, uid):
        self._counters[uid] += 1
        return CountedTap(uid, NOW, self._counters[uid])

    async def tap_some(self, ledger, chance, count=10):
        for _ in range(count):
            tap = self.fresh_tap(chance.choice(UIDS))
            assert isinstance(await ledger.redeem(tap, grant=grant(tap)), Accepted)
            self.used.append(tap)

    def keep_file(self):
        """Copy the append-only file, as a backup of the folder would."""
        shutil.copytree(self.server.folder / "appendonlydir", self._folder / "copy")

    def keep_dump(self):
        """Have Redis write its dump, and copy it."""
        self.server.client().save()
        shutil.copy(self.server.folder / "dump.rdb", self._folder / "dump.rdb")

    def put_file_back(self):
        self.server.kill()
        shutil.rmtree(self.server.folder / "appendonlydir")
        shutil.copytree(self._folder / "copy", self.server.folder / "appendonlydir")
        self.server.start()

    def put_dump_back(self):
        """Start from the dump as Redis's handbook says: without the append-only file first."""
        self.server.kill()
        shutil.rmtree(self.server.folder / "appendonlydir")
        shutil.copy(self._folder / "dump.rdb", self.server.folder / "dump.rdb")
        self.server.options["appendonly"] = "no"
        self.server.start()
        self.server.client().config_set("appendonly", "yes")
        while self.server.client().info("persistence")["aof_rewrite_in_progress"]:
            pass
        self.server.options["appendonly"] = "yes"


KINDS = {
    "append-only file": (Machine.keep_file, Machine.put_file_back),
    "dump": (Machine.keep_dump, Machine.put_dump_back),
}


def grant(tap):
    tail = tap.uid + tap.counter.to_bytes(3, "big")
    return Grant(place_of(STORE_ID, tap.uid) + tail.rjust(30), 300)


async def outcomes(ledger, taps):
    """Show *taps* again, and say what each came to."""
    found = set()
    for tap in taps:
        try:
            found.add(await ledger.redeem(tap, grant=grant(tap)))
        except LedgerUnavailableError as error:
            found.add(type(error))
    return found


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_no_used_tap_counts_after_a_restore(machine, kind, age):
    chance = random.Random(f"{kind} {age}")
    keep, put_back = KINDS[kind]
    async with machine.ledger() as running:
        for moment in AGES:
            await machine.tap_some(running, chance)
            if moment == age:
                keep(machine)
        await machine.tap_some(running, chance)
        put_back(machine)
        # Taps of a part in which nothing was lost are used up there too.
        harmless = {Replayed(), LedgerUnavailableError, LedgerWentBackError}
        assert await outcomes(running, machine.used) <= harmless
    async with machine.ledger() as opened:
        await outcomes(opened, machine.used[-1:])  # the connection is new
        assert await outcomes(opened, machine.used[::-1]) == {LedgerWentBackError}

    with closing(machine.witness()) as witness:
        archive = await machine.store.archive(STORE_ID)
        with pytest.raises(LedgerWentBackError) as refusal:
            await take_up(archive, witness)
        assert "ntag424-service recover" in refusal.value.hint
        await recover(archive, witness)
        await take_up(archive, witness)
        await archive.aclose()

    async with machine.ledger() as recovered:
        await until_it_serves(recovered)
        for order in (machine.used[::-1], machine.used, chance.sample(machine.used, 40)):
            assert await outcomes(recovered, order) <= {Replayed(), Refused()}
        for uid in UIDS:
            verdicts = [await recovered.redeem(machine.fresh_tap(uid)) for _ in range(2)]
            assert verdicts == [Replayed(), Accepted()]


async def test_a_server_that_is_killed_and_comes_back_whole_gives_no_alarm(machine):
    chance = random.Random(7)
    async with machine.ledger() as ledger:
        for _ in range(5):
            await machine.tap_some(ledger, chance, count=20)
            machine.server.kill()
            machine.server.start()
            await until_it_serves(ledger)
        assert await outcomes(ledger, machine.used) == {Replayed()}
