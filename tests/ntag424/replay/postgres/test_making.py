"""A ledger is made once, found again, and brought up to date."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import (
    LedgerError,
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerUnsafeError,
)
from ntag424.replay import Accepted, EnrolmentPolicy
from ntag424.replay.postgres import PostgresStore, _schema
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    GRANT,
    NOW,
    STORE_ID,
    UID,
    opened,
    tap,
    with_settings,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


# --- a new ledger


async def test_a_new_ledger_has_the_id_that_is_asked_for(place):
    assert await place.init(store_id=STORE_ID) == STORE_ID


async def test_a_new_ledger_is_opened_with_the_id_that_was_drawn(place):
    async with opened(place, await place.init()) as ledger:
        assert await ledger.check() is None


async def test_every_new_ledger_has_an_id_of_its_own(server, schema):
    places = [PostgresStore.at(server.url(f"{schema}_{n}")) for n in range(2)]
    assert len({await place.init() for place in places}) == 2


@pytest.mark.parametrize("store_id", ["", "5e", "5E" * 16, "5e" * 17])
async def test_an_id_has_32_hex_digits(place, store_id):
    with pytest.raises(ValueError, match="32 hex digits"):
        await place.init(store_id=store_id)


async def test_no_ledger_is_made_where_one_is(store):
    with pytest.raises(LedgerMismatchError, match="already"):
        await store.init()


async def test_the_ledger_that_was_there_stays_as_it_was(store, ledger):
    with pytest.raises(LedgerMismatchError):
        await store.init()
    assert (await ledger.find(UID)).generation == NOW


async def test_of_many_who_make_a_ledger_at_once_one_does(place):
    ids = [f"{number:032x}" for number in range(8)]
    made = await asyncio.gather(
        *(place.init(store_id=store_id) for store_id in ids), return_exceptions=True
    )
    (store_id,) = [each for each in made if isinstance(each, str)]
    assert [type(each) for each in made].count(LedgerMismatchError) == 7
    async with opened(place, store_id) as ledger:
        await ledger.check()


async def test_a_ledger_is_made_in_a_schema_that_an_operator_made(server, schema, place):
    server.ask(f"CREATE SCHEMA {schema}")
    assert await place.init(store_id=STORE_ID) == STORE_ID


async def test_no_ledger_is_made_among_tables_of_the_same_names(server, schema, place):
    server.ask(f"CREATE SCHEMA {schema}")
    server.ask(f"CREATE TABLE {schema}.session (kept integer)")
    with pytest.raises(LedgerMismatchError, match="already"):
        await place.init()
    query = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
    assert server.ask(query, schema) == [("session",)]


async def test_no_ledger_is_made_on_a_server_that_could_forget(url):
    with pytest.raises(LedgerUnsafeError, match="synchronous_commit"):
        await PostgresStore.at(with_settings(url, synchronous_commit="off")).init()


async def test_a_role_needs_nothing_but_its_schema(server, url, schema):
    server.ask(f"CREATE ROLE {schema} LOGIN")
    server.ask(f"CREATE SCHEMA AUTHORIZATION {schema}")
    theirs = PostgresStore.at(url.replace("postgres@", f"{schema}@"))
    async with opened(theirs, await theirs.init()) as ledger:
        verdict = await ledger.redeem(tap(1), grant=GRANT, policy=EnrolmentPolicy.OPEN)
        assert isinstance(verdict, Accepted)


# --- the ledger that was meant


def test_a_ledger_is_opened_without_an_event_loop(place):
    ledger = place.open(STORE_ID)

    async def use():
        await place.init(store_id=STORE_ID)
        await ledger.check()
        await ledger.aclose()

    asyncio.run(use())


async def test_nothing_is_asked_of_a_server_before_it_is_needed():
    ledger = PostgresStore.at("postgresql://127.0.0.1:1/x").open(STORE_ID)
    await ledger.aclose()


@pytest.mark.parametrize("call", CALLS)
async def test_a_foreign_ledger_is_not_used(store, call):
    async with opened(store, "00" * 16) as ledger:
        with pytest.raises(LedgerUnavailableError, match="not the ledger"):
            await call(ledger)


@pytest.mark.parametrize("call", CALLS)
async def test_a_ledger_that_was_replaced_while_it_was_in_use_is_not_used(ledger, database, call):
    await ledger.check()
    await ledger.find(UID)
    database.execute("UPDATE store SET id = %s", ["00" * 16])
    with pytest.raises(LedgerUnavailableError, match="not the ledger"):
        await call(ledger)


async def test_a_missing_ledger_is_not_used(place):
    async with opened(place) as ledger:
        with pytest.raises(LedgerUnavailableError, match="no ledger in the schema"):
            await ledger.check()


@pytest.mark.parametrize("where", ["not there", "foreign"])
async def test_another_ledger_is_not_opened_as_a_whole(place, where):
    if where == "foreign":
        await place.init()
    with pytest.raises(LedgerMismatchError):
        await place.archive(STORE_ID)


async def test_an_error_tells_what_to_do(place):
    async with opened(place) as ledger:
        with pytest.raises(LedgerUnavailableError) as failure:
            await ledger.check()
    assert "init" in failure.value.hint


# --- releases


A_STEP = b"CREATE TABLE later (number integer NOT NULL);"


@pytest.fixture
def next_release(monkeypatch):
    """Let this program be of a release that has one more migration."""

    def release(*steps):
        known = _schema.migrations()
        monkeypatch.setattr(_schema, "migrations", lambda: known + steps)

    return release


async def test_a_ledger_of_this_release_takes_no_step(store):
    assert await store.migrate() == 0


async def test_where_there_is_no_ledger_nothing_is_migrated(place):
    with pytest.raises(LedgerMismatchError, match="no ledger"):
        await place.migrate()


async def test_an_older_ledger_is_not_used(store, next_release):
    next_release(A_STEP)
    async with opened(store) as ledger:
        with pytest.raises(LedgerUnavailableError, match="run migrate"):
            await ledger.check()
    with pytest.raises(LedgerMismatchError, match="run migrate"):
        await store.archive(STORE_ID)


async def test_an_older_ledger_is_used_once_it_is_migrated(store, next_release):
    next_release(A_STEP)
    assert await store.migrate() == 1
    async with opened(store) as ledger:
        assert await ledger.redeem(tap(1)) == Accepted()


async def test_of_many_who_migrate_at_once_one_does(store, next_release):
    next_release(A_STEP)
    taken = await asyncio.gather(*(store.migrate() for _ in range(4)))
    assert sorted(taken) == [0, 0, 0, 1]


async def test_a_migration_that_fails_leaves_the_ledger_as_it_was(store, next_release, database):
    next_release(A_STEP, b"SELECT no_such_function();")
    with pytest.raises(LedgerUnavailableError):
        await store.migrate()
    state = database.execute("SELECT version, to_regclass('later') FROM store").fetchone()
    assert state == (len(_schema.migrations()) - 2, None)


@pytest.mark.parametrize("call", ["check", "migrate", "archive"])
async def test_a_newer_ledger_is_left_alone(store, database, call):
    database.execute("UPDATE store SET version = version + 1")
    async with opened(store) as ledger:
        calls = {
            "check": ledger.check,
            "migrate": store.migrate,
            "archive": lambda: store.archive(STORE_ID),
        }
        with pytest.raises(LedgerError, match="newer"):
            await calls[call]()
