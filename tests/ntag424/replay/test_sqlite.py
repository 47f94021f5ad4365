"""What only the SQLite ledger has: a file, its faults, its past versions, other processes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import ntag424
from ntag424.errors import (
    LedgerError,
    LedgerMismatchError,
    LedgerUnavailableError,
    StaleGenerationError,
)
from ntag424.model import Generation, Uid
from ntag424.replay import Accepted, Grant, Replayed, SqliteLedger, SqliteStore
from ntag424.replay.sqlite import _opening, _schema
from ntag424.sdm import CountedTap
from tests.contracts.manual_clock import ManualClock
from tests.ntag424.replay import ledger_process
from tests.ntag424.replay.ledger_process import NOW, UID, grant, tap

pytestmark = pytest.mark.anyio

NEXT = Generation(1, 3)
NEWEST = len(_schema.migrations())
INSERT = "INSERT INTO tag (uid, generation, counter, state, enrolled) VALUES"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@dataclass(frozen=True)
class Store:
    """Where a ledger lies, and its id."""

    path: Path
    store_id: str

    def open(self, **arguments):
        return SqliteLedger.open(self.path, store_id=self.store_id, **arguments)

    def connect(self):
        """Reach around the ledger."""
        return closing(sqlite3.connect(self.path, isolation_level=None))

    def ask(self, sql):
        with self.connect() as db:
            return db.execute(sql).fetchall()


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "ledger.db"
    return Store(path, SqliteLedger.init(path))


@pytest.fixture
async def ledger(store):
    """An open ledger that expects taps of one tag from counter 1."""
    ledger = store.open()
    await ledger.enrol(UID, NOW, 0)
    yield ledger
    await ledger.aclose()


@contextmanager
def write_lock(store):
    """Be another program that writes, and does not come to an end."""
    with store.connect() as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


async def begin(*calls):
    """Start calls, in order, so that all of them wait when this returns."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


async def settle(tasks):
    """Wait for what became of every call, well beyond any deadline of the ledger."""
    async with asyncio.timeout(30):
        return await asyncio.gather(*tasks, return_exceptions=True)


# --- init


def test_init_makes_a_file_for_its_owner_alone(store):
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


async def test_the_files_beside_it_are_for_its_owner_alone(store, ledger):
    modes = {stat.S_IMODE(file.stat().st_mode) for file in store.path.parent.iterdir()}
    assert modes == {0o600}


def test_init_leaves_nothing_but_the_ledger(store):
    assert list(store.path.parent.iterdir()) == [store.path]


def test_two_ledgers_have_two_ids(tmp_path):
    assert SqliteLedger.init(tmp_path / "a") != SqliteLedger.init(tmp_path / "b")


def test_an_id_is_32_hex_digits(store):
    assert bytes.fromhex(store.store_id).hex() == store.store_id


@pytest.mark.parametrize("content", [b"", b"anything"])
def test_init_overwrites_nothing(tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.init(path)
    assert path.read_bytes() == content


def test_a_refused_init_leaves_no_draft(store):
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.init(store.path)
    assert list(store.path.parent.iterdir()) == [store.path]


def test_init_in_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        SqliteLedger.init(tmp_path / "nowhere" / "ledger.db")


def test_of_many_inits_of_one_path_one_succeeds(tmp_path):
    path = tmp_path / "ledger.db"
    start = threading.Barrier(8)

    def init(_):
        start.wait()
        try:
            return SqliteLedger.init(path)
        except LedgerMismatchError:
            return None

    with ThreadPoolExecutor(8) as threads:
        (store_id,) = filter(None, threads.map(init, range(8)))
    assert Store(path, store_id).ask("SELECT id FROM store") == [(store_id,)]


def test_a_ledger_appears_complete(tmp_path):
    paths = [tmp_path / f"ledger{number}.db" for number in range(20)]

    def first_sight(path):
        while not path.exists():
            pass
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM store").fetchone()

    with ThreadPoolExecutor(1) as watcher:
        for path in paths:
            seen = watcher.submit(first_sight, path)
            SqliteLedger.init(path)
            assert seen.result() == (1,)


@pytest.fixture
def init_on_full_disk(tmp_path):
    """Run `init` in a process whose files cannot outgrow a limit; return its result."""

    def init(limit):
        program = (
            "import resource, sys\n"
            "from pathlib import Path\n"
            "from ntag424.replay import SqliteLedger\n"
            "limits = int(sys.argv[2]), resource.RLIM_INFINITY\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
            "try: SqliteLedger.init(Path(sys.argv[1]))\n"
            "except Exception as error:\n"
            "    print(*(kind.__name__ for kind in type(error).__mro__))\n"
            "    sys.exit(9)"
        )
        return subprocess.run(
            [sys.executable, "-c", program, tmp_path / "ledger.db", str(limit)],
            env=_environment(),
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    return init


@pytest.mark.parametrize("limit", [0, 8_000, 20_000, 40_000])
def test_init_on_a_full_disk_fails_and_leaves_nothing(init_on_full_disk, tmp_path, limit):
    assert init_on_full_disk(limit).returncode == 9
    assert list(tmp_path.iterdir()) == []


def test_init_on_a_full_disk_is_an_error_of_the_system(init_on_full_disk):
    assert "OSError" in init_on_full_disk(0).stdout.split()


# --- open


def foreign_database(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tag (uid BLOB)")
        db.execute("PRAGMA user_version = 1")


def test_open_makes_no_file(tmp_path):
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.open(tmp_path / "ledger.db", store_id="0" * 32)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.touch(), id="an empty file"),
        pytest.param(foreign_database, id="a database of something else"),
        pytest.param(lambda path: path.mkdir(), id="a folder"),
    ],
)
def test_what_is_no_ledger_is_not_opened(tmp_path, make):
    make(tmp_path / "ledger.db")
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.open(tmp_path / "ledger.db", store_id="0" * 32)


@pytest.mark.parametrize("text", ["hello\n", "hello\n" * 4096])
def test_a_text_file_is_not_opened(tmp_path, text):
    path = tmp_path / "ledger.db"
    path.write_text(text)
    with pytest.raises(LedgerError):
        SqliteLedger.open(path, store_id="0" * 32)
    assert path.read_text() == text


def test_another_ledger_is_not_opened(store):
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.open(store.path, store_id="0" * 32)


def test_a_ledger_without_an_id_is_not_opened(store):
    store.ask("DELETE FROM store")
    with pytest.raises(LedgerMismatchError):
        store.open()


def test_an_older_ledger_is_not_opened(store):
    store.ask(f"PRAGMA user_version = {NEWEST - 1}")
    with pytest.raises(LedgerMismatchError, match="older"):
        store.open()


def test_a_newer_ledger_is_not_opened(store):
    store.ask(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(LedgerMismatchError, match="newer"):
        store.open()


def test_a_ledger_that_is_not_opened_is_let_go(store):
    with pytest.raises(LedgerMismatchError) as refusal:
        SqliteLedger.open(store.path, store_id="0" * 32)
    held = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    # The error, and with it every frame it passed, is still at hand.
    assert (str(store.path) in held, refusal.type) == (False, LedgerMismatchError)


def test_a_name_that_means_something_in_a_uri_is_just_a_name(tmp_path):
    path = tmp_path / "a ledger?mode=memory#100%.db"
    store = Store(path, SqliteLedger.init(path))
    assert store.ask("SELECT count(*) FROM store") == [(1,)]


def vacuumed(db, path):
    db.execute("VACUUM INTO ?", (str(path),))


def backed_up(db, path):
    with closing(sqlite3.connect(path)) as copy:
        db.backup(copy)


def without_a_log(db, path):
    backed_up(db, path)
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")


@pytest.mark.parametrize("copy", [vacuumed, backed_up, without_a_log])
async def test_a_copy_that_sqlite_made_is_opened_in_wal_mode(store, ledger, tmp_path, copy):
    path = tmp_path / "copy.db"
    with store.connect() as db:
        copy(db, path)
    restored = SqliteLedger.open(path, store_id=store.store_id)
    known = await restored.find(UID)
    await restored.aclose()
    assert (known.generation, Store(path, "").ask("PRAGMA journal_mode")) == (NOW, [("wal",)])


async def test_a_copy_that_vacuum_made_is_opened_as_a_whole(store, ledger, tmp_path):
    path = tmp_path / "copy.db"
    with store.connect() as db:
        vacuumed(db, path)
    archive = await SqliteStore(path).archive(store.store_id)
    counted = await archive.count()
    await archive.aclose()
    assert counted == 1


def test_a_copy_that_cannot_be_put_into_wal_mode_is_unavailable(store, tmp_path):
    copy = Store(tmp_path / "copy.db", store.store_id)
    with store.connect() as db:
        vacuumed(db, copy.path)
    with write_lock(copy), pytest.raises(LedgerUnavailableError) as refusal:
        copy.open()
    assert refusal.value.hint


def test_a_database_that_sqlite_keeps_no_log_for_is_unavailable():
    with (
        closing(sqlite3.connect(":memory:")) as db,
        pytest.raises(LedgerUnavailableError, match="from memory mode"),
    ):
        _opening._write_ahead(db)


def test_a_ledger_whose_name_the_system_refuses_is_an_error_of_the_ledger(tmp_path):
    with pytest.raises(LedgerError) as refusal:
        SqliteLedger.open(tmp_path / ("x" * 300), store_id="0" * 32)
    assert str(tmp_path) not in str(refusal.value)


async def test_a_commit_waits_for_the_disk(ledger):
    assert ledger._writer._db.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_readers_and_the_writer_do_not_wait_for_each_other(ledger):
    assert ledger._writer._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_references_between_tables_are_enforced(ledger):
    assert ledger._writer._db.execute("PRAGMA foreign_keys").fetchone() == (1,)


# --- damage


LAST = 0x01_02_03


@pytest.fixture
async def used(store):
    """A closed ledger of some pages, in which counter `LAST` of one tag is used up."""
    ledger = store.open()
    tags = [UID, *(Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(400))]
    await asyncio.gather(*(ledger.enrol(uid, NOW, 0) for uid in tags))
    taps = [CountedTap(uid, NOW, LAST) for uid in tags]
    earned = [Grant(bytes(32 - len(uid)) + uid, 300) for uid in tags]
    await asyncio.gather(
        *(ledger.redeem(each, grant=grant) for each, grant in zip(taps, earned, strict=True))
    )
    await ledger.aclose()
    return store


async def redeem_last(store):
    """Open the ledger and hand in a tap that was used up; return what came of it."""
    try:
        ledger = store.open()
    except LedgerError as error:
        return error
    try:
        return await ledger.redeem(tap(LAST))
    except LedgerError as error:
        return error
    finally:
        await ledger.aclose()


async def test_an_undamaged_ledger_opens(used):
    assert await redeem_last(used) == Replayed()


@pytest.mark.parametrize("span", [slice(0, 16), slice(16, 20), slice(0, 100)])
async def test_a_ledger_with_a_broken_header_is_refused(used, span):
    content = bytearray(used.path.read_bytes())
    content[span] = bytes(byte ^ 0xFF for byte in content[span])
    used.path.write_bytes(content)
    assert isinstance(await redeem_last(used), LedgerError)


async def test_a_ledger_with_names_that_are_no_text_is_refused(used):
    content = used.path.read_bytes()
    used.path.write_bytes(
        content[:4096].replace(b"session_by_end", b"\xf4ession_by_end", 1) + content[4096:]
    )
    with pytest.raises(LedgerError):
        used.open()


async def test_a_ledger_cut_short_anywhere_is_refused(used):
    content = used.path.read_bytes()
    outcomes = []
    for size in range(0, len(content), 4096):
        used.path.write_bytes(content[:size])
        outcomes.append(await redeem_last(used))
    assert {isinstance(outcome, LedgerError) for outcome in outcomes} == {True}


async def test_a_ledger_with_a_page_of_noise_is_refused(used):
    content = used.path.read_bytes()
    noise = random.Random(424)
    for start in range(0, len(content), 4096):
        used.path.write_bytes(content[:start] + noise.randbytes(4096) + content[start + 4096 :])
        with pytest.raises(LedgerError):
            used.open()


async def test_a_ledger_with_flipped_bytes_accepts_nothing_twice(used):
    content = used.path.read_bytes()
    chance = random.Random(424)
    for _ in range(100):
        damaged = bytearray(content)
        for at in chance.sample(range(len(content)), 16):
            damaged[at] ^= chance.randrange(1, 256)
        used.path.write_bytes(damaged)
        assert not isinstance(await redeem_last(used), Accepted)


# --- what no program can write into the file


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tag SET counter = 6",
        "UPDATE tag SET generation = generation - 1, counter = 9",
        "UPDATE tag SET uid = x'04A1B2C3D4E5F7'",
        "UPDATE tag SET counter = 16777216",
        "UPDATE tag SET generation = 65536",
        "UPDATE tag SET state = 'resting'",
        "UPDATE tag SET enrolled = 2",
        "UPDATE tag SET nonce_digest = zeroblob(31), nonce_boot = 1, nonce_ms = 0",
        "UPDATE tag SET nonce_digest = zeroblob(32)",
        "UPDATE tag SET nonce_ms = 0",
        "DELETE FROM tag",
        f"{INSERT} (x'04A1B2C3D4E5', 0, 0, 'active', 1)",
        f"{INSERT} (x'04A1B2C3D4E5F700', 0, 0, 'active', 1)",
        f"{INSERT} (x'04A1B2C3D4E5F7', 0, 16777216, 'active', 1)",
        f"{INSERT} (x'04A1B2C3D4E5F7', 0, -1, 'active', 1)",
        "INSERT INTO session SELECT zeroblob(32), uid, generation, counter, 1, 9, 9 FROM tag",
        "INSERT INTO session SELECT zeroblob(31), uid, generation, 8, 1, 9, 9 FROM tag",
        "INSERT INTO session SELECT zeroblob(32), uid, generation, 0, 1, 9, 9 FROM tag",
    ],
)
async def test_the_file_itself_refuses_what_no_ledger_writes(store, ledger, sql):
    await ledger.redeem(tap(7), grant=grant(7))
    with pytest.raises(sqlite3.IntegrityError):
        store.ask(sql)


async def test_no_session_lives_beside_a_tag_that_is_not_active(store, ledger):
    await ledger.redeem(tap(1), grant=grant(1))
    store.ask("UPDATE tag SET state = 'suspended'")
    assert await ledger.grant(grant(1).digest) is None


async def test_two_taps_never_share_a_session(ledger):
    await ledger.redeem(tap(1), grant=grant(1))
    with pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(2), grant=grant(1))
    assert (await ledger.grant(grant(1).digest)).counter == 1


# --- group commit


@pytest.fixture
def statements(ledger):
    """What the ledger's writer has SQLite do, as it happens."""
    seen = []
    ledger._writer._db.set_trace_callback(lambda sql: seen.append(sql.split()[0]))
    return seen


async def test_64_concurrent_redemptions_take_few_commits(store, ledger, statements):
    with write_lock(store):
        calls = await begin(*(ledger.redeem(tap(counter)) for counter in range(1, 65)))
    await settle(calls)
    assert statements.count("COMMIT") <= 8


async def test_a_tap_and_its_session_share_a_transaction(ledger, statements):
    await ledger.redeem(tap(1), grant=grant(1))
    assert ("INSERT" in statements, statements.count("COMMIT")) == (True, 1)


async def test_a_call_that_fails_does_not_disturb_its_neighbours(store, ledger):
    with write_lock(store):
        _, *calls = await begin(
            ledger.check(),  # keeps the writer busy until all the others wait
            ledger.redeem(tap(1)),
            ledger.enrol(UID, NOW, 9),
            ledger.redeem(tap(2)),
        )
    before, stale, after = await settle(calls)
    assert (before, type(stale), after) == (Accepted(), StaleGenerationError, Accepted())


async def test_a_session_that_cannot_be_stored_does_not_disturb_its_neighbours(store, ledger):
    with write_lock(store):
        _, *calls = await begin(
            ledger.check(),
            ledger.redeem(tap(1), grant=grant(1)),
            ledger.redeem(tap(2), grant=grant(1)),
            ledger.redeem(tap(3), grant=grant(3)),
        )
    outcomes = await settle(calls)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Accepted, LedgerUnavailableError, Accepted]


async def test_a_fault_in_the_ledger_reaches_the_caller(ledger):
    def fault(db):
        raise ZeroDivisionError

    (outcome,) = await settle(await begin(ledger._writer.run(fault)))
    assert isinstance(outcome, ZeroDivisionError)


async def test_a_fault_in_the_ledger_uses_nothing_up(store, ledger):
    def fault(db):
        raise ZeroDivisionError

    with write_lock(store):
        calls = await begin(ledger.check(), ledger.redeem(tap(1)), ledger._writer.run(fault))
    await settle(calls)
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_call_that_was_given_up_uses_nothing_up(store, ledger):
    with write_lock(store):
        _, given_up = calls = await begin(ledger.check(), ledger.redeem(tap(1)))
        given_up.cancel()
        await asyncio.sleep(0)
    await settle(calls)
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_more_calls_than_one_commit_takes_are_all_answered(store, ledger):
    with write_lock(store):
        calls = await begin(*(ledger.redeem(tap(counter)) for counter in range(1, 601)))
    assert await settle(calls) == [Accepted()] * 600


def test_one_ledger_serves_several_event_loops(store):
    ledger = store.open()
    asyncio.run(ledger.enrol(UID, NOW, 0))

    async def redeem():
        return await asyncio.gather(*(ledger.redeem(tap(1)) for _ in range(16)))

    with ThreadPoolExecutor(4) as threads:
        verdicts = [
            verdict
            for result in threads.map(lambda _: asyncio.run(redeem()), range(4))
            for verdict in result
        ]
    asyncio.run(ledger.aclose())
    assert (verdicts.count(Accepted()), verdicts.count(Replayed())) == (1, 63)


async def test_ended_sessions_are_swept_out(store):
    clock = ManualClock()
    ledger = store.open(clock=clock)
    await ledger.enrol(UID, NOW, 0)
    for counter in range(1, 129):
        await ledger.redeem(tap(counter), grant=Grant(counter.to_bytes(32, "big"), 1))
        clock.advance(seconds=1)
    await ledger.aclose()
    ((left,),) = store.ask("SELECT count(*) FROM session")
    assert left < 64


# --- a store that does not answer


async def test_every_caller_of_a_locked_ledger_is_told_so(store, ledger):
    with write_lock(store):
        calls = await begin(*(ledger.redeem(tap(counter)) for counter in range(1, 65)))
        outcomes = await settle(calls)
    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}


async def test_a_caller_is_answered_while_the_writer_still_waits(store, ledger):
    ledger._writer._db.execute("PRAGMA busy_timeout = 60000")
    with write_lock(store):
        (outcome,) = await settle(await begin(ledger.redeem(tap(1))))
    assert isinstance(outcome, LedgerUnavailableError)


async def test_a_locked_ledger_fails_its_check(store, ledger):
    with write_lock(store):
        (outcome,) = await settle(await begin(ledger.check()))
    assert isinstance(outcome, LedgerUnavailableError)


async def test_a_locked_ledger_still_finds_sessions(store, ledger):
    await ledger.redeem(tap(1), grant=grant(1))
    with write_lock(store):
        assert (await ledger.grant(grant(1).digest)).counter == 1


async def test_a_ledger_that_was_locked_works_again(store, ledger):
    with write_lock(store):
        await settle(await begin(ledger.redeem(tap(1))))
    assert await ledger.redeem(tap(2)) == Accepted()


async def test_nobody_waits_for_ever_when_a_locked_ledger_is_closed(store, ledger):
    with write_lock(store):
        calls = await begin(*(ledger.redeem(tap(counter)) for counter in range(1, 65)))
        await settle(await begin(ledger.aclose()))
        outcomes = await settle(calls)
    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}


def delete(store):
    store.path.unlink()


def replace_by_another_ledger(store):
    other = store.path.with_name("other.db")
    SqliteLedger.init(other)
    other.replace(store.path)


def replace_by_yesterday(store):
    copy = store.path.with_name("copy.db")
    shutil.copy(store.path, copy)
    copy.replace(store.path)


def delete_the_log(store):
    store.path.with_name(f"{store.path.name}-wal").unlink()


@pytest.mark.parametrize(
    "harm", [delete, delete_the_log, replace_by_another_ledger, replace_by_yesterday]
)
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(2), grant=grant(2)), id="redeem"),
        pytest.param(lambda ledger: ledger.enrol(UID, NEXT, 0), id="enrol"),
        pytest.param(lambda ledger: ledger.revoke(grant(1).digest), id="revoke"),
        pytest.param(lambda ledger: ledger.grant(grant(1).digest), id="grant"),
        pytest.param(lambda ledger: ledger.find(UID), id="find"),
        pytest.param(lambda ledger: ledger.check(), id="check"),
    ],
)
async def test_a_ledger_whose_file_went_away_is_unavailable(store, ledger, harm, call):
    await ledger.redeem(tap(1), grant=grant(1))
    harm(store)
    with pytest.raises(LedgerUnavailableError):
        await call(ledger)


# --- migrations


def ledger_of_version(path, version):
    """Make what `init` made when the program knew only *version* steps."""
    path.touch()
    with closing(_schema.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {_schema._APPLICATION_ID}")
        _schema._apply(db, _schema.migrations()[:version])


def schema(path):
    with closing(sqlite3.connect(path)) as db:
        shape = db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
        return shape, db.execute("PRAGMA user_version").fetchone()


@pytest.mark.parametrize("version", range(NEWEST))
def test_migrate_tells_how_many_steps_it_took(tmp_path, version):
    path = tmp_path / "ledger.db"
    ledger_of_version(path, version)
    assert SqliteLedger.migrate(path) == NEWEST - version


@pytest.mark.parametrize("version", range(NEWEST))
def test_a_migrated_ledger_has_the_form_of_a_new_one(tmp_path, store, version):
    path = tmp_path / "old.db"
    ledger_of_version(path, version)
    SqliteLedger.migrate(path)
    assert schema(path) == schema(store.path)


def test_a_ledger_of_today_needs_no_step(store):
    assert SqliteLedger.migrate(store.path) == 0


A_STEP = "ALTER TABLE tag ADD COLUMN note TEXT;\n"


async def test_a_step_keeps_what_was_there(store, ledger):
    await ledger.redeem(tap(7), grant=grant(7))
    await ledger.aclose()
    with closing(_schema.connect(store.path)) as db:
        _schema._apply(db, [*_schema.migrations(), A_STEP])
    kept = store.ask("SELECT uid, tag.counter, digest, note FROM tag JOIN session USING (uid)")
    assert kept == [(bytes(UID), 7, grant(7).digest, None)]


@pytest.mark.parametrize(
    "scripts",
    [
        [A_STEP + "INSERT INTO nowhere VALUES (1);\n"],
        [A_STEP, "INSERT INTO nowhere VALUES (1);\n"],
    ],
)
def test_steps_are_taken_all_or_none(store, scripts):
    before = schema(store.path)
    with closing(_schema.connect(store.path)) as db, pytest.raises(sqlite3.Error):
        _schema._apply(db, [*_schema.migrations(), *scripts])
    assert schema(store.path) == before


def test_a_newer_ledger_is_not_migrated(store):
    store.ask(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(LedgerMismatchError, match="newer"):
        SqliteLedger.migrate(store.path)


@pytest.mark.parametrize("make", [Path.touch, foreign_database])
def test_what_is_no_ledger_is_not_migrated(tmp_path, make):
    path = tmp_path / "ledger.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.migrate(path)
    assert path.read_bytes() == before


def test_a_text_file_is_not_migrated(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_text("hello\n" * 4096)
    with pytest.raises(LedgerError):
        SqliteLedger.migrate(path)


def test_migrate_makes_no_file(tmp_path):
    with pytest.raises(LedgerMismatchError):
        SqliteLedger.migrate(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


# --- other processes


def _environment():
    folder = Path(ntag424.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def child(task, store):
    """Run the program beside this one; it is gone when the block ends."""
    with subprocess.Popen(
        [sys.executable, ledger_process.__file__, task, store.path, store.store_id],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_of_64_redemptions_in_4_processes_one_is_accepted(store, ledger):
    with (
        child("rounds", store) as first,
        child("rounds", store) as second,
        child("rounds", store) as third,
        child("rounds", store) as fourth,
    ):
        processes = first, second, third, fourth
        assert [json.loads(process.stdout.readline()) for process in processes] == ["ready"] * 4
        for counter in range(1, 51):
            for process in processes:
                process.stdin.write(f"{counter}\n")
                process.stdin.flush()
            answers = [json.loads(process.stdout.readline()) for process in processes]
            assert sum(answer.get("Accepted", 0) for answer in answers) == 1, answers


@pytest.fixture
def full_disk(store, ledger):
    """What a process told of a disk that was full for a while."""
    with child("fill", store) as process:
        return json.loads(process.stdout.read())


async def test_on_a_full_disk_every_caller_is_told_so(full_disk):
    assert full_disk["while"] == {"LedgerUnavailableError": 64}


async def test_on_a_full_disk_nobody_earns_a_session(full_disk):
    assert full_disk["sessions"] == 0


async def test_on_a_full_disk_the_check_fails(full_disk):
    assert full_disk["check"] == "LedgerUnavailableError"


async def test_after_a_full_disk_used_taps_are_still_used_and_others_work(full_disk):
    assert full_disk["after"] == ["Replayed", "Accepted"]


@dataclass(frozen=True)
class Killing:
    """What was left by a process that was killed while it redeemed."""

    acknowledged: list[int]
    #: What became of the last acknowledged tap when it was handed in again.
    again: object
    stored: int
    sessions: int
    integrity: list[tuple[str]]


@pytest.fixture(scope="module")
def killings(tmp_path_factory):
    """Kill 20 processes that redeem one counter after the other in one file."""
    path = tmp_path_factory.mktemp("killed") / "ledger.db"
    store = Store(path, SqliteLedger.init(path))
    chance = random.Random(424)
    with asyncio.Runner() as runner:
        ledger = store.open()
        runner.run(ledger.enrol(UID, NOW, 0))
        killings = []
        for _ in range(20):
            runner.run(ledger.aclose())
            with child("count", store) as process:
                told = [process.stdout.readline() for _ in range(chance.randrange(1, 30))]
                process.kill()
                told += process.stdout.readlines()
            integrity = store.ask("PRAGMA integrity_check")
            ledger = store.open()
            acknowledged = [int(line) for line in told]
            again = runner.run(ledger.redeem(tap(acknowledged[-1])))
            stored = runner.run(ledger.find(UID)).counter
            ((sessions,),) = store.ask("SELECT count(*) FROM session")
            killings.append(Killing(acknowledged, again, stored, sessions, integrity))
        runner.run(ledger.aclose())
    return killings


def test_no_tap_that_a_killed_process_answered_is_accepted_again(killings):
    assert [killing.again for killing in killings] == [Replayed()] * 20


def test_no_counter_that_a_killed_process_answered_is_forgotten(killings):
    assert [k for k in killings if k.stored < k.acknowledged[-1]] == []


def test_no_tap_that_a_killed_process_used_up_lacks_its_session(killings):
    assert [k for k in killings if k.sessions != k.stored] == []


def test_a_killed_process_leaves_a_sound_file(killings):
    assert {tuple(killing.integrity) for killing in killings} == {(("ok",),)}
