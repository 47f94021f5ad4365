"""What every ledger promises about going back, on every deployment: noticed, and recovered.

A ledger that went back is played by one that is younger than the witness says: what a restored
copy of each kind of store looks like is tested with that store.
"""

from __future__ import annotations

import pytest

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError, LedgerWentBackError
from ntag424.model import Generation, Uid
from ntag424.replay import (
    Accepted,
    EnrolmentPolicy,
    Grant,
    Phase,
    Refused,
    Replayed,
    TagRecord,
    TagState,
    Witness,
    place_of,
    recover,
    store_at,
    take_up,
)
from ntag424.sdm import CountedTap
from tests.contracts.conftest import PATIENT, STORE_ID

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")
OTHER = Uid.from_hex("04A1B2C3D4E5F7")
OLD, NOW, NEXT = Generation(1, 1), Generation(1, 2), Generation(1, 3)
OPEN = EnrolmentPolicy.OPEN


def tap(counter, generation=NOW, uid=UID):
    return CountedTap(uid, generation, counter)


def grant(number, uid=UID):
    return Grant(place_of(STORE_ID, uid) + bytes([number]) * 30, 300)


@pytest.fixture
async def store(anyio_backend, deployment):
    await deployment.new_store(STORE_ID)
    return store_at(deployment.last)


@pytest.fixture
def witness_file(tmp_path):
    """The file of a witness that knows nothing yet."""
    path = tmp_path / "witness"
    Witness.create(path, STORE_ID)
    return path


@pytest.fixture
async def open_ledger(store, witness_file):
    """Open the store with this machine's witness, as each process of a service does."""
    opened = []

    def open_ledger():
        opened.append(
            store.open(STORE_ID, deadline=PATIENT, witness=Witness.open(witness_file, STORE_ID))
        )
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
async def archive(store):
    archive = await store.archive(STORE_ID)
    yield archive
    await archive.aclose()


@pytest.fixture
def witness(witness_file):
    witness = Witness.open(witness_file, STORE_ID)
    yield witness
    witness.close()


@pytest.fixture
def know_more(archive, witness):
    """Let the machine know of a change that the ledger lacks, in every part."""

    async def know_more():
        revisions = await archive.revisions()
        witness.observe({part: revision + 1 for part, revision in revisions.items()})

    return know_more


async def check(store):
    ledger = store.open(STORE_ID, deadline=PATIENT)
    try:
        await ledger.check()
    finally:
        await ledger.aclose()


async def total(archive):
    return sum((await archive.revisions()).values())


# --- revisions


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(10)), id="a tap that is accepted"),
        pytest.param(lambda ledger: ledger.enrol(OTHER, NOW, 0), id="an enrolment"),
        pytest.param(lambda ledger: ledger.set_state(UID, TagState.SUSPENDED), id="a state"),
        pytest.param(lambda ledger: ledger.revoke(grant(9).digest), id="a session that ends"),
    ],
)
async def test_a_change_raises_the_revision(archive, open_ledger, change):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9), grant=grant(9))
    before = await total(archive)
    await change(ledger)
    assert await total(archive) > before


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(9)), id="a replay"),
        pytest.param(lambda ledger: ledger.redeem(tap(1, OLD)), id="a refused tap"),
        pytest.param(lambda ledger: ledger.find(UID), id="a look at a tag"),
        pytest.param(lambda ledger: ledger.grant(grant(9).digest), id="a look at a session"),
    ],
)
async def test_what_changes_nothing_leaves_the_revision(archive, open_ledger, call):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9), grant=grant(9))
    before = await total(archive)
    await call(ledger)
    assert await total(archive) == before


async def test_the_witness_knows_at_once_what_was_accepted(open_ledger, archive, witness):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9))
    revisions = await archive.revisions()
    assert max(witness.revision(part) for part in revisions) == max(revisions.values())
    assert witness.mark(UID) == bytes(NOW) + (9).to_bytes(3, "big")


async def test_an_archive_starts_a_timeline(archive):
    await archive.start_timeline(3)
    assert {revision >> 40 for revision in (await archive.revisions()).values()} == {3}


# --- a ledger that went back


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(10)), id="redeem"),
        pytest.param(lambda ledger: ledger.enrol(OTHER, NOW, 0), id="enrol"),
        pytest.param(lambda ledger: ledger.set_state(UID, TagState.ACTIVE), id="set_state"),
        pytest.param(lambda ledger: ledger.find(UID), id="find"),
        pytest.param(lambda ledger: ledger.grant(grant(9).digest), id="grant"),
        pytest.param(lambda ledger: ledger.revoke(grant(9).digest), id="revoke"),
    ],
)
async def test_a_ledger_that_went_back_answers_nothing(open_ledger, know_more, call):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9), grant=grant(9))
    await know_more()
    with pytest.raises(LedgerWentBackError):
        await call(ledger)


async def test_a_ledger_that_went_back_is_not_ready(open_ledger, know_more):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await know_more()
    with pytest.raises(LedgerWentBackError):
        await ledger.redeem(tap(1))
    with pytest.raises(LedgerWentBackError):
        await ledger.check()


async def test_a_ledger_that_went_back_is_not_taken_up(archive, witness, know_more):
    await know_more()
    with pytest.raises(LedgerWentBackError):
        await take_up(archive, witness)


async def test_the_refusal_says_what_to_do(archive, witness, know_more):
    await know_more()
    with pytest.raises(LedgerWentBackError) as refusal:
        await take_up(archive, witness)
    assert "ntag424-service recover" in refusal.value.hint


async def test_a_tap_that_was_refused_for_it_is_not_used_up(
    open_ledger, archive, witness, know_more
):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await know_more()
    with pytest.raises(LedgerWentBackError):
        await ledger.redeem(tap(1))
    (record,) = [record async for page in archive.records() for record in page]
    assert record.counter == 0


async def test_taking_up_a_ledger_makes_it_known(archive, witness, open_ledger):
    await open_ledger().enrol(UID, NOW, 0)
    await archive.start_timeline(2)
    await take_up(archive, witness)
    assert witness.timeline == 2


async def test_a_ledger_that_was_recovered_elsewhere_learns_what_this_machine_knows(
    open_ledger, archive, witness
):
    await open_ledger().enrol(UID, NOW, 0)
    witness.observe({}, {UID: bytes(NOW) + (40).to_bytes(3, "big")})
    await archive.start_timeline(1)
    await take_up(archive, witness)
    (record,) = [record async for page in archive.records() for record in page]
    assert record == TagRecord(UID, NOW, 40, TagState.ACTIVE, enrolled=True)


# --- recovery


@pytest.fixture
async def recovered(open_ledger, store, archive, witness, know_more):
    """A ledger of one tag whose counter was 9 when the copy was made, and nobody knows more."""
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9), grant=grant(9), nonce=b"n" * 16)
    await know_more()
    await recover(archive, witness)
    return open_ledger()


async def test_a_recovered_ledger_serves(recovered):
    await recovered.check()
    assert (await recovered.find(UID)).counter == 9


async def test_the_first_tap_after_a_recovery_is_answered_like_a_used_one(recovered):
    assert await recovered.redeem(tap(20), grant=grant(20)) == Replayed()
    assert await recovered.grant(grant(20).digest) is None


async def test_the_first_tap_after_a_recovery_sets_the_counter(recovered):
    await recovered.redeem(tap(20))
    assert await recovered.find(UID) == TagRecord(UID, NOW, 20, TagState.ACTIVE, enrolled=True)


async def test_the_second_tap_after_a_recovery_is_accepted(recovered):
    await recovered.redeem(tap(20))
    assert await recovered.redeem(tap(21)) == Accepted()


async def test_the_first_tap_after_a_recovery_has_no_repeat(recovered):
    await recovered.redeem(tap(20), nonce=b"m" * 16)
    assert await recovered.redeem(tap(20), nonce=b"m" * 16) == Replayed()


async def test_a_tap_from_before_the_copy_is_replayed_and_settles_nothing(recovered):
    assert await recovered.redeem(tap(9), nonce=b"n" * 16) == Replayed()
    assert (await recovered.find(UID)).behind


async def test_sessions_from_before_a_recovery_are_over(recovered):
    assert await recovered.grant(grant(9).digest) is None


async def test_another_generation_is_refused_after_a_recovery_too(recovered):
    assert await recovered.redeem(tap(20, NEXT)) == Refused()
    assert (await recovered.find(UID)).behind


async def test_a_suspended_tag_stays_so_after_a_recovery(recovered):
    await recovered.set_state(UID, TagState.SUSPENDED)
    assert await recovered.redeem(tap(20)) == Refused()


async def test_what_this_machine_remembers_is_used_up_after_a_recovery(
    open_ledger, archive, witness
):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    witness.observe({}, {UID: bytes(NOW) + (40).to_bytes(3, "big")})
    done = await recover(archive, witness)
    recovered = open_ledger()
    assert done.remembered >= 1
    assert [await recovered.redeem(tap(counter)) for counter in range(1, 41)] == [Replayed()] * 40
    assert (await recovered.find(UID)).behind


async def test_a_tag_that_the_copy_lacks_sets_its_counter_first(recovered):
    first = [await recovered.redeem(tap(n, uid=OTHER), policy=OPEN) for n in (5, 5, 4)]
    assert (first, await recovered.redeem(tap(6, uid=OTHER), policy=OPEN)) == (
        [Replayed()] * 3,
        Accepted(),
    )


async def test_a_tag_that_is_enrolled_after_a_recovery_sets_its_counter_first(recovered):
    await recovered.enrol(OTHER, NOW, 2)
    assert await recovered.redeem(tap(5, uid=OTHER)) == Replayed()
    assert await recovered.redeem(tap(6, uid=OTHER)) == Accepted()


async def test_a_tag_that_gets_a_new_generation_after_a_recovery_sets_its_counter_first(recovered):
    await recovered.enrol(UID, NEXT, 2)
    assert await recovered.redeem(tap(5, NEXT)) == Replayed()
    assert await recovered.redeem(tap(6, NEXT)) == Accepted()


async def test_under_an_open_policy_the_first_tap_sets_the_generation_too(recovered):
    assert await recovered.redeem(tap(1, NEXT), policy=OPEN) == Replayed()
    record = await recovered.find(UID)
    assert (record.generation, record.counter, record.behind) == (NEXT, 1, False)


async def test_a_recovery_can_be_done_twice(recovered, archive, witness):
    await recovered.redeem(tap(20))
    await recover(archive, witness)
    assert (await archive.phase(), witness.timeline) == (Phase.SERVING, 2)


@pytest.mark.parametrize("steps", range(5))
async def test_a_recovery_that_was_cut_off_serves_nothing_and_can_be_finished(
    open_ledger, store, archive, witness, steps
):
    await open_ledger().enrol(UID, NOW, 0)
    enter = (
        lambda: archive.enter(Phase.RECOVERING),
        lambda: archive.merge([TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=False)]),
        archive.mark_behind,
        archive.mark_incomplete,
        lambda: archive.start_timeline(1),
    )
    for step in enter[: steps + 1]:
        await step()
    with pytest.raises((LedgerMismatchError, LedgerUnavailableError), match="recovery"):
        await check(store)
    await recover(archive, witness)
    assert await open_ledger().redeem(tap(20)) == Replayed()


@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.LEAVING, Phase.SEALED])
async def test_what_is_part_of_a_move_is_not_recovered(archive, witness, phase):
    await archive.enter(phase)
    with pytest.raises(LedgerMismatchError):
        await recover(archive, witness)
    assert await archive.phase() is phase


async def test_the_doubt_goes_along_with_records(archive):
    await archive.enter(Phase.FILLING)
    behind = TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=True, behind=True)
    await archive.merge([behind])
    assert [record async for page in archive.records() for record in page] == [behind]


async def test_a_higher_generation_is_not_behind_for_a_lower_one(archive):
    await archive.enter(Phase.FILLING)
    await archive.merge([TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=True, behind=True)])
    above = TagRecord(UID, NEXT, 1, TagState.ACTIVE, enrolled=True)
    await archive.merge([above])
    assert [record async for page in archive.records() for record in page] == [above]


async def test_a_ledger_that_serves_can_be_reminded(archive, open_ledger):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await archive.merge([TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=False)])
    assert await ledger.redeem(tap(7)) == Replayed()
    assert await ledger.redeem(tap(8)) == Accepted()


async def test_a_new_ledger_is_not_incomplete(archive):
    assert not await archive.is_incomplete()


async def test_a_recovered_ledger_is_incomplete(recovered, archive):
    assert await archive.is_incomplete()


# --- what several machines remember


async def test_what_this_machine_remembers_beyond_an_incomplete_ledger_is_behind(
    open_ledger, archive, witness
):
    """Another machine, which is lost, may have seen more of the tag still."""
    await archive.mark_incomplete()
    await archive.start_timeline(1)
    witness.observe({}, {OTHER: bytes(NOW) + (3).to_bytes(3, "big")})
    await take_up(archive, witness)
    ledger = open_ledger()
    assert await ledger.redeem(tap(4, uid=OTHER), policy=OPEN) == Replayed()
    assert await ledger.redeem(tap(5, uid=OTHER), policy=OPEN) == Accepted()


async def test_a_machine_that_went_on_through_a_recovery_tells_what_it_remembers(
    open_ledger, archive, witness
):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.enrol(OTHER, NOW, 0)
    await archive.start_timeline(1)  # another machine recovered it
    await ledger.redeem(tap(1))
    witness.observe({}, {OTHER: bytes(NOW) + (40).to_bytes(3, "big")})
    await take_up(archive, witness)
    assert (await ledger.find(OTHER)).counter == 40


async def test_what_was_told_once_is_not_told_again(archive, witness, open_ledger):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await archive.start_timeline(1)
    await take_up(archive, witness)
    before = await archive.revisions()
    await take_up(archive, witness)
    assert await archive.revisions() == before


async def test_a_recovery_lifts_no_suspension_of_a_tag_that_has_a_new_generation_since(
    open_ledger, archive, witness
):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.set_state(UID, TagState.SUSPENDED)
    witness.observe({}, {UID: bytes(NEXT) + (2).to_bytes(3, "big")})
    await recover(archive, witness)
    record = await open_ledger().find(UID)
    assert (record.generation, record.state) == (NEXT, TagState.SUSPENDED)


async def test_a_tap_that_this_machine_saw_used_is_not_accepted_whatever_the_revision_says(
    open_ledger, witness
):
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    witness.observe({}, {UID: bytes(NOW) + (7).to_bytes(3, "big")})
    with pytest.raises(LedgerWentBackError):
        await ledger.redeem(tap(7), grant=grant(7))
