"""A primary and its synchronous standby: what only one of them knows was never answered."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from threading import Thread

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.model import Uid
from ntag424.replay import Accepted, Repeated, Replayed, TagState, Witness
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay.postgres import PostgresStore
from ntag424.replay.postgres._url import Address
from tests.contracts.history import Recorder, violations
from tests.ntag424.replay.postgres.speaking import (
    GRANT,
    NEXT,
    NONCE,
    NOW,
    UID,
    opened,
    tap,
    until_answered,
    until_raised,
    with_settings,
)
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def url(pair, schema):
    return pair.url(schema)


@pytest.fixture
def frozen(pair):
    """Let the standby do nothing as long as a block runs; and never beyond the test."""

    @contextmanager
    def frozen():
        standby = pair.standby
        standby.freeze()
        try:
            yield
        finally:
            standby.thaw()

    return frozen


async def until_one_waits(pair):
    """Return once a commit waits for the standby."""
    async with asyncio.timeout(30):
        while not pair.primary.ask(WAITING):
            await asyncio.sleep(0.01)


@contextmanager
def waits_cancelled(primary):
    """Cancel every wait for the standby as soon as it begins, as a careless operator could."""
    running = True

    def cancel():
        with primary.connect() as connection:
            while running:
                connection.execute(f"SELECT pg_cancel_backend(pid) FROM ({WAITING}) AS waiting")
                time.sleep(0.02)

    operator = Thread(target=cancel)
    operator.start()
    try:
        yield
    finally:
        running = False
        operator.join()


# --- answers wait for the standby


async def test_a_tap_that_the_standby_does_not_know_is_not_accepted(ledger, frozen):
    with frozen(), pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(1))


async def test_a_tap_without_an_answer_may_be_repeated_once_the_standby_knows_it(ledger, frozen):
    with frozen(), pytest.raises(LedgerUnavailableError):
        await ledger.redeem(tap(1), nonce=NONCE)
    assert await ledger.redeem(tap(1), nonce=NONCE) == Repeated()


async def test_taps_go_on_as_soon_as_the_standby_does(ledger, frozen):
    with frozen():
        calls = (ledger.redeem(tap(n)) for n in range(1, 65))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(answer) for answer in answers} == {LedgerUnavailableError}
    assert await until_answered(lambda: ledger.redeem(tap(100))) == Accepted()


async def test_without_the_standby_used_taps_are_still_refused(used, frozen):
    with frozen():
        assert await used.redeem(tap(5)) == Replayed()


async def test_without_the_standby_sessions_are_still_found(pair, used, frozen):
    uids = [Uid(b"\x04" + n.to_bytes(6, "big")) for n in range(64)]
    with frozen():
        calls = [asyncio.ensure_future(used.enrol(uid, NOW, 0)) for uid in uids]
        await until_one_waits(pair)
        assert await used.grant(GRANT.digest) is not None
        await asyncio.gather(*calls, return_exceptions=True)


async def test_without_the_standby_a_ledger_is_not_ready(ledger, frozen):
    await ledger.check()
    with frozen(), pytest.raises(LedgerUnavailableError):
        await ledger.check()


async def test_a_wait_that_was_cancelled_is_no_success(pair, ledger, frozen):
    with (
        frozen(),
        waits_cancelled(pair.primary),
        pytest.raises(LedgerUnavailableError, match="synchronous replication"),
    ):
        await ledger.redeem(tap(1))


async def test_it_is_none_either_where_warnings_are_not_wanted(pair, store, url, frozen, deadline):
    place = PostgresStore.at(with_settings(url, client_min_messages="error"))
    async with opened(place, deadline=deadline) as ledger:
        await ledger.find(UID)
        with (
            frozen(),
            waits_cancelled(pair.primary),
            pytest.raises(LedgerUnavailableError, match="synchronous replication"),
        ):
            await ledger.redeem(tap(1))


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(6), nonce=NONCE), id="redeem"),
        pytest.param(lambda ledger: ledger.enrol(UID, NEXT, 0), id="enrol"),
        pytest.param(lambda ledger: ledger.set_state(UID, TagState.ERASED), id="set_state"),
        pytest.param(lambda ledger: ledger.revoke(GRANT.digest), id="revoke"),
    ],
)
async def test_nobody_is_told_that_it_was_done_before_the_standby_knows(
    pair, store, used, frozen, call
):
    async with opened(store, deadline=DEADLINE_SECONDS) as other:
        await other.check()
        with frozen():
            with waits_cancelled(pair.primary), pytest.raises(LedgerUnavailableError):
                await call(used)
            # The primary did it all the same; but it is not sure of it.
            with pytest.raises(LedgerUnavailableError):
                await call(other)


async def test_a_session_that_began_careful_does_not_become_careless(pair, ledger, frozen):
    await ledger.check()
    pair.primary.set(synchronous_commit="local")
    try:
        with frozen(), pytest.raises(LedgerUnavailableError):
            await ledger.redeem(tap(1))
    finally:
        pair.primary.set(synchronous_commit=None)


async def test_waits_for_a_standby_do_not_use_up_the_server(pair, ledger, frozen):
    uids = [Uid(b"\x04" + n.to_bytes(6, "big")) for n in range(64)]
    for uid in uids:
        await ledger.enrol(uid, NOW, 0)
    with frozen():
        for counter in (1, 2):
            calls = (ledger.redeem(tap(counter, uid)) for uid in uids)
            await asyncio.gather(*calls, return_exceptions=True)
        waiting = pair.primary.ask(WAITING)
        assert 0 < len(waiting) <= 12
        # They are given up even though the standby stays away.
        async with asyncio.timeout(30):
            while set(waiting) & set(pair.primary.ask(WAITING)):
                await asyncio.sleep(0.1)


# --- what is known outside


@pytest.fixture
def witness():
    return Witness.in_memory()


@pytest.fixture
async def watched(store, witness, deadline):
    async with opened(store, witness=witness, deadline=deadline) as ledger:
        await ledger.check()
        yield ledger


async def test_what_the_standby_does_not_know_is_not_remembered(watched, witness, frozen):
    before = witness.revision()
    with frozen():
        with pytest.raises(LedgerUnavailableError):
            await watched.redeem(tap(1))
        assert (witness.revision(), witness.mark(UID)) == (before, b"")


async def test_a_revision_that_the_standby_does_not_know_is_not_remembered(
    pair, store, watched, witness, frozen
):
    before = witness.revision()
    async with opened(store, deadline=DEADLINE_SECONDS) as other:
        await other.check()
        with frozen():
            tapping = asyncio.ensure_future(other.redeem(tap(1)))
            await until_one_waits(pair)
            with pytest.raises(LedgerUnavailableError):
                await watched.check()
            assert witness.revision() == before
        await asyncio.gather(tapping, return_exceptions=True)


async def test_a_standby_that_nobody_waits_for_any_more_is_found_out(pair, url, store):
    watchful = PostgresStore(Address.of(url), every=0.1)
    async with opened(watchful) as ledger:
        await ledger.check()
        pair.primary.set(synchronous_standby_names="")
        try:
            refused = await until_raised(LedgerUnsafeError, ledger.check)
        finally:
            pair.primary.set(synchronous_standby_names=None)
        assert "synchronous_standby_names" in str(refused)
        wait_until(pair.is_complete, "the standby follows")
        assert await until_answered(ledger.check) is None


# --- which server is asked


@pytest.fixture
def without_names(pair):
    """Let commits wait for nobody, with a standby that could take over at any time."""
    pair.primary.set(synchronous_standby_names="")
    yield
    pair.primary.set(synchronous_standby_names=None)
    wait_until(pair.is_complete, "the standby follows")


@pytest.mark.usefixtures("without_names")
@pytest.mark.parametrize("role", ["superuser", "owner of the schema"])
async def test_a_primary_whose_standby_may_lag_behind_is_not_used(pair, url, schema, role):
    if role != "superuser":
        pair.primary.ask(f"CREATE ROLE {schema} LOGIN")
        url = url.replace("postgres@", f"{schema}@")
    async with opened(PostgresStore.at(url)) as ledger:
        with pytest.raises(LedgerUnsafeError, match="synchronous_standby_names of") as refused:
            await ledger.check()
    assert "synchronous_standby_names = 'ANY 1 (*)'" in refused.value.hint


async def test_a_standby_is_not_used(pair, schema, store):
    async with opened(PostgresStore.at(pair.standby.url(schema))) as ledger:
        with pytest.raises(LedgerUnavailableError, match="session is read-only"):
            await ledger.find(UID)


async def test_a_standby_is_not_used_even_where_any_server_is_to_be(pair, schema, store):
    url = f"{pair.standby.url(schema)}&target_session_attrs=any"
    async with opened(PostgresStore.at(url)) as ledger:
        with pytest.raises(LedgerUnavailableError, match="is a standby"):
            await ledger.find(UID)


# --- failover


async def test_a_tap_that_was_accepted_stays_used_after_a_failover(pair, ledger):
    await ledger.redeem(tap(7))
    pair.fail_over()
    assert await ledger.redeem(tap(7)) == Replayed()


async def test_a_session_outlives_the_primary(pair, ledger):
    await ledger.redeem(tap(1), grant=GRANT)
    pair.fail_over()
    assert await ledger.grant(GRANT.digest) is not None


async def test_an_open_ledger_finds_the_new_primary(pair, ledger):
    await ledger.redeem(tap(1))
    pair.fail_over()
    assert await ledger.redeem(tap(2)) == Accepted()


async def test_no_tap_is_accepted_twice_by_failovers_under_load(pair, store, ledger):
    uids = [Uid(b"\x05" + n.to_bytes(6, "big")) for n in range(16)]
    for uid in uids:
        await ledger.enrol(uid, NOW, 0)
    recorder = Recorder()
    running = True

    async def live(uid, door):
        counter = 0
        while running:
            counter += 1
            for _ in range(2):
                await recorder.redeem(door, tap(counter, uid))

    def accepted():
        return sum(event.verdict == Accepted() for event in recorder.history)

    async with opened(store) as other:
        doors = [ledger, other]
        lives = [asyncio.ensure_future(live(uid, door)) for uid in uids for door in doors]
        try:
            for _ in range(3):
                before = accepted()
                await asyncio.to_thread(pair.fail_over)
                while accepted() < before + 100:
                    await asyncio.sleep(0.01)
        finally:
            running = False
            await asyncio.gather(*lives)
    assert violations(recorder.history) == []
