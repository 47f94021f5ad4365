"""How far the ledger is: what counts, what is compared, and what is never forgotten."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError, LedgerWentBackError, StaleGenerationError
from ntag424.replay import EnrolmentPolicy, TagRecord, TagState, Witness
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    GRANT,
    NEXT,
    NONCE,
    NOW,
    OTHER,
    STORE_ID,
    UID,
    opened,
    tap,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

OPEN = EnrolmentPolicy.OPEN
TIMELINE = 1 << 40
#: One change takes so many values of the sequence.
CHANGE = 33


@pytest.fixture
def witness():
    """What a machine knows; the ledger that it is given to closes it."""
    return Witness.in_memory()


@pytest.fixture
async def watched(store, witness):
    async with opened(store, witness=witness) as ledger:
        yield ledger


async def revision_of(archive):
    (revision,) = (await archive.revisions()).values()
    return revision


# --- what counts


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(6)), id="accepted"),
        pytest.param(lambda ledger: ledger.redeem(tap(1, OTHER), policy=OPEN), id="openly"),
        pytest.param(lambda ledger: ledger.enrol(UID, NEXT, 0), id="enrolled"),
        pytest.param(lambda ledger: ledger.set_state(UID, TagState.SUSPENDED), id="suspended"),
        pytest.param(lambda ledger: ledger.revoke(GRANT.digest), id="revoked"),
    ],
)
async def test_a_change_raises_the_revision(used, archive, change):
    before = await revision_of(archive)
    await change(used)
    assert await revision_of(archive) == before + CHANGE


async def stale_enrolment(ledger):
    with pytest.raises(StaleGenerationError):
        await ledger.enrol(UID, NOW, 0)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(5)), id="replayed"),
        pytest.param(lambda ledger: ledger.redeem(tap(5), nonce=NONCE), id="repeated"),
        pytest.param(lambda ledger: ledger.redeem(tap(1, OTHER)), id="refused"),
        pytest.param(stale_enrolment, id="stale"),
        pytest.param(lambda ledger: ledger.find(UID), id="find"),
        pytest.param(lambda ledger: ledger.grant(GRANT.digest), id="grant"),
        pytest.param(lambda ledger: ledger.revoke(b"?" * 32), id="nothing revoked"),
        pytest.param(lambda ledger: ledger.check(), id="check"),
    ],
)
async def test_what_changes_nothing_leaves_the_revision(used, archive, call):
    before = await revision_of(archive)
    await call(used)
    assert await revision_of(archive) == before


async def test_a_merge_raises_the_revision_if_it_has_an_effect(archive):
    record = TagRecord(OTHER, NOW, 5, TagState.ACTIVE, enrolled=True)
    before = await revision_of(archive)
    await archive.merge([record])
    once = await revision_of(archive)
    await archive.merge([record])
    assert (once, await revision_of(archive)) == (before + CHANGE,) * 2


# --- what is remembered


async def test_what_was_accepted_is_remembered_outside(watched, archive, witness):
    await watched.redeem(tap(7))
    known = (witness.revision(), witness.mark(UID))
    assert known == (await revision_of(archive), bytes(NOW) + b"\0\0\x07")


async def test_what_was_enrolled_is_remembered_outside(watched, witness):
    await watched.enrol(OTHER, NEXT, 9)
    assert witness.mark(OTHER) == bytes(NEXT) + b"\0\0\x09"


async def test_what_was_repeated_is_remembered_outside(used, store, witness):
    async with opened(store, witness=witness) as other:
        await other.redeem(tap(5), nonce=NONCE)
        assert witness.mark(UID) == bytes(NOW) + b"\0\0\x05"


async def test_what_was_replayed_is_not_remembered(used, store, witness):
    async with opened(store, witness=witness) as other:
        await other.redeem(tap(5))
        await other.redeem(tap(9, OTHER))
        assert [witness.mark(uid) for uid in (UID, OTHER)] == [b"", b""]


async def test_the_witness_is_closed_with_the_ledger(store, witness):
    async with opened(store, witness=witness):
        pass
    with pytest.raises(ValueError, match="closed"):
        witness.revision()


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_ledger_asks_nobody(store, call):
    async with opened(store) as ledger:
        pass
    with pytest.raises(LedgerUnavailableError, match="closed"):
        await call(ledger)


# --- what is compared


@pytest.mark.parametrize("call", CALLS)
async def test_a_ledger_that_is_behind_is_not_used(watched, archive, witness, call):
    witness.observe({0: await revision_of(archive) + 1})
    with pytest.raises(LedgerWentBackError):
        await call(watched)


async def test_a_tap_at_a_ledger_that_is_behind_is_not_used_up(watched, archive, witness):
    witness.observe({0: await revision_of(archive) + 1})
    with pytest.raises(LedgerWentBackError):
        await watched.redeem(tap(7))
    ((record,),) = [page async for page in archive.records()]
    assert record.counter == 0


@pytest.mark.parametrize("mark", [bytes(NOW) + b"\0\0\x08", bytes(NEXT) + b"\0\0\0"])
async def test_a_tag_that_is_behind_is_enough(watched, witness, mark):
    await watched.redeem(tap(7))
    witness.observe({}, {UID: mark})
    with pytest.raises(LedgerWentBackError):
        await watched.redeem(tap(8))


async def test_a_tag_that_is_missing_is_behind(watched, witness):
    witness.observe({}, {OTHER: bytes(NOW) + b"\0\0\x01"})
    with pytest.raises(LedgerWentBackError):
        await watched.redeem(tap(2, OTHER), policy=OPEN)


async def test_after_one_tag_was_behind_nothing_is_used(watched, witness):
    witness.observe({}, {UID: bytes(NEXT) + b"\0\0\0"})
    with pytest.raises(LedgerWentBackError):
        await watched.redeem(tap(8))
    with pytest.raises(LedgerWentBackError):
        await watched.find(OTHER)


async def test_a_revision_that_an_operator_sets_back_is_noticed(watched, database):
    await watched.redeem(tap(7))
    database.execute("ALTER SEQUENCE revision RESTART")
    with pytest.raises(LedgerWentBackError):
        await watched.redeem(tap(8))


async def test_a_raised_finding_does_not_grow(watched, witness):
    witness.observe({0: TIMELINE})
    lengths = []
    for _ in range(3):
        with pytest.raises(LedgerWentBackError) as raised:
            await watched.check()
        lengths.append(len(raised.traceback))
    assert lengths[1] == lengths[2]


# --- what a crash leaves


async def test_a_crash_leaves_each_revision_that_was_answered(server, watched, archive, witness):
    """And is never as much as one change ahead of it."""
    ahead = []
    for counter in range(1, 8):
        await asyncio.gather(*(watched.redeem(tap(counter, uid)) for uid in (UID, OTHER)))
        known = witness.revision()
        server.kill()
        server.start()
        ahead.append(await revision_of(archive) - known)
        await watched.check()
    assert min(ahead) >= 0
    assert max(ahead) < CHANGE


# --- timelines


async def test_a_timeline_begins_where_no_other_one_came(watched, archive, witness):
    await watched.redeem(tap(7))
    await archive.start_timeline(3)
    assert await revision_of(archive) == 3 * TIMELINE
    await watched.redeem(tap(8))
    assert witness.revision() == 3 * TIMELINE + CHANGE


@pytest.mark.parametrize("timeline", [0, 2, 3])
async def test_no_timeline_sets_the_revision_back(watched, archive, timeline):
    await archive.start_timeline(3)
    await watched.redeem(tap(7))
    await archive.start_timeline(timeline)
    assert await revision_of(archive) == 3 * TIMELINE + CHANGE


async def test_a_new_ledger_is_at_the_beginning(place):
    await place.init(store_id=STORE_ID)
    archive = await place.archive(STORE_ID)
    assert await archive.revisions() == {0: 0}
    await archive.aclose()
