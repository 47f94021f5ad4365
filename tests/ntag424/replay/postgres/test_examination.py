"""What changes at a server while it is in use is found out, and so is that it is mended."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnsafeError, LedgerWentBackError
from ntag424.replay import Phase, Witness
from ntag424.replay.postgres import PostgresStore
from ntag424.replay.postgres._url import Address
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    opened,
    tap,
    until_answered,
    until_raised,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "local"}


@pytest.fixture
def witness():
    return Witness.in_memory()


@pytest.fixture
def watchful(store, url):
    """The same place, at which a ledger is examined ten times a second."""
    return PostgresStore(Address.of(url), every=0.1)


@pytest.fixture
async def examined(watchful, witness):
    async with opened(watchful, witness=witness) as ledger:
        await ledger.check()
        yield ledger


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("setting", "value"), UNSAFE.items())
async def test_a_server_that_is_made_unsafe_is_refused(examined, settings, setting, value):
    settings(**{setting: value})
    refused = await until_raised(LedgerUnsafeError, examined.check)
    assert str(refused).startswith(f"{setting} of this PostgreSQL is {value}")


@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_was_made_unsafe_is_used_for_nothing(examined, settings, call):
    settings(fsync="off")
    await until_raised(LedgerUnsafeError, examined.check)
    with pytest.raises(LedgerUnsafeError):
        await call(examined)


@pytest.mark.parametrize(("setting", "value"), UNSAFE.items())
async def test_a_server_that_is_mended_is_used_again(examined, settings, setting, value):
    settings(**{setting: value})
    await until_raised(LedgerUnsafeError, examined.check)
    settings(**{setting: None})
    assert await until_answered(examined.check) is None


async def test_a_ledger_that_went_back_is_found_out_without_a_call(examined, witness, database):
    await examined.redeem(tap(1))
    ((revision,),) = database.execute("SELECT last_value FROM revision").fetchall()
    database.execute("SELECT setval('revision', 0)")
    await until(lambda: examined._examination._finding is not None)
    # It stays so until somebody opens it anew, for somebody has to look at it.
    database.execute("SELECT setval('revision', %s)", [revision])
    await asyncio.sleep(0.3)
    with pytest.raises(LedgerWentBackError):
        await examined.redeem(tap(2))


async def test_what_other_nodes_did_is_seen(store, examined, witness):
    before = witness.revision()
    async with opened(store) as other:
        await other.redeem(tap(1))
    await until(lambda: witness.revision() > before)


async def test_looks_go_on_after_one_that_failed(examined, archive, settings):
    await archive.enter(Phase.SEALED)
    await asyncio.sleep(0.3)
    await archive.enter(Phase.SERVING)
    await until_answered(examined.check)
    settings(fsync="off")
    assert await until_raised(LedgerUnsafeError, examined.check)


async def test_looks_go_on_after_the_server_was_away(server, examined, witness, store):
    server.kill()
    await asyncio.sleep(0.3)
    server.start()
    await until_answered(examined.check)
    before = witness.revision()
    async with opened(store) as other:
        await other.redeem(tap(1))
    await until(lambda: witness.revision() > before)


async def test_looks_keep_no_connection(examined, witness, server, schema):
    query = """
        SELECT pid FROM pg_stat_activity WHERE application_name = 'ntag424'
            AND query LIKE '%%touch%%'
    """
    seen = set()
    async with asyncio.timeout(30):
        while len(seen) < 4:  # each look has one of its own
            seen.update(server.ask(query))
            await asyncio.sleep(0)
    assert len(server.ask(query)) <= 2


async def test_the_servers_clock_is_seen(examined, witness, server):
    ((now,),) = server.ask("SELECT extract(epoch FROM clock_timestamp())::bigint * 1000")
    await until(lambda: witness.earliest_now() >= now)


async def test_a_ledger_that_is_examined_can_be_closed_while_its_server_hangs(watchful, frozen):
    async with opened(watchful) as ledger:
        await ledger.check()
        with frozen():
            await asyncio.sleep(0.3)
            async with asyncio.timeout(10):
                await ledger.aclose()
