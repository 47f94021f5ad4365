"""What takes too long is given up in the end, and a warning is no answer."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay.postgres._connection import Connection
from ntag424.replay.postgres._url import Address
from tests.ntag424.replay.postgres.speaking import GRANT, NOW, STORE_ID, tap, until_waiting

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


@pytest.fixture
async def connection(url):
    connection = await Connection.open(Address.of(url).conninfos, patience=0.2)
    yield connection
    await connection.aclose()


async def test_what_takes_too_long_is_given_up_on_the_server_too(server, connection):
    with pytest.raises(LedgerUnavailableError, match="user request"):
        await connection.ask(b"SELECT pg_sleep(60)")
    query = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
    assert server.ask(query) == []


async def test_a_connection_on_which_something_was_given_up_serves_again(connection):
    with pytest.raises(LedgerUnavailableError):
        await connection.ask(b"SELECT pg_sleep(60)")
    assert connection.is_sound
    assert await connection.ask(b"SELECT 1") == [(1,)]


async def test_a_connection_to_a_server_that_hangs_is_cut_in_the_end(connection, frozen):
    with frozen():
        asking = asyncio.ensure_future(connection.ask(b"SELECT 1"))
        await asyncio.wait({asking}, timeout=10)
        assert isinstance(asking.exception(), LedgerUnavailableError)
        assert not connection.is_sound


async def test_a_warning_is_no_answer(connection):
    with pytest.raises(LedgerUnavailableError, match="so it goes"):
        await connection.run_script(b"DO $$ BEGIN RAISE WARNING 'so it goes'; END $$")


async def test_a_warning_is_forgotten_by_the_next_answer(connection):
    with pytest.raises(LedgerUnavailableError):
        await connection.run_script(b"DO $$ BEGIN RAISE WARNING 'so it goes'; END $$")
    assert await connection.ask(b"SELECT 1") == [(1,)]


async def test_a_notice_is_no_warning(connection):
    await connection.run_script(b"DO $$ BEGIN RAISE NOTICE 'nothing'; END $$")


async def test_a_session_is_found_while_taps_have_to_wait(ledger, database):
    await ledger.redeem(tap(1), grant=GRANT)
    uids = [Uid(b"\x04" + n.to_bytes(6, "big")) for n in range(16)]
    for uid in uids:
        await ledger.enrol(uid, NOW, 0)
    with database.transaction():
        database.execute("SELECT FROM tag FOR UPDATE")
        calls = [asyncio.ensure_future(ledger.redeem(tap(1, uid))) for uid in uids]
        await until_waiting(database, 12)  # as many as may write at once
        assert await ledger.grant(GRANT.digest) is not None
    await asyncio.gather(*calls)


async def test_a_closed_archive_is_unavailable(store):
    archive = await store.archive(STORE_ID)
    await archive.aclose()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        await archive.phase()
