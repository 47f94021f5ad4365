"""Servers that are gone, hang, or come back: every call is answered all the same."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import count

import pytest
import uvloop

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay import Accepted, Replayed
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay.postgres import PostgresStore
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    NOW,
    STORE_ID,
    UID,
    opened,
    tap,
    until_answered,
)
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


async def is_unavailable(call):
    """Whether *call* is refused as it has to be, because nobody knows."""
    with pytest.raises(LedgerUnavailableError):
        await call
    return True


async def until_asked(ledger):
    """Return once a call of *ledger* has a connection."""
    while not any(lent.connection for lent in ledger._writers._calls.values()):
        await asyncio.sleep(0)


async def until_accepted(ledger, counter=100):
    """Tap until a tap is accepted; return whether one was."""
    counters = count(counter + 1)
    return await until_answered(lambda: ledger.redeem(tap(next(counters)))) == Accepted()


# --- a server that is gone


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_server_nothing_is_answered(call):
    async with opened(PostgresStore.at("postgresql://127.0.0.1:1/x")) as ledger:
        assert await is_unavailable(call(ledger))


@pytest.mark.parametrize("call", ["init", "migrate"])
async def test_without_a_server_no_ledger_is_made(call):
    place = PostgresStore.at("postgresql://127.0.0.1:1/x")
    with pytest.raises(LedgerUnavailableError, match="Connection refused"):
        await getattr(place, call)()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hunter2@127.0.0.1:1/hunter2",
        "postgresql:///hunter2?host=/nowhere/hunter2",
        "postgresql://hunter2.invalid:1/x?sslmode=disable",
        "postgresql://127.0.0.1:1,hunter2.invalid:1/hunter2",
    ],
)
async def test_no_error_tells_where_the_server_is(url):
    async with opened(PostgresStore.at(url)) as ledger:
        with pytest.raises(LedgerUnavailableError) as failure:
            await ledger.check()
    assert "hunter2" not in f"{failure.value} {failure.value.hint}"


async def test_a_killed_server_is_missed(server, ledger):
    await ledger.check()
    server.kill()
    try:
        assert await is_unavailable(ledger.redeem(tap(1)))
    finally:
        server.start()


async def test_a_server_that_came_back_is_used_by_the_first_tap(server, ledger):
    await asyncio.gather(*(ledger.check() for _ in range(16)))
    server.kill()
    server.start()
    assert await ledger.redeem(tap(1)) == Accepted()


async def test_a_killed_server_forgets_no_tap_that_was_accepted(server, ledger):
    await ledger.redeem(tap(7))
    server.kill()
    server.start()
    assert await ledger.redeem(tap(7)) == Replayed()


async def test_taps_under_way_while_a_server_is_killed_are_not_accepted_twice(server, ledger):
    accepted = []

    async def hand_in(counter):
        try:
            if await ledger.redeem(tap(counter)) == Accepted():
                accepted.append(counter)
        except LedgerUnavailableError:
            pass

    for low in range(0, 320, 64):
        calls = [asyncio.ensure_future(hand_in(n)) for n in range(low + 1, low + 65)]
        while not accepted or accepted[-1] <= low:
            await asyncio.sleep(0)
        server.kill()
        await asyncio.gather(*calls)
        server.start()
        await asyncio.gather(*(hand_in(n) for n in range(low + 1, low + 65)))
    assert accepted == sorted(set(accepted))


# --- a server that hangs


@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_hangs_is_not_waited_for(ledger, frozen, call):
    await ledger.check()
    await ledger.find(UID)
    with frozen():
        assert await is_unavailable(call(ledger))


async def test_a_server_that_hangs_from_the_start_is_not_waited_for(store, frozen):
    async with opened(store, deadline=DEADLINE_SECONDS) as ledger:
        with frozen():
            assert await is_unavailable(ledger.redeem(tap(1)))


async def test_64_at_once_do_not_wait_for_a_server_that_hangs(ledger, frozen):
    await ledger.check()
    with frozen():
        calls = (is_unavailable(ledger.redeem(tap(n))) for n in range(1, 65))
        assert all(await asyncio.gather(*calls))


@pytest.mark.parametrize("is_connected", [True, False])
async def test_a_server_that_goes_on_is_used_again(ledger, frozen, is_connected):
    if is_connected:
        await ledger.check()
    with frozen():
        await asyncio.gather(*(is_unavailable(ledger.redeem(tap(n))) for n in range(1, 65)))
    assert await until_accepted(ledger)


async def test_a_tap_for_which_nobody_waits_any_more_is_not_used_up(store, frozen):
    async with opened(store, deadline=DEADLINE_SECONDS) as ledger:
        with frozen():
            assert await is_unavailable(ledger.redeem(tap(50)))
        assert await until_accepted(ledger, counter=0)


async def test_connections_that_are_dead_are_found_out_together(ledger, database):
    await asyncio.gather(*(ledger.check() for _ in range(8)))
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ntag424'"
    backends = [pid for (pid,) in database.execute(query)]
    assert len(backends) > 2
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert await is_unavailable(ledger.check())
        assert await ledger.check() is None
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)


async def test_who_stops_waiting_is_not_held_up_by_a_server_that_hangs(ledger, frozen):
    await ledger.check()
    with frozen():
        call = asyncio.ensure_future(ledger.redeem(tap(1)))
        await until_asked(ledger)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.mark.parametrize("is_connected", [True, False])
async def test_a_ledger_can_be_closed_while_its_server_hangs(store, frozen, is_connected):
    async with opened(store, deadline=DEADLINE_SECONDS) as ledger:
        if is_connected:
            await ledger.check()
        with frozen():
            calls = [asyncio.ensure_future(ledger.redeem(tap(n))) for n in range(1, 65)]
            await asyncio.sleep(0)
            await ledger.aclose()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(answer) for answer in answers} == {LedgerUnavailableError}


async def test_a_server_that_hangs_is_not_asked_for_more_and_more_connections(
    server, ledger, database, frozen
):
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ntag424'"
    await ledger.check()
    with frozen():
        for low in (0, 64, 128):
            calls = (is_unavailable(ledger.redeem(tap(n))) for n in range(low + 1, low + 65))
            await asyncio.gather(*calls)
    await until_accepted(ledger, 1000)
    ((connections,),) = database.execute(query).fetchall()
    assert connections <= 16


async def test_a_dead_server_does_not_hold_up_the_one_that_lives(server, url, store):
    first = f"127.0.0.1:{server.port}"
    with PostgresServer() as dead:
        dead.freeze()
        both = url.replace(first, f"127.0.0.1:{dead.port},{first}")
        async with opened(PostgresStore.at(both)) as ledger:
            assert await ledger.redeem(tap(1)) == Accepted()
        dead.thaw()


def test_all_that_holds_in_the_event_loop_of_the_service(place, frozen):
    async def use():
        await place.init(store_id=STORE_ID)
        async with opened(place, deadline=DEADLINE_SECONDS) as ledger:
            await ledger.enrol(UID, NOW, 0)
            with frozen():
                calls = (is_unavailable(ledger.redeem(tap(n))) for n in range(1, 65))
                refused = all(await asyncio.gather(*calls))
            return refused, await until_accepted(ledger)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(use()) == (True, True)


# --- one tag among others


async def test_one_tag_that_is_held_up_does_not_hold_up_the_others(ledger, database):
    other = Uid(b"\x04" + bytes(6))
    await ledger.enrol(other, NOW, 0)
    with database.transaction():
        database.execute("SELECT FROM tag WHERE uid = %s FOR UPDATE", [bytes(UID)])
        calls = [asyncio.ensure_future(ledger.redeem(tap(n))) for n in range(1, 65)]
        await asyncio.sleep(0)
        assert await ledger.redeem(tap(1, other)) == Accepted()
    await asyncio.gather(*calls)


async def test_a_used_tap_does_not_wait_for_the_next_one(ledger, database):
    await ledger.redeem(tap(1))
    with database.transaction():
        database.execute("SELECT FROM tag WHERE uid = %s FOR UPDATE", [bytes(UID)])
        assert await ledger.redeem(tap(1)) == Replayed()
