"""The SQLite file as a store: its URL, its phases, and the ledger as a whole."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    StoreUrlError,
    UnknownTagError,
)
from ntag424.model import Generation, Uid
from ntag424.replay import (
    Accepted,
    Grant,
    Phase,
    Refused,
    Replayed,
    SqliteLedger,
    SqliteStore,
    TagRecord,
    TagState,
)
from ntag424.replay.sqlite import _schema
from tests.ntag424.replay.ledger_process import NOW, UID, grant, tap

pytestmark = pytest.mark.anyio

NEXT = Generation(1, 3)
STORE_ID = "0123456789abcdef" * 2


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path):
    store = SqliteStore(path)
    await store.init(store_id=STORE_ID)
    return store


@pytest.fixture
async def ledger(store):
    """An open ledger that expects taps of one tag from counter 1."""
    ledger = store.open(STORE_ID)
    await ledger.enrol(UID, NOW, 0)
    yield ledger
    await ledger.aclose()


@pytest.fixture
async def archive(store):
    archive = await store.archive(STORE_ID)
    yield archive
    await archive.aclose()


def ask(path, sql):
    """Reach around the ledger."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(sql).fetchall()


async def all_records(archive):
    return [record async for page in archive.records() for record in page]


# --- the URL


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///relative/ledger.db", "relative/ledger.db"),
        ("sqlite:////absolute/ledger.db", "/absolute/ledger.db"),
        ("sqlite:////a file?mode=memory#100%.db", "/a file?mode=memory#100%.db"),
    ],
)
def test_a_url_names_a_path(url, path):
    assert str(SqliteStore.at(url)._path) == path


@pytest.mark.parametrize(
    "url", ["sqlite:///", "sqlite://secretword", "sqlite:secretword", "secretword", ""]
)
def test_a_url_without_a_path_is_refused_and_not_quoted(url):
    with pytest.raises(StoreUrlError) as refusal:
        SqliteStore.at(url)
    assert "secretword" not in f"{refusal.value} {refusal.value.hint}"


# --- init, migrate, open


async def test_init_keeps_the_id_it_is_given(store, path):
    assert ask(path, "SELECT id, phase FROM store") == [(STORE_ID, "serving")]


async def test_init_draws_an_id_where_none_is_given(tmp_path):
    first, second = [await SqliteStore(tmp_path / name).init() for name in "ab"]
    assert first != second


@pytest.mark.parametrize("store_id", ["", "0" * 31, "G" * 32, "A" * 32])
async def test_an_id_that_is_none_is_refused(path, store_id):
    with pytest.raises(ValueError, match="32 hex digits"):
        await SqliteStore(path).init(store_id=store_id)


async def test_init_overwrites_nothing(store, path):
    before = path.read_bytes()
    with pytest.raises(LedgerMismatchError):
        await store.init(store_id=STORE_ID)
    assert path.read_bytes() == before


async def test_a_place_that_cannot_be_written_is_unavailable_and_not_named(tmp_path):
    with pytest.raises(LedgerUnavailableError) as refusal:
        await SqliteStore(tmp_path / "secretword" / "ledger.db").init()
    assert "secretword" not in str(refusal.value)


async def test_an_older_ledger_becomes_a_serving_one(path):
    path.touch()
    with closing(_schema.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {_schema._APPLICATION_ID}")
        db.execute("PRAGMA journal_mode = WAL")
        _schema._apply(db, _schema.migrations()[:1])
        db.execute("INSERT INTO store (id) VALUES (?)", (STORE_ID,))
    store = SqliteStore(path)
    assert await store.migrate() == len(_schema.migrations()) - 1
    await store.open(STORE_ID).aclose()


# --- phases


SENTENCES = {
    Phase.FILLING: ("a move into this ledger has not finished", "ntag424-service move"),
    Phase.LEAVING: ("a move out of this ledger has not finished", "again"),
    Phase.SEALED: ("this ledger was moved elsewhere", "NTAG424_STORE"),
}


@pytest.mark.parametrize("phase", SENTENCES)
async def test_a_ledger_that_is_not_serving_is_not_opened(path, phase):
    await SqliteStore(path).init(store_id=STORE_ID, phase=phase)
    with pytest.raises(LedgerMismatchError) as refusal:
        SqliteLedger.open(path, store_id=STORE_ID)
    sentence, advice = SENTENCES[phase]
    assert (str(refusal.value), advice in refusal.value.hint) == (sentence, True)


@pytest.mark.parametrize("phase", Phase)
async def test_the_phase_that_was_entered_is_told(store, archive, phase):
    await archive.enter(phase)
    beside = await store.archive(STORE_ID)
    told = await beside.phase()
    await beside.aclose()
    assert told is phase


CALLS = {
    "redeem": lambda ledger: ledger.redeem(tap(2), grant=grant(2)),
    "enrol": lambda ledger: ledger.enrol(UID, NEXT, 0),
    "set_state": lambda ledger: ledger.set_state(UID, TagState.SUSPENDED),
    "revoke": lambda ledger: ledger.revoke(grant(1).digest),
    "grant": lambda ledger: ledger.grant(grant(1).digest),
    "find": lambda ledger: ledger.find(UID),
    "check": lambda ledger: ledger.check(),
}


@pytest.mark.parametrize("phase", SENTENCES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_an_open_ledger_obeys_from_the_moment_it_is_told(ledger, archive, phase, call):
    await ledger.redeem(tap(1), grant=grant(1))
    await archive.enter(phase)
    with pytest.raises(LedgerUnavailableError, match=SENTENCES[phase][0]):
        await call(ledger)


async def test_what_waits_together_is_refused_together(path, ledger, archive):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        calls = [asyncio.ensure_future(ledger.redeem(tap(n))) for n in range(1, 33)]
        await asyncio.sleep(0)
        other.execute("UPDATE store SET phase = 'sealed'")
        other.execute("COMMIT")
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}
    assert (await all_records(archive))[0].counter == 0


async def test_a_ledger_that_serves_again_knows_what_was_used_before(ledger, archive):
    await ledger.redeem(tap(7))
    for phase in (Phase.SEALED, Phase.FILLING, Phase.SERVING):
        await archive.enter(phase)
    assert (await ledger.redeem(tap(7)), await ledger.redeem(tap(8))) == (Replayed(), Accepted())


async def test_a_ledger_that_comes_back_keeps_no_session_from_before(ledger, archive):
    """It may have been revoked meanwhile, where the ledger was."""
    await ledger.redeem(tap(1), grant=grant(1))
    for phase in (Phase.SEALED, Phase.FILLING, Phase.SERVING):
        await archive.enter(phase)
    assert await ledger.grant(grant(1).digest) is None


@pytest.mark.parametrize(
    "harm", ["UPDATE store SET phase = NULL", "UPDATE store SET phase = 'resting'"]
)
async def test_the_file_itself_refuses_a_phase_that_is_none(store, path, harm):
    with pytest.raises(sqlite3.IntegrityError):
        ask(path, harm)


async def test_a_ledger_that_lost_its_phase_is_unavailable(path, ledger):
    ask(path, "DELETE FROM store")
    with pytest.raises(LedgerUnavailableError, match="damaged"):
        await ledger.redeem(tap(1))


# --- records and merge


def record(counter=5, generation=NOW, state=TagState.ACTIVE, *, enrolled=True, uid=UID):
    return TagRecord(uid, generation, counter, state, enrolled)


def uid_of(number):
    return Uid(b"\x04" + number.to_bytes(6, "big"))


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2500])
async def test_all_records_come_and_each_once(archive, size):
    tags = [record(number, uid=uid_of(number)) for number in range(size)]
    await archive.merge(tags[::-1])
    assert await all_records(archive) == tags
    assert await archive.count() == size


async def test_no_page_of_records_is_too_much_at_once(archive):
    await archive.merge([record(uid=uid_of(number)) for number in range(2500)])
    assert [len(page) async for page in archive.records()] == [1000, 1000, 500]


@pytest.mark.parametrize("state", TagState)
@pytest.mark.parametrize("enrolled", [True, False])
async def test_a_record_that_is_new_is_taken_as_it_is(archive, state, enrolled):
    new = record(state=state, enrolled=enrolled)
    await archive.merge([new])
    assert await all_records(archive) == [new]


OPEN, SUSPENDED, ERASED = TagState.ACTIVE, TagState.SUSPENDED, TagState.ERASED
#: Two records of one tag, and what stays of them.
PAIRS = {
    "higher counter": (record(5), record(6), record(6)),
    "higher generation, lower counter": (record(5), record(1, NEXT), record(1, NEXT)),
    "higher generation, laxer state": (
        record(5, state=ERASED),
        record(1, NEXT),
        record(1, NEXT),
    ),
    "higher generation, not enrolled": (
        record(5),
        record(1, NEXT, enrolled=False),
        record(1, NEXT, enrolled=False),
    ),
    "suspended": (record(5), record(4, state=SUSPENDED), record(5, state=SUSPENDED)),
    "erased": (record(5), record(4, state=ERASED), record(5, state=ERASED)),
    "erased before suspended": (
        record(state=SUSPENDED),
        record(state=ERASED),
        record(state=ERASED),
    ),
    "enrolled": (record(5, enrolled=False), record(4), record(5)),
    "the same": (record(5), record(5), record(5)),
}


@pytest.mark.parametrize(("one", "other", "stays"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("turned", [False, True])
async def test_of_two_records_the_maximum_stays_whichever_comes_first(
    archive, one, other, stays, turned
):
    for given in (other, one) if turned else (one, other):
        await archive.merge([given])
    assert await all_records(archive) == [stays]


async def test_of_two_records_in_one_call_the_maximum_stays(archive):
    await archive.merge([record(5), record(7), record(6)])
    assert await all_records(archive) == [record(7)]


async def test_a_tap_that_was_merged_is_used_up(ledger, archive):
    await archive.merge([record(5)])
    assert await ledger.redeem(tap(5)) == Replayed()


async def test_nothing_from_before_a_merge_is_repeated_after_it(ledger, archive):
    nonce = bytes(16)
    await ledger.redeem(tap(5), nonce=nonce)
    await archive.merge([record(5)])
    assert await ledger.redeem(tap(5), nonce=nonce) == Replayed()


async def test_a_session_ended_by_a_merge_does_not_come_back(ledger, archive):
    await ledger.redeem(tap(1), grant=grant(1))
    await archive.merge([record(1, state=SUSPENDED)])
    await ledger.set_state(UID, TagState.ACTIVE)
    assert await ledger.grant(grant(1).digest) is None


async def test_a_merged_suspension_counts(ledger, archive):
    await archive.merge([record(1, state=SUSPENDED)])
    assert await ledger.redeem(tap(2)) == Refused()


async def test_a_merged_tombstone_counts(ledger, archive):
    await archive.merge([record(1, state=ERASED)])
    with pytest.raises(UnknownTagError):
        await ledger.set_state(UID, TagState.ACTIVE)


async def test_a_merge_that_fails_leaves_nothing_and_can_be_made_again(archive):
    other = uid_of(1)
    with pytest.raises(LedgerUnavailableError):
        await archive.merge([record(uid=other), record(0x01_00_00_00)])
    assert await all_records(archive) == []
    await archive.merge([record(uid=other)])
    assert await all_records(archive) == [record(uid=other)]


async def test_a_merge_waits_for_the_disk(archive):
    assert archive._db.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_records_can_be_read_while_taps_are_redeemed(ledger, archive):
    pages = archive.records()
    await ledger.redeem(tap(1), grant=Grant(bytes(32), 300))
    assert [record async for page in pages for record in page] == [record(1)]


# --- what cannot be opened as a whole


async def test_there_is_no_archive_where_there_is_no_ledger(path):
    with pytest.raises(LedgerMismatchError):
        await SqliteStore(path).archive(STORE_ID)
    assert not path.exists()


async def test_there_is_no_archive_of_another_ledger(store):
    with pytest.raises(LedgerMismatchError):
        await store.archive("f" * 32)


async def test_an_archive_whose_file_was_replaced_is_unavailable(store, path, archive):
    other = path.with_name("other.db")
    await SqliteStore(other).init(store_id=STORE_ID)
    other.replace(path)
    with pytest.raises(LedgerUnavailableError):
        await archive.enter(Phase.SERVING)


async def test_an_archive_may_be_closed_twice(archive):
    await archive.aclose()
    await archive.aclose()


async def test_a_closed_archive_is_unavailable(archive):
    await archive.aclose()
    with pytest.raises(LedgerUnavailableError):
        await archive.phase()
