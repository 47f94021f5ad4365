"""Attack: show used taps again after PostgreSQL was restored from a backup, a copy or a dump.

Everything a restored ledger says is in order, but it lacks the taps that were accepted since.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager, suppress
from itertools import count

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerWentBackError
from ntag424.model import Generation, Uid
from ntag424.replay import (
    Accepted,
    Grant,
    Phase,
    Repeated,
    Replayed,
    TagRecord,
    TagState,
    Witness,
)
from ntag424.replay.postgres import PostgresStore
from ntag424.sdm import CountedTap
from tests.contracts.waiting import until_it_serves
from tests.servers.postgres import PostgresServer, StandbyPair, needs_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("restored postgresql")]

STORE_ID = "5e" * 16
NOW = Generation(1, 2)
UIDS = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(4)]
TAPS = [CountedTap(uid, NOW, counter) for counter in range(1, 11) for uid in UIDS]
SCHEMAS = count(1)
ROUNDS = 20 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 5


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def server():
    needs_postgres()
    with PostgresServer() as server:
        yield server


@pytest.fixture
def schema():
    return f"tags_{next(SCHEMAS)}"


@pytest.fixture
async def store(server, schema):
    """A place with a ledger that expects taps of all tags."""
    store = PostgresStore.at(server.url(schema))
    await make(store)
    return store


@pytest.fixture
def witness_file(tmp_path):
    file = tmp_path / "witness"
    Witness.create(file, STORE_ID)
    return file


async def make(store):
    await store.init(store_id=STORE_ID)
    async with opened(store) as ledger:
        for uid in UIDS:
            await ledger.enrol(uid, NOW, 0)


@asynccontextmanager
async def opened(store, witness_file=None):
    witness = Witness.open(witness_file, STORE_ID) if witness_file else None
    ledger = store.open(STORE_ID, witness=witness)
    try:
        await until_it_answers(ledger)
        yield ledger
    finally:
        await ledger.aclose()


async def until_it_answers(ledger):
    """Ask until the server is up; that the ledger went back is an answer."""
    with suppress(LedgerWentBackError):
        async with asyncio.timeout(30):
            while True:
                try:
                    return await ledger.check()
                except LedgerWentBackError:
                    raise
                except LedgerUnavailableError:
                    await asyncio.sleep(0.01)


def fresh_grant():
    return Grant(secrets.token_bytes(32), 300)


async def use_up(ledger, taps=TAPS):
    """Redeem each of *taps*, which are fresh."""
    for tap in taps:
        while True:
            with suppress(LedgerUnavailableError):
                verdict = await ledger.redeem(tap, nonce=bytes(16), grant=fresh_grant())
                assert isinstance(verdict, Accepted | Repeated), verdict
                break


async def outcomes(ledger, taps=TAPS):
    """Show *taps*, and say what each came to."""
    found = []
    for tap in taps:
        try:
            verdict = await ledger.redeem(tap, nonce=secrets.token_bytes(16), grant=fresh_grant())
        except LedgerUnavailableError as error:
            found.append(type(error))
        else:
            found.append(type(verdict))
    return set(found)


async def outcomes_at(store, witness_file, taps=TAPS):
    async with opened(store, witness_file) as ledger:
        return await outcomes(ledger, taps)


async def recover(store, witness_file):
    """Do as the contract says: what the machine knows goes in, and a new timeline begins."""
    witness, archive = Witness.open(witness_file, STORE_ID), await store.archive(STORE_ID)
    marks = [
        TagRecord(
            uid,
            Generation.from_bytes(reached[:2]),
            int.from_bytes(reached[2:], "big"),
            TagState.ACTIVE,
            enrolled=False,
        )
        for uid, reached in witness.marks()
    ]
    for step in (
        lambda: archive.enter(Phase.RECOVERING),
        lambda: archive.merge(marks),
        archive.mark_behind,
        lambda: archive.start_timeline(witness.timeline + 1),
        lambda: archive.enter(Phase.SERVING),
    ):
        await step()
        await step()  # where it was cut off it is done again
    await archive.aclose()
    witness.close()


# --- base backups


async def test_a_backup_restored_before_opening_gives_no_session(server, store, witness_file):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    server.restore(backup)
    assert await outcomes_at(store, witness_file) == {LedgerWentBackError}


async def test_a_backup_restored_under_a_ledger_gives_no_session(server, store):
    backup = server.back_up()
    async with opened(store) as ledger:
        await use_up(ledger)
        server.restore(backup)
        await until_it_answers(ledger)
        assert await outcomes(ledger) == {LedgerWentBackError}


@pytest.mark.parametrize("seen_by", ["the node that took it", "another node"])
async def test_a_backup_that_lacks_one_tap_gives_no_session(server, store, seen_by, witness_file):
    """The least that can be missing; and its revision comes from the log, which is ahead."""
    async with opened(store, witness_file) as ledger:
        server.ask("CHECKPOINT")
        await use_up(ledger, TAPS[:1])
        copy = server.copy()
        await use_up(ledger, TAPS[1:2])
    server.restore(copy)
    shown = TAPS[1:2] if seen_by == "the node that took it" else TAPS[2:3]
    assert await outcomes_at(store, witness_file, shown) == {LedgerWentBackError}


async def test_a_tag_that_is_behind_gives_no_session_though_the_revision_is_not(
    server, store, schema, witness_file
):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    server.restore(backup)
    server.ask(f"SELECT setval('{schema}.revision', 1 << 30)")
    assert await outcomes_at(store, witness_file) == {LedgerWentBackError}


async def test_a_second_process_knows_what_the_first_one_saw(server, store, witness_file):
    backup = server.back_up()
    async with opened(store, witness_file) as second:
        async with opened(store, witness_file) as first:
            await use_up(first)
        server.restore(backup)
        await until_it_answers(second)
        assert await outcomes(second) == {LedgerWentBackError}


async def test_the_error_says_what_to_do(server, store, witness_file):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger, TAPS[:1])
    server.restore(backup)
    async with opened(store, witness_file) as ledger:
        with pytest.raises(LedgerWentBackError, match="restored or copied") as failure:
            await ledger.check()
    assert "ntag424-service recover" in failure.value.hint


# --- recovery


@pytest.mark.parametrize("shown", [TAPS, TAPS[::-1]], ids=["oldest first", "newest first"])
async def test_a_recovered_ledger_gives_no_session_for_used_taps(
    server, store, witness_file, shown
):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    server.restore(backup)
    await recover(store, witness_file)
    assert await outcomes_at(store, witness_file, shown * 2) == {Replayed}


async def test_a_recovered_ledger_accepts_the_second_fresh_tap(server, store, witness_file):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    server.restore(backup)
    await recover(store, witness_file)
    async with opened(store, witness_file) as ledger:
        verdicts = [await ledger.redeem(CountedTap(UIDS[0], NOW, n)) for n in (11, 12)]
    assert verdicts == [Replayed(), Accepted()]


async def test_a_recovered_ledger_that_goes_back_again_is_noticed(server, store, witness_file):
    backup = server.back_up()
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    server.restore(backup)
    await recover(store, witness_file)
    assert await outcomes_at(store, witness_file, TAPS[:1]) == {Replayed}
    server.restore(backup)
    assert await outcomes_at(store, witness_file) == {LedgerWentBackError}


# --- dumps


async def reload(server, schema):
    """Replace the ledger by what a dump of it has."""
    dump = server.dump(schema)
    server.ask(f"DROP SCHEMA {schema} CASCADE")
    server.load(dump)


async def test_a_dump_that_is_loaded_is_refused_by_an_open_ledger(server, store, schema):
    """Even if it lacks nothing: what was accepted while a dump was written is not in it."""
    async with opened(store) as ledger:
        await use_up(ledger, TAPS[:1])
        await reload(server, schema)
        with pytest.raises(LedgerUnavailableError, match="is a copy") as failure:
            await ledger.redeem(TAPS[1])
    assert "ntag424-service recover" in failure.value.hint


async def test_a_dump_in_another_database_is_refused(server, store, schema):
    dump = server.dump(schema)
    server.ask(f"CREATE DATABASE {schema}")
    server.load(dump, into=schema)
    copy = PostgresStore.at(server.url(schema).replace("/postgres?", f"/{schema}?"))
    ledger = copy.open(STORE_ID)
    with pytest.raises(LedgerUnavailableError, match="is a copy"):
        await ledger.check()
    await ledger.aclose()


async def test_a_database_that_was_copied_is_refused(server, store, schema):
    server.ask(f"CREATE DATABASE {schema} TEMPLATE postgres")
    copy = PostgresStore.at(server.url(schema).replace("/postgres?", f"/{schema}?"))
    ledger = copy.open(STORE_ID)
    with pytest.raises(LedgerUnavailableError, match="is a copy"):
        await ledger.check()
    await ledger.aclose()


async def test_a_dump_that_is_loaded_is_no_serving_ledger(server, store, schema):
    await reload(server, schema)
    archive = await store.archive(STORE_ID)
    assert await archive.phase() is Phase.RECOVERING
    await archive.aclose()


async def test_a_dump_serves_once_it_is_recovered(server, store, schema, witness_file):
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    await reload(server, schema)
    await recover(store, witness_file)
    assert await outcomes_at(store, witness_file) == {Replayed}
    async with opened(store, witness_file) as ledger:
        verdicts = [await ledger.redeem(CountedTap(UIDS[0], NOW, n)) for n in (11, 12)]
    assert verdicts == [Replayed(), Accepted()]


# --- no false alarm


async def tap_on(ledger, number, counters, alarms):
    """Tap with one tag, one tap after the other, until somebody cancels it."""
    while True:
        try:
            await ledger.redeem(CountedTap(UIDS[number], NOW, next(counters)))
        except LedgerWentBackError as error:
            return alarms.append(error)
        except LedgerUnavailableError:
            await asyncio.sleep(0.01)


async def alarms_during(store, witness_file, disaster):
    """Let people tap at two nodes, and one look on, while a server dies again and again."""
    counters, alarms = count(1), []
    looking = PostgresStore(store._address, every=0.02)
    async with opened(looking, witness_file) as one, opened(looking) as other:
        people = [
            asyncio.ensure_future(tap_on(ledger, number, counters, alarms))
            for number in range(len(UIDS))
            for ledger in (one, other)
        ]
        for _ in range(ROUNDS):
            await until_it_answers(one)
            await asyncio.sleep(0.1)  # some load; nothing is measured by it
            await asyncio.to_thread(disaster)
        await until_it_serves(one)
        await until_it_serves(other)
        for each in people:
            each.cancel()
        await asyncio.gather(*people, return_exceptions=True)
    return alarms


async def test_a_server_killed_under_load_did_not_go_back(server, store, witness_file):
    def disaster():
        server.kill()
        server.start()

    assert await alarms_during(store, witness_file, disaster) == []


@pytest.fixture
def pair():
    needs_postgres()
    with StandbyPair() as pair:
        yield pair


async def test_a_standby_promoted_under_load_did_not_go_back(pair, witness_file):
    store = PostgresStore.at(pair.url())
    await make(store)
    assert await alarms_during(store, witness_file, pair.fail_over) == []


async def test_a_standby_that_lagged_behind_is_refused_when_it_is_promoted(pair, witness_file):
    store = PostgresStore.at(pair.url())
    await make(store)
    pair.standby.kill()
    pair.primary.set(synchronous_standby_names="")
    async with opened(store, witness_file) as ledger:
        await use_up(ledger)
    pair.primary.kill()
    pair.standby.start()
    pair.promote()
    pair.primary.set(synchronous_standby_names="")
    assert await outcomes_at(store, witness_file) == {LedgerWentBackError}
