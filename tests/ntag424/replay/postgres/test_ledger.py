"""Constraints behind the statements, and the time that the server tells."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.replay import EnrolmentPolicy, Grant, Refused, Repeated, Replayed
from tests.contracts.manual_clock import ManualClock
from tests.ntag424.replay.postgres.speaking import (
    GRANT,
    NONCE,
    NOW,
    OTHER,
    opened,
    tap,
    until_waiting,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


# --- constraints behind the statements

SECOND_SESSION = """
    INSERT INTO session SELECT sha256(digest), uid, generation, counter, era, made_ms, ends_ms,
        expires_at FROM session
"""


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE tag SET counter = 4", "a counter never goes back"),
        ("UPDATE tag SET generation = generation - 1", "a counter never goes back"),
        (r"UPDATE tag SET uid = '\x04000000000000'", "a counter never goes back"),
        ("DELETE FROM tag", "a tag is erased not deleted"),
        ("TRUNCATE tag CASCADE", "tags are erased not truncated"),
        ("UPDATE tag SET counter = 16777216", "tag_counter_check"),
        ("UPDATE tag SET generation = 65536", "tag_generation_check"),
        ("UPDATE tag SET state = 'lost'", "tag_state_check"),
        ("UPDATE tag SET nonce_ms = NULL", "tag_check"),
        ("UPDATE tag SET nonce_era = NULL", "tag_check"),
        (r"UPDATE tag SET nonce_digest = '\x01'", "nonce_digest_check"),
        (r"UPDATE session SET digest = '\x01'", "session_digest_check"),
        (r"UPDATE session SET uid = '\x04000000000000'", "foreign key"),
        (SECOND_SESSION, "session_uid_generation_counter_key"),
        ("INSERT INTO store SELECT true, id, version, phase FROM store", "store_pkey"),
        ("INSERT INTO store SELECT false, id, version, phase FROM store", "store_is_here_check"),
        ("UPDATE store SET phase = 'lost'", "store_phase_check"),
    ],
)
async def test_the_database_itself_keeps_the_promises(used, database, statement, fault):
    with pytest.raises(psycopg.IntegrityError, match=fault):
        database.execute(statement)


async def test_one_session_serves_for_one_tap(used):
    await used.enrol(OTHER, NOW, 0)
    with pytest.raises(LedgerUnavailableError, match="constraint"):
        await used.redeem(tap(1, OTHER), grant=GRANT)


async def test_a_tap_whose_session_cannot_be_stored_is_not_accepted(used):
    await used.enrol(OTHER, NOW, 0)
    with pytest.raises(LedgerUnavailableError):
        await used.redeem(tap(1, OTHER), grant=GRANT)
    assert (await used.find(OTHER)).counter == 0


async def test_the_nonce_itself_is_not_stored(used, database):
    (row,) = database.execute("SELECT nonce_digest FROM tag").fetchall()
    assert row != (NONCE,)


async def test_a_bug_reaches_the_caller(ledger):
    with pytest.raises(AttributeError):
        await ledger.redeem("no tap")


async def test_a_used_tap_of_a_tag_that_nobody_enrolled_is_refused(ledger):
    await ledger.redeem(tap(1, OTHER), policy=EnrolmentPolicy.OPEN)
    assert await ledger.redeem(tap(1, OTHER)) == Refused()


async def test_of_two_requests_that_wait_for_one_tag_the_second_is_no_repeat(store, database):
    async with opened(store) as one, opened(store) as other:
        with database.transaction():
            database.execute("SELECT FROM tag FOR UPDATE")
            calls = [
                asyncio.ensure_future(door.redeem(tap(1), nonce=nonce))
                for door, nonce in ((one, NONCE), (other, b"\x02" * 16))
            ]
            await until_waiting(database, 2)
        verdicts = await asyncio.gather(*calls)
    assert sorted(type(verdict).__name__ for verdict in verdicts) == ["Accepted", "Replayed"]


async def test_a_session_lives_no_longer_than_its_tag_is_active(used, database):
    database.execute("UPDATE tag SET state = 'suspended'")
    assert await used.grant(GRANT.digest) is None


# --- time


async def test_without_a_clock_the_server_tells_the_time(server, ledger):
    ((before,),) = server.ask("SELECT floor(extract(epoch FROM now()))::bigint")
    verdict = await ledger.redeem(tap(1), grant=GRANT)
    ((after,),) = server.ask("SELECT floor(extract(epoch FROM now()))::bigint")
    assert before + 300 <= verdict.expires_at <= after + 300


async def test_without_a_clock_a_session_ends_by_itself(ledger, database):
    await ledger.redeem(tap(1), grant=GRANT)
    database.execute("UPDATE session SET ends_ms = made_ms + 1")
    assert await ledger.grant(GRANT.digest) is None


async def test_without_a_clock_a_repeat_is_over_after_30_seconds(ledger, database):
    await ledger.redeem(tap(1), nonce=NONCE)
    within = await ledger.redeem(tap(1), nonce=NONCE)
    database.execute("UPDATE tag SET nonce_ms = nonce_ms - 30001")
    assert (within, await ledger.redeem(tap(1), nonce=NONCE)) == (Repeated(), Replayed())


async def test_no_session_lives_before_it_was_made(store):
    clock = ManualClock()
    async with opened(store, clock=clock) as ledger:
        await ledger.redeem(tap(1), grant=GRANT)
        clock.uptime -= 1
        assert await ledger.grant(GRANT.digest) is None


async def test_no_repeat_comes_before_its_tap(store):
    clock = ManualClock()
    async with opened(store, clock=clock) as ledger:
        await ledger.redeem(tap(1), nonce=NONCE)
        clock.uptime -= 1
        assert await ledger.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_ended_sessions_are_swept_out(store, database):
    clock = ManualClock()
    async with opened(store, clock=clock) as ledger:
        for counter in range(1, 1000):
            await ledger.redeem(tap(counter), grant=Grant(counter.to_bytes(32, "big"), 1))
            clock.advance(seconds=2)
    # Of 1000 each 64th sweeps, by chance: to see none has a chance of 1 to 7 millions.
    ((kept,),) = database.execute("SELECT count(*) FROM session").fetchall()
    assert kept < 999
