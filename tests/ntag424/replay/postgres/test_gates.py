"""Servers and settings under which a tap could be accepted twice."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay import Accepted, EnrolmentPolicy
from ntag424.replay.postgres import PostgresStore
from ntag424.replay.postgres._pool import Pool
from tests.ntag424.replay.postgres.speaking import (
    STORE_ID,
    opened,
    tap,
    until_waiting,
    with_settings,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_a_power_cut_sets_back_is_not_used(store, settings, setting):
    settings(**{setting: "off"})
    async with opened(store) as ledger:
        with pytest.raises(LedgerUnsafeError, match=f"^{setting} of") as refused:
            await ledger.redeem(tap(1))
    assert f"SET {setting} = on" in refused.value.hint


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_a_server_that_confirms_too_early_is_not_used(url, store, value):
    async with opened(PostgresStore.at(with_settings(url, synchronous_commit=value))) as ledger:
        with pytest.raises(LedgerUnsafeError, match=f"^synchronous_commit .* is {value}"):
            await ledger.redeem(tap(1))


@pytest.mark.parametrize("value", ["on", "remote_apply"])
async def test_a_server_that_confirms_late_enough_is_used(url, store, value):
    async with opened(PostgresStore.at(with_settings(url, synchronous_commit=value))) as ledger:
        assert await ledger.redeem(tap(1)) == Accepted()


async def test_the_whole_archive_keeps_to_the_same_gates(url, store):
    with pytest.raises(LedgerUnsafeError, match="synchronous_commit"):
        await PostgresStore.at(with_settings(url, synchronous_commit="off")).archive(STORE_ID)


@pytest.mark.parametrize(
    "settings",
    [
        {"search_path": "elsewhere"},
        {"client_encoding": "latin1"},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_settings_of_a_role_change_nothing(url, store, settings):
    async with opened(PostgresStore.at(with_settings(url, **settings))) as ledger:
        verdicts = await asyncio.gather(
            *(ledger.redeem(tap(1), policy=EnrolmentPolicy.OPEN) for _ in range(16))
        )
    assert verdicts.count(Accepted()) == 1


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
async def test_no_setting_of_a_role_hurries_a_tap_that_waits(url, database, setting):
    async with opened(PostgresStore.at(with_settings(url, **{setting: "200"}))) as ledger:
        await ledger.check()
        with database.transaction():
            database.execute("SELECT FROM tag FOR UPDATE")
            waiting = asyncio.ensure_future(ledger.redeem(tap(1)))
            await asyncio.sleep(0.4)
        assert await waiting == Accepted()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_a_tap_that_waited_sees_what_it_waited_for(url, database, level):
    place = PostgresStore.at(with_settings(url, default_transaction_isolation=level))
    async with opened(place) as ledger:
        await ledger.check()
        with database.transaction():
            database.execute("UPDATE tag SET counter = 1")
            waiting = asyncio.ensure_future(ledger.redeem(tap(2)))
            await until_waiting(database)
        assert await waiting == Accepted()


async def test_a_database_that_is_to_be_read_only_is_not_used(url, store):
    place = PostgresStore.at(with_settings(url, default_transaction_read_only="on"))
    async with opened(place) as ledger:
        with pytest.raises(LedgerUnavailableError, match="read-only"):
            await ledger.check()


async def test_whoever_keeps_a_copy_of_the_log_is_no_standby(server, store):
    with server.copying_log():
        async with opened(store) as ledger:
            assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_server_that_is_made_unsafe_is_found_out_in_time(url, settings):
    """A connection that has served for its lifetime makes room for one that looks again."""
    place = PostgresStore.at(url)
    pool = Pool(place._connect, place._checks.check_server, size=1, deadline=1, lifetime=0)
    try:
        await pool.run(lambda connection: connection.ask(b"SELECT 1"))
        settings(fsync="off")
        with pytest.raises(LedgerUnsafeError, match="fsync"):
            await pool.run(lambda connection: connection.ask(b"SELECT 1"))
    finally:
        await pool.aclose()
