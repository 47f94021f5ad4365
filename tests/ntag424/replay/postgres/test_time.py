"""A server's clock that is set back lengthens nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ntag424.replay import Grant, Repeated, Replayed, Witness
from ntag424.replay.postgres import PostgresStore
from tests.contracts.manual_clock import ManualClock
from tests.ntag424.replay.postgres.speaking import (
    GRANT,
    NONCE,
    NOW,
    STORE_ID,
    UID,
    opened,
    tap,
)
from tests.servers.postgres import PostgresServer, needs_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@pytest.fixture
def machine():
    """The clock of the machine on which the witness is."""
    return ManualClock()


@pytest.fixture
def witness(machine, server):
    """What has seen the server's clock, as it is."""
    witness = Witness.in_memory(clock=machine)
    witness.observe_time(now_at(server))
    return witness


@pytest.fixture
async def watched(store, witness):
    async with opened(store, witness=witness) as ledger:
        yield ledger


def now_at(server):
    ((now,),) = server.ask("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    return now


# --- what the witness saw


async def test_a_session_ends_though_the_servers_clock_does_not_go_on(watched, machine):
    await watched.redeem(tap(1), grant=GRANT)
    machine.advance(seconds=299)
    lived = await watched.grant(GRANT.digest)
    machine.advance(seconds=2)
    assert (lived is not None, await watched.grant(GRANT.digest)) == (True, None)


async def test_a_session_that_ended_cannot_be_ended_again(watched, machine):
    await watched.redeem(tap(1), grant=GRANT)
    machine.advance(seconds=302)
    assert await watched.revoke(GRANT.digest) is False


async def test_a_repeat_ends_though_the_servers_clock_does_not_go_on(watched, machine):
    await watched.redeem(tap(1), nonce=NONCE)
    machine.advance(seconds=29)
    within = await watched.redeem(tap(1), nonce=NONCE)
    machine.advance(seconds=2)
    assert (within, await watched.redeem(tap(1), nonce=NONCE)) == (Repeated(), Replayed())


async def test_what_people_read_is_the_servers_clock(server, watched, machine):
    machine.advance(seconds=3600)
    before = now_at(server) // 1000
    verdict = await watched.redeem(tap(1), grant=GRANT)
    assert before + 300 <= verdict.expires_at <= now_at(server) // 1000 + 300


async def test_ended_sessions_are_swept_out_all_the_same(watched, machine, database):
    for counter in range(1, 1000):
        await watched.redeem(tap(counter), grant=Grant(counter.to_bytes(32, "big"), 1))
        machine.advance(seconds=2)
    # Of 1000 each 64th sweeps, by chance: to see none has a chance of 1 to 7 millions.
    ((kept,),) = database.execute("SELECT count(*) FROM session").fetchall()
    assert kept < 999


async def test_the_servers_clock_is_seen_at_a_connection(store, server):
    witness, before = Witness.in_memory(clock=ManualClock()), now_at(server)
    async with opened(store, witness=witness) as ledger:
        await ledger.find(UID)
        assert before <= witness.earliest_now() <= now_at(server)


# --- a server whose clock is set


class SetServer(PostgresServer):
    """A PostgreSQL that shows another time than the machine."""

    def __init__(self):
        super().__init__()
        self._offset = self.folder / "offset"
        self.set_clock(0)

    def set_clock(self, seconds):
        """Set it to so many seconds from now."""
        self._offset.write_text(f"{seconds:+d}")
        self._offset.chmod(0o644)

    def command(self):
        library = {
            "LD_PRELOAD": LIBRARIES[0],
            "FAKETIME_TIMESTAMP_FILE": self._offset,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
            "FAKETIME_DISABLE_SHM": 1,
        }
        settings = [f"{name}={value}" for name, value in library.items()]
        *become, program, option, cluster = super().command()
        return [*become, "env", *settings, program, option, cluster]


@pytest.fixture(scope="module")
def set_server():
    needs_postgres()
    if not LIBRARIES:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("no libfaketime: apt-get install faketime")
    with SetServer() as server:
        yield server


@pytest.fixture
async def at_set_server(set_server, schema):
    set_server.set_clock(0)
    place = PostgresStore.at(set_server.url(schema))
    await place.init(store_id=STORE_ID)
    async with opened(place) as ledger:
        await ledger.enrol(UID, NOW, 0)
        yield ledger
    set_server.set_clock(0)


async def test_a_session_that_ended_stays_ended_when_the_clock_is_set_back(
    set_server, at_set_server
):
    await at_set_server.redeem(tap(1), grant=GRANT)
    set_server.set_clock(301)
    await at_set_server.check()
    set_server.set_clock(0)
    assert await at_set_server.grant(GRANT.digest) is None


async def test_a_repeat_that_is_over_stays_over_when_the_clock_is_set_back(
    set_server, at_set_server
):
    await at_set_server.redeem(tap(1), nonce=NONCE)
    set_server.set_clock(31)
    await at_set_server.check()
    set_server.set_clock(0)
    assert await at_set_server.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_a_session_made_while_the_clock_is_back_lives(set_server, at_set_server):
    await at_set_server.check()
    set_server.set_clock(-3600)
    await at_set_server.redeem(tap(1), grant=GRANT)
    assert (await at_set_server.grant(GRANT.digest)).remaining > 290


async def test_the_clock_that_is_set_is_the_servers(set_server):
    before = now_at(set_server)
    set_server.set_clock(3600)
    moved = now_at(set_server) - before
    set_server.set_clock(0)
    assert moved >= 3_600_000
