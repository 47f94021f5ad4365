"""An older or a partial copy of a SQLite ledger is put back: no used tap may earn a session.

Copies are made as operators make them: the file alone while the service runs, the file with its
write-ahead log, `ntag424-service backup`; each is put where the ledger was.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from ntag424 import Generation, Uid
from ntag424.errors import LedgerError
from ntag424.replay import (
    Accepted,
    Grant,
    Refused,
    Replayed,
    SqliteLedger,
    SqliteStore,
    Witness,
    place_of,
    recover,
)
from ntag424.sdm import CountedTap
from tests.service.asking import Wire
from tests.service.running import Installation, run_command, serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")
NOW = Generation(1, 2)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Installation.make(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
async def installation(anyio_backend, prepared, tmp_path):
    installation = prepared.copied_to(tmp_path / "installation")
    await installation.enrol(UID)
    return installation


# ---- the real service -----------------------------------------------------------------------


def copy_of_the_file(installation, to):
    """Copy what an operator sees of a ledger in use: one file of three."""
    shutil.copy(installation.store, to / "ledger.db")


def copy_with_the_log(installation, to):
    for file in installation.folder.glob("ledger.db*"):
        shutil.copy(file, to / file.name)


def proper_backup(installation, to):
    done = run_command("backup", str(to / "ledger.db"), settings=installation.settings)
    assert done.returncode == 0, done.stderr


def put_back(installation, copies):
    for file in installation.folder.glob("ledger.db*"):
        file.unlink()
    for file in copies.iterdir():
        shutil.copy(file, installation.folder / file.name)


async def enrol_again(installation):
    """Do what the recovery asks for: a copy may lack what was enrolled after it was made."""
    async with installation.ledger() as ledger:
        record = await ledger.find(UID)
        if not record.enrolled:
            await ledger.enrol(UID, record.generation, 0)


async def tap_all(service, urls):
    """Post every URL; return the statuses."""
    wire = await Wire.open(service.port)
    answers = [(await wire.post_tap(url)).status for url in urls]
    await wire.aclose()
    return answers


@pytest.mark.parametrize("copy", [copy_of_the_file, copy_with_the_log, proper_backup])
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_copy_that_is_put_back_serves_only_after_a_recovery(
    installation, tmp_path, copy, end
):
    (copies := tmp_path / "copies").mkdir()
    phone = installation.tag(UID)
    with serving(installation) as service:
        before = [phone.tap() for _ in range(5)]
        assert await tap_all(service, before) == [200] * 5
        await asyncio.to_thread(copy, installation, copies)
        after = [phone.tap() for _ in range(20)]
        assert await tap_all(service, after) == [200] * 20
        getattr(service, end)()
    put_back(installation, copies)

    refused = run_command("serve", settings=installation.settings)
    _, hint = refused.stderr.splitlines()
    assert (refused.returncode, "ntag424-service recover" in hint) == (2, True), refused.stderr

    done = run_command("recover", settings=installation.settings)
    assert done.returncode == 0, done.stderr
    with serving(installation) as service:
        used = [*reversed(after), *after, *before, *after]
        assert set(await tap_all(service, used)) <= {403, 409}
        await enrol_again(installation)
        assert set(await tap_all(service, used)) == {409}
        assert await tap_all(service, [phone.tap(), phone.tap()]) == [409, 200]


async def test_a_ledger_without_what_was_remembered_of_it_is_not_served(installation):
    witness = installation.folder / "identity.json.witness"
    witness.unlink()
    refused = run_command("serve", settings=installation.settings)
    assert (refused.returncode, "NTAG424_WITNESS_FILE" in refused.stderr) == (2, True)
    done = run_command("recover", "--json", settings=installation.settings)
    assert json.loads(done.stdout) == {"tags": 1, "remembered": 0}


async def test_a_sound_ledger_is_recovered_only_if_somebody_insists(installation):
    refused = run_command("recover", settings=installation.settings)
    assert (refused.returncode, "--anyway" in refused.stderr) == (1, True)
    done = run_command("recover", "--anyway", settings=installation.settings)
    assert done.returncode == 0, done.stderr


async def test_a_backup_is_never_made_over_something(installation, tmp_path):
    (tmp_path / "there").write_text("precious")
    refused = run_command("backup", str(tmp_path / "there"), settings=installation.settings)
    assert refused.returncode == 1
    assert (tmp_path / "there").read_text() == "precious"


async def test_a_backup_is_for_its_owner_alone(installation, tmp_path):
    proper_backup(installation, tmp_path)
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600


# ---- a hundred ways -------------------------------------------------------------------------


class Machine:
    """A ledger, its witness, and everything that was tapped."""

    def __init__(self, folder):
        self.path, self.witness_file = folder / "ledger.db", folder / "witness"
        self.store_id = SqliteLedger.init(self.path)
        Witness.create(self.witness_file, self.store_id)
        self.used = []
        self._counters = {Uid(b"\x04" + bytes([n]) * 6): 0 for n in range(5)}

    def open(self):
        witness = Witness.open(self.witness_file, self.store_id)
        return SqliteLedger.open(self.path, store_id=self.store_id, witness=witness)

    def grant(self, tap):
        tail = tap.uid + tap.counter.to_bytes(3, "big")
        return Grant(place_of(self.store_id, tap.uid) + tail.rjust(30), 300)

    def fresh_tap(self, uid):
        self._counters[uid] += 1
        return CountedTap(uid, NOW, self._counters[uid])

    @property
    def uids(self):
        return list(self._counters)

    async def tap_some(self, ledger, chance, count):
        for _ in range(count):
            tap = self.fresh_tap(chance.choice(self.uids))
            assert isinstance(await ledger.redeem(tap, grant=self.grant(tap)), Accepted)
            self.used.append(tap)

    def copy(self, to, *, with_log):
        to.mkdir()
        for file in [self.path, *([*self.path.parent.glob("*-wal")] if with_log else [])]:
            shutil.copy(file, to / file.name)

    def put_back(self, copies):
        for file in self.path.parent.glob("ledger.db*"):
            file.unlink()
        for file in copies.iterdir():
            shutil.copy(file, self.path.parent / file.name)


@pytest.mark.parametrize("age", ["just now", "a while ago", "long ago"])
@pytest.mark.parametrize("with_log", [False, True], ids=["without log", "with log"])
@pytest.mark.parametrize("seed", range(15))
async def test_no_used_tap_counts_after_any_restore(tmp_path, age, with_log, seed):
    chance = random.Random(f"{seed} {age} {with_log}")
    machine = Machine(tmp_path)
    ledger = machine.open()
    for uid in machine.uids:
        await ledger.enrol(uid, NOW, 0)
    for moment in ("long ago", "a while ago", "just now"):
        await machine.tap_some(ledger, chance, chance.randint(1, 30))
        if moment == age:
            machine.copy(tmp_path / "copies", with_log=with_log)
    await machine.tap_some(ledger, chance, chance.randint(1, 5))
    await ledger.aclose()
    machine.put_back(tmp_path / "copies")

    with pytest.raises(LedgerError, match="went back"):
        machine.open()
    archive = await SqliteStore(machine.path).archive(machine.store_id)
    witness = Witness.open(machine.witness_file, machine.store_id)
    await recover(archive, witness)
    await archive.aclose()
    witness.close()

    ledger = machine.open()
    orders = (machine.used, machine.used[::-1], chance.sample(machine.used, len(machine.used)))
    for tap in (tap for order in orders for tap in order):
        assert await ledger.redeem(tap, grant=machine.grant(tap)) in (Replayed(), Refused())
        assert await ledger.grant(machine.grant(tap).digest) is None
    for uid in machine.uids:
        if not (await ledger.find(uid)).enrolled:  # the copy was made before it was
            await ledger.enrol(uid, NOW, 0)
        verdicts = [await ledger.redeem(machine.fresh_tap(uid)) for _ in range(2)]
        assert verdicts == [Replayed(), Accepted()]
    await ledger.aclose()


async def test_a_file_put_back_beneath_a_log_that_was_left_accepts_no_used_tap(tmp_path):
    """The log has the latest revision, but not the page of every tag."""
    machine = Machine(tmp_path)
    ledger = machine.open()
    many = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(400)]
    for uid in many:
        await ledger.enrol(uid, NOW, 0)
    await ledger.aclose()  # the log is empty now
    old = machine.path.read_bytes()
    ledger = machine.open()
    used = CountedTap(many[1], NOW, 1)
    assert await ledger.redeem(used) == Accepted()
    await ledger.aclose()
    ledger = machine.open()
    assert await ledger.redeem(CountedTap(many[399], NOW, 1)) == Accepted()
    log = machine.path.with_name("ledger.db-wal").read_bytes()
    await ledger.aclose()
    machine.path.write_bytes(old)
    machine.path.with_name("ledger.db-wal").write_bytes(log)
    with pytest.raises(LedgerError):
        await redeem_at_once(machine, used)


async def redeem_at_once(machine, tap):
    """Open the ledger for one tap."""
    ledger = machine.open()
    try:
        return await ledger.redeem(tap)
    finally:
        await ledger.aclose()


def test_a_recovery_that_could_not_begin_leaves_no_copy_that_serves(prepared, tmp_path):
    """Its witness is gone, and the ledger is locked by another program."""
    installation = prepared.copied_to(tmp_path / "installation")
    (installation.folder / "identity.json.witness").unlink()
    with closing(sqlite3.connect(installation.store, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        assert run_command("recover", settings=installation.settings).returncode == 1
        db.execute("ROLLBACK")
    refused = run_command("serve", settings=installation.settings)
    assert (refused.returncode, "recover" in refused.stderr) == (2, True)
