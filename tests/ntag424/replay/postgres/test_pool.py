"""Calls that wait for each other, and what an answer that is late costs the others."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.replay import Accepted
from ntag424.replay.postgres._connection import Connection
from ntag424.replay.postgres._pool import Pool
from ntag424.replay.postgres._url import Address
from tests.ntag424.replay.postgres.speaking import (
    NOW,
    OTHER,
    UID,
    opened,
    tap,
    until_waiting,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ntag424'"


@pytest.fixture
async def busy(store, deadline):
    """A ledger with several connections, and another tag."""
    async with opened(store, deadline=deadline) as ledger:
        await ledger.enrol(OTHER, NOW, 0)
        await asyncio.gather(*(ledger.check() for _ in range(8)))
        yield ledger


@pytest.fixture
def locked(database):
    """Keep everybody off one tag, as long as a test runs."""
    with database.transaction():
        database.execute("SELECT FROM tag WHERE uid = %s FOR UPDATE", [bytes(UID)])
        yield


def backends(server):
    return {pid for (pid,) in server.ask(BACKENDS)}


@pytest.mark.usefixtures("locked")
async def test_a_late_answer_costs_the_others_no_connection(server, busy):
    before = backends(server)
    with pytest.raises(LedgerUnavailableError, match="did not answer in time"):
        await busy.redeem(tap(1))
    await asyncio.gather(*(busy.check() for _ in range(8)))
    after = backends(server)
    assert len(before) > 4
    assert len(before - after) <= 1  # but for the one that is late


@pytest.mark.usefixtures("locked")
async def test_who_waits_for_calls_before_it_does_not_blame_the_server(busy):
    calls = [asyncio.ensure_future(busy.redeem(tap(n))) for n in range(1, 4)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert ["answer in time" in str(answer) for answer in answers] == [True, False, False]
    assert {type(answer) for answer in answers} == {LedgerUnavailableError}


@pytest.mark.usefixtures("locked")
async def test_who_waits_for_calls_before_it_makes_no_connection_doubtful(busy, database):
    first = asyncio.ensure_future(busy.redeem(tap(1)))
    await until_waiting(database)
    second = asyncio.ensure_future(busy.redeem(tap(2)))
    with pytest.raises(LedgerUnavailableError):
        await first
    await busy.check()  # asked for a word, it is no longer doubtful
    with pytest.raises(LedgerUnavailableError):
        await second
    assert busy._writers._idle


@pytest.mark.usefixtures("locked")
async def test_another_tag_is_served_while_one_is_held_up(busy):
    with pytest.raises(LedgerUnavailableError):
        await busy.redeem(tap(1))
    assert await busy.redeem(tap(1, OTHER)) == Accepted()


@pytest.fixture
async def pool_of(url):
    """Make pools with deadlines of their own."""
    pools = []

    async def prepare(_connection):
        """Find nothing wrong with it."""

    def pool_of(**seconds):
        conninfos = Address.of(url).conninfos
        pools.append(Pool(lambda: Connection.open(conninfos), prepare, size=8, **seconds))
        return pools[-1]

    yield pool_of
    for pool in pools:
        await pool.aclose()


async def six_in_a_row(pool):
    async def call(connection):
        return await connection.ask(b"SELECT pg_sleep(0.3)")

    calls = (pool.run(call, about=b"one tag") for _ in range(6))
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_who_waits_for_calls_about_the_same_does_not_count_their_time(pool_of):
    answers = await six_in_a_row(pool_of(deadline=1.2))
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []


async def test_nobody_waits_for_ever_for_calls_about_the_same(pool_of):
    answers = await six_in_a_row(pool_of(deadline=1.2, longest_wait=1.0))
    assert "too many calls" in str(answers[-1])
