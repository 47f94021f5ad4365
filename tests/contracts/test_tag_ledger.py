"""What every `TagLedger` promises; knows of no store."""

from __future__ import annotations

import asyncio
import hashlib
import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ntag424.errors import LedgerUnavailableError, StaleGenerationError, UnknownTagError
from ntag424.model import MAX_READ_COUNTER, Generation, Uid
from ntag424.replay import (
    Accepted,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    Repeated,
    Replayed,
    TagRecord,
    TagState,
    place_of,
)
from ntag424.sdm import CountedTap
from tests.contracts.conftest import STORE_ID
from tests.contracts.history import Recorder, violations
from tests.contracts.manual_clock import ManualClock

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")
OTHER = Uid.from_hex("04A1B2C3D4E5F7")
OLD, NOW, NEXT = Generation(1, 1), Generation(1, 2), Generation(1, 3)
OPEN = EnrolmentPolicy.OPEN
NONCE, ANOTHER_NONCE = b"\x01" * 16, b"\x02" * 16


def tap(counter, generation=NOW, uid=UID):
    return CountedTap(uid, generation, counter)


def grant(tap=None, nonce=None, lifetime=300):
    """Derive a session from its tap, as a service does."""
    tap = tap or CountedTap(UID, NOW, 1)
    text = f"{tap.uid} {bytes(tap.generation).hex()} {tap.counter} {nonce}"
    digest = place_of(STORE_ID, tap.uid) + hashlib.sha256(text.encode()).digest()[:30]
    return Grant(digest, lifetime)


GRANT = grant()


@pytest.fixture
async def enrolled(ledger):
    """A ledger that expects taps of one tag from counter 1."""
    await ledger.enrol(UID, NOW, 0)
    return ledger


# --- a tag that is enrolled


async def test_a_tag_that_nobody_enrolled_is_refused(ledger):
    assert await ledger.redeem(tap(1)) == Refused()


async def test_a_refused_tap_makes_no_record(ledger):
    await ledger.redeem(tap(1))
    assert await ledger.find(UID) is None


async def test_an_enrolled_tag_is_accepted(enrolled):
    assert await enrolled.redeem(tap(1)) == Accepted()


async def test_a_tap_is_accepted_once(enrolled):
    await enrolled.redeem(tap(7))
    assert await enrolled.redeem(tap(7)) == Replayed()


async def test_a_lower_counter_is_replayed(enrolled):
    await enrolled.redeem(tap(7))
    assert await enrolled.redeem(tap(6)) == Replayed()


async def test_a_higher_counter_is_accepted(enrolled):
    await enrolled.redeem(tap(7))
    assert await enrolled.redeem(tap(8)) == Accepted()


async def test_counters_may_be_left_out(enrolled):
    await enrolled.redeem(tap(1))
    assert await enrolled.redeem(tap(70_000)) == Accepted()


async def test_the_last_counter_of_a_chip_is_accepted(enrolled):
    await enrolled.redeem(tap(MAX_READ_COUNTER - 1))
    assert await enrolled.redeem(tap(MAX_READ_COUNTER)) == Accepted()


async def test_the_last_counter_of_a_chip_is_accepted_once(enrolled):
    await enrolled.redeem(tap(MAX_READ_COUNTER))
    assert await enrolled.redeem(tap(MAX_READ_COUNTER)) == Replayed()


async def test_the_record_holds_the_highest_counter_accepted(enrolled):
    for counter in (3, 9, 5):
        await enrolled.redeem(tap(counter))
    assert await enrolled.find(UID) == TagRecord(UID, NOW, 9, TagState.ACTIVE, enrolled=True)


async def test_a_tag_without_a_tap_is_on_record_with_its_counter(ledger):
    await ledger.enrol(UID, NOW, 12)
    assert await ledger.find(UID) == TagRecord(UID, NOW, 12, TagState.ACTIVE, enrolled=True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger, uid: ledger.enrol(uid, NOW, 0),
        lambda ledger, uid: ledger.set_state(uid, TagState.SUSPENDED),
        lambda ledger, uid: ledger.find(uid),
    ],
    ids=["enrol", "set_state", "find"],
)
@pytest.mark.parametrize(
    ("uid", "mistake"), [(None, ValueError), (bytes(UID), TypeError), (str(UID), TypeError)]
)
async def test_what_is_no_uid_of_a_tag_is_refused_at_once(ledger, ask, uid, mistake):
    with pytest.raises(mistake, match=r"UID|Uid"):
        await ask(ledger, uid)


async def test_tags_do_not_share_a_counter(enrolled):
    await enrolled.enrol(OTHER, NOW, 0)
    await enrolled.redeem(tap(9, uid=OTHER))
    assert await enrolled.redeem(tap(1)) == Accepted()


@pytest.mark.parametrize(
    ("enrolled_as", "tapped_as"),
    [
        (Generation(1, 2), Generation(1, 1)),
        (Generation(2, 0), Generation(1, 0)),
        (Generation(2, 0), Generation(1, 255)),
    ],
)
@pytest.mark.parametrize("policy", EnrolmentPolicy)
async def test_a_lower_generation_is_refused(ledger, enrolled_as, tapped_as, policy):
    await ledger.enrol(UID, enrolled_as, 0)
    assert await ledger.redeem(tap(9, tapped_as), policy=policy) == Refused()


@pytest.mark.parametrize(
    ("enrolled_as", "tapped_as"),
    [
        (Generation(1, 1), Generation(1, 2)),
        (Generation(1, 0), Generation(2, 0)),
        (Generation(1, 255), Generation(2, 0)),
    ],
)
async def test_a_higher_generation_is_refused(ledger, enrolled_as, tapped_as):
    await ledger.enrol(UID, enrolled_as, 0)
    assert await ledger.redeem(tap(9, tapped_as)) == Refused()


async def test_a_refused_higher_generation_leaves_the_record_as_it_was(enrolled):
    before = await enrolled.find(UID)
    await enrolled.redeem(tap(9, NEXT))
    assert await enrolled.find(UID) == before


async def test_a_higher_generation_is_accepted_once_it_is_enrolled(enrolled):
    await enrolled.redeem(tap(9))
    await enrolled.enrol(UID, NEXT, 0)
    assert await enrolled.redeem(tap(1, NEXT)) == Accepted()


async def test_no_tap_of_the_former_generation_is_accepted_after_an_enrolment(enrolled):
    await enrolled.enrol(UID, NEXT, 0)
    assert await enrolled.redeem(tap(9)) == Refused()


async def test_no_tap_of_the_former_generation_is_repeated_after_an_enrolment(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    await enrolled.enrol(UID, NEXT, 0)
    assert await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT) == Refused()


@pytest.mark.parametrize(
    "arguments", [{}, {"nonce": NONCE}, {"nonce": NONCE, "grant": grant(nonce=NONCE)}]
)
async def test_a_replay_leaves_the_record_as_it_was(enrolled, arguments):
    await enrolled.redeem(tap(7))
    before = await enrolled.find(UID)
    await enrolled.redeem(tap(6), **arguments)
    assert await enrolled.find(UID) == before


# --- policy open


async def test_under_the_open_policy_a_tap_makes_the_record(ledger):
    assert await ledger.redeem(tap(5), policy=OPEN) == Accepted()


async def test_a_record_made_by_a_tap_is_not_an_enrolment(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    assert await ledger.find(UID) == TagRecord(UID, NOW, 5, TagState.ACTIVE, enrolled=False)


async def test_under_the_open_policy_a_tap_is_accepted_once(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    assert await ledger.redeem(tap(5), policy=OPEN) == Replayed()


async def test_under_the_open_policy_a_lower_counter_is_replayed(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    assert await ledger.redeem(tap(4), policy=OPEN) == Replayed()


async def test_under_the_open_policy_a_tap_raises_the_generation(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    assert await ledger.redeem(tap(1, NEXT), policy=OPEN) == Accepted()


async def test_a_generation_raised_by_a_tap_has_its_own_counter(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    await ledger.redeem(tap(1, NEXT), policy=OPEN)
    assert await ledger.find(UID) == TagRecord(UID, NEXT, 1, TagState.ACTIVE, enrolled=False)


async def test_an_open_tap_keeps_an_enrolment_of_its_generation(enrolled):
    await enrolled.redeem(tap(1), policy=OPEN)
    assert await enrolled.redeem(tap(2)) == Accepted()


async def test_a_generation_raised_by_a_tap_is_not_enrolled(enrolled):
    await enrolled.redeem(tap(1, NEXT), policy=OPEN)
    assert await enrolled.redeem(tap(2, NEXT)) == Refused()


async def test_a_record_made_by_a_tap_does_not_count_where_tags_are_registered(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    assert await ledger.redeem(tap(6)) == Refused()


async def test_a_tap_accepted_openly_is_not_repeated_where_tags_are_registered(ledger):
    await ledger.redeem(tap(5), nonce=NONCE, policy=OPEN)
    assert await ledger.redeem(tap(5), nonce=NONCE) == Refused()


@pytest.mark.parametrize("generation", [NOW, NEXT])
async def test_a_record_made_by_a_tap_can_be_enrolled(ledger, generation):
    await ledger.redeem(tap(5), policy=OPEN)
    await ledger.enrol(UID, generation, 0)
    assert await ledger.redeem(tap(6, generation)) == Accepted()


async def test_a_record_made_by_a_tap_cannot_be_enrolled_in_a_lower_generation(ledger):
    await ledger.redeem(tap(5), policy=OPEN)
    with pytest.raises(StaleGenerationError):
        await ledger.enrol(UID, OLD, 9)


@pytest.mark.parametrize(("tapped", "enrolled_with"), [(9, 3), (3, 9)])
async def test_enrolling_a_record_made_by_a_tap_keeps_the_higher_counter(
    ledger, tapped, enrolled_with
):
    await ledger.redeem(tap(tapped), policy=OPEN)
    await ledger.enrol(UID, NOW, enrolled_with)
    assert await ledger.redeem(tap(9)) == Replayed()


# --- enrolment


@pytest.mark.parametrize("generation", [OLD, NOW])
async def test_an_enrolled_tag_is_enrolled_again_only_in_a_higher_generation(enrolled, generation):
    with pytest.raises(StaleGenerationError):
        await enrolled.enrol(UID, generation, 9)


async def test_a_stale_enrolment_leaves_the_record_as_it_was(enrolled):
    before = await enrolled.find(UID)
    with pytest.raises(StaleGenerationError):
        await enrolled.enrol(UID, NOW, 9)
    assert await enrolled.find(UID) == before


@pytest.mark.parametrize("counter", [1, 8, 9])
async def test_taps_up_to_the_enrolled_counter_are_replayed(ledger, counter):
    await ledger.enrol(UID, NOW, 9)
    assert await ledger.redeem(tap(counter)) == Replayed()


async def test_the_first_tap_above_the_enrolled_counter_is_accepted(ledger):
    await ledger.enrol(UID, NOW, 9)
    assert await ledger.redeem(tap(10)) == Accepted()


async def test_an_enrolment_in_a_higher_generation_may_lower_the_counter(enrolled):
    await enrolled.redeem(tap(9))
    await enrolled.enrol(UID, NEXT, 2)
    assert (await enrolled.find(UID)).counter == 2


async def test_an_enrolment_in_a_higher_generation_counts_from_its_own_counter(enrolled):
    await enrolled.redeem(tap(3))
    await enrolled.enrol(UID, NEXT, 9)
    assert await enrolled.redeem(tap(9, NEXT)) == Replayed()


@pytest.mark.parametrize("generation", [NOW, NEXT])
async def test_a_tap_spent_by_an_enrolment_is_replayed_whatever_its_nonce(ledger, generation):
    await ledger.redeem(tap(1), nonce=NONCE, policy=OPEN)
    await ledger.enrol(UID, generation, 1)
    assert await ledger.redeem(tap(1, generation), nonce=NONCE) == Replayed()


@pytest.mark.parametrize("counter", [-1, MAX_READ_COUNTER + 1])
async def test_a_counter_that_no_chip_reaches_cannot_be_enrolled(ledger, counter):
    with pytest.raises(ValueError, match="FFFFFFh"):
        await ledger.enrol(UID, NOW, counter)


# --- suspended tags


@pytest.mark.parametrize("policy", EnrolmentPolicy)
@pytest.mark.parametrize("generation", [NOW, NEXT])
async def test_a_suspended_tag_is_refused(enrolled, policy, generation):
    await enrolled.set_state(UID, TagState.SUSPENDED)
    assert await enrolled.redeem(tap(1, generation), policy=policy) == Refused()


async def test_even_a_replay_of_a_suspended_tag_is_refused(enrolled):
    await enrolled.redeem(tap(1))
    await enrolled.set_state(UID, TagState.SUSPENDED)
    assert await enrolled.redeem(tap(1)) == Refused()


async def test_even_a_repeat_of_a_suspended_tag_is_refused(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    await enrolled.set_state(UID, TagState.SUSPENDED)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Refused()


async def test_a_tap_of_a_suspended_tag_is_not_used_up(enrolled):
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.redeem(tap(1))
    await enrolled.set_state(UID, TagState.ACTIVE)
    assert await enrolled.redeem(tap(1)) == Accepted()


async def test_a_tap_used_before_a_suspension_stays_used(enrolled):
    await enrolled.redeem(tap(1))
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.set_state(UID, TagState.ACTIVE)
    assert await enrolled.redeem(tap(1)) == Replayed()


async def test_nothing_from_before_a_suspension_is_repeated_after_it(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.set_state(UID, TagState.ACTIVE)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_an_enrolment_does_not_end_a_suspension(enrolled):
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.enrol(UID, NEXT, 0)
    assert (await enrolled.find(UID)).state is TagState.SUSPENDED


async def test_suspending_one_tag_leaves_the_others_active(enrolled):
    await enrolled.enrol(OTHER, NOW, 0)
    await enrolled.set_state(OTHER, TagState.SUSPENDED)
    assert await enrolled.redeem(tap(1)) == Accepted()


@pytest.mark.parametrize("state", TagState)
async def test_the_state_of_an_unknown_tag_cannot_be_set(ledger, state):
    with pytest.raises(UnknownTagError):
        await ledger.set_state(UID, state)


# --- erased tags


@pytest.fixture
async def erased(enrolled):
    """A ledger in which the tag was used, then erased."""
    await enrolled.redeem(tap(7), nonce=NONCE)
    await enrolled.set_state(UID, TagState.ERASED)
    return enrolled


async def test_an_erased_tag_leaves_generation_and_counter(erased):
    assert await erased.find(UID) == TagRecord(UID, NOW, 7, TagState.ERASED, enrolled=True)


@pytest.mark.parametrize("policy", EnrolmentPolicy)
@pytest.mark.parametrize("generation", [OLD, NOW, NEXT])
async def test_no_tap_revives_an_erased_tag(erased, policy, generation):
    assert await erased.redeem(tap(8, generation), policy=policy) == Refused()


async def test_no_repeat_outlives_its_tag(erased):
    assert await erased.redeem(tap(7), nonce=NONCE) == Refused()


@pytest.mark.parametrize("state", TagState)
async def test_an_erased_tag_has_no_state_to_set(erased, state):
    with pytest.raises(UnknownTagError):
        await erased.set_state(UID, state)


@pytest.mark.parametrize("generation", [OLD, NOW])
async def test_an_erased_tag_is_not_enrolled_in_a_generation_it_had(erased, generation):
    with pytest.raises(StaleGenerationError):
        await erased.enrol(UID, generation, 9)


async def test_an_erased_record_made_by_a_tap_is_not_enrolled_in_the_same_generation(ledger):
    await ledger.redeem(tap(7), policy=OPEN)
    await ledger.set_state(UID, TagState.ERASED)
    with pytest.raises(StaleGenerationError):
        await ledger.enrol(UID, NOW, 9)


async def test_an_erased_tag_comes_back_in_a_higher_generation(erased):
    await erased.enrol(UID, NEXT, 0)
    assert await erased.redeem(tap(1, NEXT)) == Accepted()


async def test_an_erased_tag_that_came_back_accepts_nothing_old(erased):
    await erased.enrol(UID, NEXT, 0)
    assert await erased.redeem(tap(8)) == Refused()


async def test_a_suspended_tag_can_be_erased(enrolled):
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.set_state(UID, TagState.ERASED)
    assert (await enrolled.find(UID)).state is TagState.ERASED


# --- the same request again


async def test_the_same_tap_with_the_same_nonce_is_repeated(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Repeated()


async def test_a_repeat_ends_when_the_first_answer_said(enrolled, clock):
    first = await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    clock.advance(seconds=20)
    again = await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    assert again == Repeated(first.expires_at)


async def test_a_repeat_lengthens_no_session(enrolled, clock):
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    clock.advance(seconds=20)
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    assert (await enrolled.grant(GRANT.digest)).remaining == 280


async def test_a_repeat_makes_no_second_session(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    await enrolled.revoke(GRANT.digest)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_repeat_stores_no_session_that_the_first_call_did_not(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_repeat_lengthens_no_time_for_repeats(enrolled, clock):
    await enrolled.redeem(tap(1), nonce=NONCE)
    clock.advance(seconds=20)
    await enrolled.redeem(tap(1), nonce=NONCE)
    clock.advance(seconds=11)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_another_nonce_makes_a_replay(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    assert await enrolled.redeem(tap(1), nonce=ANOTHER_NONCE) == Replayed()


async def test_another_nonce_does_not_take_the_place_of_the_first(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    await enrolled.redeem(tap(1), nonce=ANOTHER_NONCE)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Repeated()


async def test_without_a_nonce_nothing_is_repeated(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE)
    assert await enrolled.redeem(tap(1)) == Replayed()


async def test_a_tap_accepted_without_a_nonce_is_not_repeated(enrolled):
    await enrolled.redeem(tap(1))
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_a_lower_counter_with_the_same_nonce_is_replayed(enrolled):
    await enrolled.redeem(tap(2), nonce=NONCE)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_a_tap_is_repeated_until_30_seconds_passed(enrolled, clock):
    await enrolled.redeem(tap(1), nonce=NONCE)
    clock.advance(seconds=29.999)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Repeated()


async def test_a_tap_is_replayed_when_30_seconds_passed(enrolled, clock):
    await enrolled.redeem(tap(1), nonce=NONCE)
    clock.advance(seconds=30.001)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


@pytest.mark.parametrize("later_nonce", [None, NONCE, ANOTHER_NONCE])
async def test_nothing_is_repeated_once_a_later_tap_was_accepted(enrolled, later_nonce):
    await enrolled.redeem(tap(1), nonce=NONCE)
    await enrolled.redeem(tap(2), nonce=later_nonce)
    assert await enrolled.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_under_the_open_policy_the_same_request_is_repeated_too(ledger):
    first = await ledger.redeem(tap(1), nonce=NONCE, grant=GRANT, policy=OPEN)
    again = await ledger.redeem(tap(1), nonce=NONCE, grant=GRANT, policy=OPEN)
    assert again == Repeated(first.expires_at)


async def test_a_later_open_tap_ends_the_repeats_of_the_one_before(ledger):
    await ledger.redeem(tap(1), nonce=NONCE, policy=OPEN)
    await ledger.redeem(tap(2), policy=OPEN)
    assert await ledger.redeem(tap(2), nonce=NONCE, policy=OPEN) == Replayed()


async def test_a_repeat_for_a_revoked_session_is_refused(enrolled):
    await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    await enrolled.revoke(GRANT.digest)
    assert await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT) == Refused()


async def test_a_repeat_for_an_ended_session_is_refused(enrolled, clock):
    brief = grant(lifetime=10)
    await enrolled.redeem(tap(1), nonce=NONCE, grant=brief)
    clock.advance(seconds=11)
    assert await enrolled.redeem(tap(1), nonce=NONCE, grant=brief) == Refused()


async def test_of_16_equal_requests_at_once_one_is_accepted_and_15_repeated(enrolled):
    verdicts = await asyncio.gather(
        *(enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT) for _ in range(16))
    )
    kinds = [type(verdict) for verdict in verdicts]
    assert (kinds.count(Accepted), kinds.count(Repeated)) == (1, 15)


async def test_equal_requests_at_once_get_equal_answers(enrolled):
    verdicts = await asyncio.gather(
        *(enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT) for _ in range(16))
    )
    assert len({verdict.expires_at for verdict in verdicts}) == 1


@pytest.mark.parametrize("size", [0, 15, 17, 32])
async def test_a_nonce_has_16_bytes(enrolled, size):
    with pytest.raises(ValueError, match="16 bytes"):
        await enrolled.redeem(tap(1), nonce=b"n" * size)


# --- sessions


async def test_an_accepted_tap_says_when_its_session_ends(enrolled, clock):
    assert await enrolled.redeem(tap(1), grant=GRANT) == Accepted(clock.wall() + 300)


async def test_a_session_tells_the_tap_that_earned_it(enrolled, clock):
    await enrolled.redeem(tap(1), grant=GRANT)
    live = await enrolled.grant(GRANT.digest)
    assert live == LiveGrant(UID, NOW, 1, clock.wall() + 300, remaining=300)


async def test_a_session_that_nobody_earned_is_not_found(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    assert await enrolled.grant(b"\0" * 32) is None


@pytest.mark.parametrize("before", [tap(1), tap(2)], ids=["used", "superseded"])
async def test_a_replay_earns_no_session(enrolled, before):
    await enrolled.redeem(before)
    await enrolled.redeem(tap(1), grant=GRANT)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_refused_tap_earns_no_session(ledger):
    await ledger.redeem(tap(1), grant=GRANT)
    assert await ledger.grant(GRANT.digest) is None


async def test_a_session_lives_to_the_end_of_its_lifetime(enrolled, clock):
    await enrolled.redeem(tap(1), grant=GRANT)
    clock.advance(seconds=299.9)
    assert (await enrolled.grant(GRANT.digest)).remaining == pytest.approx(0.1)


async def test_a_session_ends_with_its_lifetime(enrolled, clock):
    await enrolled.redeem(tap(1), grant=GRANT)
    clock.advance(seconds=300)
    assert await enrolled.grant(GRANT.digest) is None


async def test_an_ended_session_stays_ended_however_many_taps_follow(enrolled, clock):
    brief = grant(lifetime=1)
    await enrolled.redeem(tap(1), grant=brief)
    clock.advance(seconds=2)
    for counter in range(2, 80):
        await enrolled.redeem(tap(counter))
    assert await enrolled.grant(brief.digest) is None


async def test_a_live_session_stays_however_many_taps_follow(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    for counter in range(2, 80):
        await enrolled.redeem(tap(counter))
    assert await enrolled.grant(GRANT.digest) is not None


async def test_a_revoked_session_is_over(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    await enrolled.revoke(GRANT.digest)
    assert await enrolled.grant(GRANT.digest) is None


async def test_revoking_one_session_leaves_the_others_alone(enrolled):
    second = grant(tap(2))
    await enrolled.redeem(tap(1), grant=GRANT)
    await enrolled.redeem(tap(2), grant=second)
    await enrolled.revoke(GRANT.digest)
    assert (await enrolled.grant(second.digest)).counter == 2


async def test_revoking_tells_that_there_was_a_session(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    assert await enrolled.revoke(GRANT.digest) is True


async def test_revoking_tells_that_there_was_no_session(enrolled):
    assert await enrolled.revoke(GRANT.digest) is False


async def test_a_session_is_revoked_once(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    revoked = await asyncio.gather(*(enrolled.revoke(GRANT.digest) for _ in range(16)))
    assert revoked.count(True) == 1


@pytest.mark.parametrize("state", [TagState.SUSPENDED, TagState.ERASED])
async def test_a_session_ends_with_its_tag(enrolled, state):
    await enrolled.redeem(tap(1), grant=GRANT)
    await enrolled.set_state(UID, state)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_session_ended_by_a_suspension_does_not_come_back(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    await enrolled.set_state(UID, TagState.SUSPENDED)
    await enrolled.set_state(UID, TagState.ACTIVE)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_suspension_ends_no_session_of_another_tag(enrolled):
    await enrolled.redeem(tap(1), grant=GRANT)
    await enrolled.enrol(OTHER, NOW, 0)
    await enrolled.set_state(OTHER, TagState.SUSPENDED)
    assert await enrolled.grant(GRANT.digest) is not None


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_session_is_stored_under_a_digest_of_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Grant(b"d" * size, 300)


@pytest.mark.parametrize("lifetime", [0, -1])
def test_a_session_lives_for_a_second_at_least(lifetime):
    with pytest.raises(ValueError, match="at least one second"):
        Grant(b"d" * 32, lifetime)


# --- time


@pytest.mark.parametrize("days", [-1, 1])
async def test_setting_the_wall_clock_moves_the_end_of_no_session(enrolled, clock, days):
    await enrolled.redeem(tap(1), grant=GRANT)
    before = await enrolled.grant(GRANT.digest)
    clock.set_wall(days=days)
    assert await enrolled.grant(GRANT.digest) == before


@pytest.mark.parametrize("days", [-1, 1])
async def test_setting_the_wall_clock_neither_ends_nor_lengthens_the_time_for_repeats(
    enrolled, clock, days
):
    await enrolled.redeem(tap(1), nonce=NONCE)
    clock.set_wall(days=days)
    clock.advance(seconds=29)
    within = await enrolled.redeem(tap(1), nonce=NONCE)
    clock.advance(seconds=2)
    beyond = await enrolled.redeem(tap(1), nonce=NONCE)
    assert (within, beyond) == (Repeated(), Replayed())


@pytest.mark.parametrize("days", [-1, 1])
async def test_setting_the_wall_clock_makes_no_tap_fresh(enrolled, clock, days):
    await enrolled.redeem(tap(1))
    clock.set_wall(days=days)
    assert await enrolled.redeem(tap(1)) == Replayed()


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_new_session_is_shown_by_the_wall_clock_as_it_was_set(enrolled, clock, days):
    shown = clock.wall() + 86_400 * days + 300
    clock.set_wall(days=days)
    assert await enrolled.redeem(tap(1), grant=GRANT) == Accepted(shown)


async def test_no_session_survives_another_boot_of_the_machine(enrolled, open_ledger, clock):
    await enrolled.redeem(tap(1), grant=GRANT)
    rebooted = await open_ledger(replace(clock, boot_id="the second boot"))
    assert await rebooted.grant(GRANT.digest) is None


async def test_no_session_is_lengthened_by_a_machine_that_counts_from_zero_again(
    enrolled, open_ledger
):
    await enrolled.redeem(tap(1), grant=GRANT)
    rebooted = await open_ledger(ManualClock(boot_id="the second boot", uptime=0))
    assert await rebooted.grant(GRANT.digest) is None


async def test_nothing_is_repeated_after_another_boot_of_the_machine(enrolled, open_ledger, clock):
    await enrolled.redeem(tap(1), nonce=NONCE)
    rebooted = await open_ledger(replace(clock, boot_id="the second boot"))
    assert await rebooted.redeem(tap(1), nonce=NONCE) == Replayed()


async def test_a_counter_survives_another_boot_of_the_machine(enrolled, open_ledger, clock):
    await enrolled.redeem(tap(7))
    rebooted = await open_ledger(replace(clock, boot_id="the second boot"))
    verdicts = [await rebooted.redeem(tap(counter)) for counter in (7, 8)]
    assert verdicts == [Replayed(), Accepted()]


# --- a store that is opened again


async def test_a_restart_forgets_no_counter(enrolled, open_ledger):
    await enrolled.redeem(tap(7))
    await enrolled.aclose()
    assert await (await open_ledger()).redeem(tap(7)) == Replayed()


@pytest.mark.parametrize("state", [TagState.SUSPENDED, TagState.ERASED])
async def test_a_restart_forgets_no_state(enrolled, open_ledger, state):
    await enrolled.set_state(UID, state)
    await enrolled.aclose()
    assert await (await open_ledger()).redeem(tap(1)) == Refused()


async def test_a_restart_forgets_no_record(enrolled, open_ledger):
    await enrolled.redeem(tap(7))
    before = await enrolled.find(UID)
    await enrolled.aclose()
    assert await (await open_ledger()).find(UID) == before


async def test_a_restart_forgets_no_session(enrolled, open_ledger):
    await enrolled.redeem(tap(1), grant=GRANT)
    before = await enrolled.grant(GRANT.digest)
    await enrolled.aclose()
    assert await (await open_ledger()).grant(GRANT.digest) == before


async def test_a_restart_forgets_no_nonce(enrolled, open_ledger):
    first = await enrolled.redeem(tap(1), nonce=NONCE, grant=GRANT)
    await enrolled.aclose()
    again = await (await open_ledger()).redeem(tap(1), nonce=NONCE, grant=GRANT)
    assert again == Repeated(first.expires_at)


async def test_what_was_answered_is_there_for_everybody_else(enrolled, open_ledger):
    beside = await open_ledger()
    for counter in range(1, 101):
        await enrolled.redeem(tap(counter))
        assert (await beside.find(UID)).counter == counter


async def test_a_session_can_be_used_beside_the_ledger_that_granted_it(enrolled, open_ledger):
    await enrolled.redeem(tap(1), grant=GRANT)
    beside = await open_ledger()
    assert await beside.grant(GRANT.digest) is not None


async def test_a_session_revoked_in_one_place_is_over_in_the_other(enrolled, open_ledger):
    await enrolled.redeem(tap(1), grant=GRANT)
    beside = await open_ledger()
    await beside.revoke(GRANT.digest)
    assert await enrolled.grant(GRANT.digest) is None


async def test_a_sound_ledger_passes_its_check(ledger):
    assert await ledger.check() is None


async def test_a_check_uses_no_tap_up(enrolled):
    await enrolled.check()
    assert await enrolled.redeem(tap(1)) == Accepted()


async def test_a_ledger_may_be_closed_twice(ledger):
    await ledger.aclose()
    assert await ledger.aclose() is None


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda ledger: ledger.redeem(tap(1)), id="redeem"),
        pytest.param(lambda ledger: ledger.enrol(UID, NEXT, 0), id="enrol"),
        pytest.param(lambda ledger: ledger.set_state(UID, TagState.SUSPENDED), id="set_state"),
        pytest.param(lambda ledger: ledger.find(UID), id="find"),
        pytest.param(lambda ledger: ledger.grant(GRANT.digest), id="grant"),
        pytest.param(lambda ledger: ledger.revoke(GRANT.digest), id="revoke"),
        pytest.param(lambda ledger: ledger.check(), id="check"),
    ],
)
async def test_a_closed_ledger_is_unavailable(enrolled, call):
    await enrolled.aclose()
    with pytest.raises(LedgerUnavailableError):
        await call(enrolled)


async def test_what_was_begun_before_the_end_is_finished(enrolled):
    calls = [asyncio.ensure_future(enrolled.redeem(tap(counter))) for counter in range(1, 65)]
    await asyncio.sleep(0)
    await enrolled.aclose()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*calls) == [Accepted()] * 64


async def test_a_call_that_has_no_time_for_an_answer_fails(open_ledger):
    hurried = await open_ledger(deadline=0)
    with pytest.raises(LedgerUnavailableError, match="in time"):
        await hurried.redeem(tap(1))


# --- many at once


@pytest.mark.parametrize("policy", EnrolmentPolicy)
async def test_of_64_concurrent_redemptions_of_one_tap_one_is_accepted(
    enrolled, open_ledger, policy
):
    doors = [enrolled, await open_ledger()]
    for counter in range(1, 101):
        verdicts = await asyncio.gather(
            *(doors[n % 2].redeem(tap(counter), policy=policy) for n in range(64))
        )
        assert (verdicts.count(Accepted()), verdicts.count(Replayed())) == (1, 63)


async def test_of_64_concurrent_first_taps_of_an_unknown_tag_one_is_accepted(ledger):
    verdicts = await asyncio.gather(*(ledger.redeem(tap(1), policy=OPEN) for _ in range(64)))
    assert verdicts.count(Accepted()) == 1


async def test_taps_in_any_order_are_accepted_in_rising_order_only(ledger):
    shuffle = random.Random(424).shuffle
    recorder = Recorder()
    highest = {}

    async def hand_in(taps):
        for each in taps:
            await recorder.redeem(ledger, each)

    for number in range(100):
        uid = Uid(b"\x04" + number.to_bytes(6, "big"))
        await ledger.enrol(uid, NOW, 0)
        taps = [tap(counter, uid=uid) for counter in range(1, 65)]
        shuffle(taps)
        await asyncio.gather(*(hand_in(taps[hand::8]) for hand in range(8)))
        highest[uid] = (await ledger.find(uid)).counter
    assert (violations(recorder.history), set(highest.values())) == ([], {64})


async def test_no_mix_of_taps_repeats_enrolments_and_states_breaks_a_promise(
    ledger, open_ledger, clock
):
    doors = [ledger, await open_ledger()]
    recorder = Recorder()
    tags = [UID, OTHER, Uid.from_hex("04A1B2C3D4E5F8")]
    generations = [Generation(0, epoch) for epoch in range(12)]

    async def live(seed):
        chance = random.Random(seed)
        for step in range(100):
            door, uid = chance.choice(doors), chance.choice(tags)
            generation = generations[min(step // 10 + chance.randrange(3), 11)]
            try:
                match chance.randrange(20):
                    case 0:
                        await door.enrol(uid, generation, chance.randrange(4))
                    case 1:
                        await door.set_state(uid, chance.choice(list(TagState)))
                    case 2 | 3:
                        await door.set_state(uid, TagState.ACTIVE)
                    case 4:
                        clock.advance(seconds=chance.randrange(20))
                    case _:
                        await recorder.redeem(
                            door,
                            tap(chance.randrange(1, 30), generation, uid),
                            nonce=chance.choice([None, NONCE, ANOTHER_NONCE]),
                            policy=chance.choice(list(EnrolmentPolicy)),
                        )
            except (StaleGenerationError, UnknownTagError):
                pass  # as often as not; only what it does to taps matters here

    await asyncio.gather(*(live(seed) for seed in range(24)))
    assert violations(recorder.history) == []


# --- against a model


@dataclass
class ModelTag:
    generation: Generation
    counter: int
    enrolled: bool
    state: TagState = TagState.ACTIVE
    #: Nonce, and the time it was seen; None once the tag was touched otherwise.
    first: tuple[bytes, int] | None = None


@dataclass
class Model:
    """The contract in the fewest words: one thing after the other, all in memory."""

    clock: ManualClock
    tags: dict[Uid, ModelTag] = field(default_factory=dict)
    #: By digest: what a live session shows, and when it ends.
    sessions: dict[bytes, tuple[LiveGrant, int]] = field(default_factory=dict)

    def redeem(self, tap, nonce, grant, policy):
        tag = self.tags.get(tap.uid)
        if tag is None and policy is OPEN:
            tag = self.tags[tap.uid] = ModelTag(tap.generation, 0, enrolled=False)
        if tag is None or tag.state is not TagState.ACTIVE:
            return Refused()
        if policy is OPEN and tap.generation > tag.generation:
            tag = self.tags[tap.uid] = ModelTag(tap.generation, 0, enrolled=False)
        if tap.generation != tag.generation or not (tag.enrolled or policy is OPEN):
            return Refused()
        if tap.counter > tag.counter:
            tag.counter = tap.counter
            tag.first = None if nonce is None else (nonce, self.clock.uptime)
            return Accepted(None if grant is None else self._store(tap, grant))
        if tap.counter < tag.counter or not self._is_repeat(tag.first, nonce):
            return Replayed()
        live = None if grant is None else self.grant(grant.digest)
        if grant is not None and live is None:
            return Refused()
        return Repeated(live and live.expires_at)

    def _is_repeat(self, first, nonce):
        return first is not None and first[0] == nonce and self.clock.uptime - first[1] <= 30_000

    def _store(self, tap, grant):
        ends = self.clock.uptime + 1000 * grant.lifetime
        shown = self.clock.wall() + grant.lifetime
        live = LiveGrant(tap.uid, tap.generation, tap.counter, shown, grant.lifetime)
        self.sessions[grant.digest] = live, ends
        return shown

    def enrol(self, uid, generation, counter):
        tag = self.tags.get(uid)
        if tag is None:
            self.tags[uid] = ModelTag(generation, counter, enrolled=True)
            return None
        known = tag.enrolled or tag.state is TagState.ERASED
        if generation < tag.generation or (generation == tag.generation and known):
            return StaleGenerationError
        if generation == tag.generation:
            counter = max(counter, tag.counter)
        state = TagState.ACTIVE if tag.state is TagState.ERASED else tag.state
        self.tags[uid] = ModelTag(generation, counter, enrolled=True, state=state)
        return None

    def set_state(self, uid, state):
        tag = self.tags.get(uid)
        if tag is None or tag.state is TagState.ERASED:
            return UnknownTagError
        tag.state, tag.first = state, None
        if state is not TagState.ACTIVE:
            self.sessions = {
                digest: entry for digest, entry in self.sessions.items() if entry[0].uid != uid
            }
        return None

    def find(self, uid):
        tag = self.tags.get(uid)
        if tag is None:
            return None
        return TagRecord(uid, tag.generation, tag.counter, tag.state, tag.enrolled)

    def grant(self, digest):
        live, ends = self.sessions.get(digest, (None, 0))
        if ends <= self.clock.uptime:
            return None
        return replace(live, remaining=(ends - self.clock.uptime) / 1000)

    def revoke(self, digest):
        lives = self.grant(digest) is not None
        self.sessions.pop(digest, None)
        return lives

    def reboot(self):
        self.sessions.clear()
        for tag in self.tags.values():
            tag.first = None


UIDS = st.sampled_from([UID, OTHER])
NONCES = st.sampled_from([None, NONCE, ANOTHER_NONCE])
LIFETIMES = st.sampled_from([None, 20, 300])
POLICIES = st.sampled_from(EnrolmentPolicy)
#: As seen from what is on record: at random, nearly every tap would be of no interest.
EPOCHS_ON = st.sampled_from([0, 0, 0, 1, -1])
COUNTERS_ON = st.sampled_from([1, 0, 2, -1, -3])


class LedgerBesideModel(RuleBasedStateMachine):
    """Does the same to a ledger and to the model, and compares every answer."""

    def __init__(self, store, runner):
        super().__init__()
        self.store, self.run = store, runner.run
        self.clock = ManualClock()
        self.model = Model(self.clock)
        self.digests = [b"\0" * 32]

    @initialize(counter=st.sampled_from([None, 0, MAX_READ_COUNTER - 2]))
    def begin(self, counter):
        self.ledger = self.run(self.store.open(self.clock))
        if counter is not None:
            self.run(self.ledger.enrol(UID, OLD, counter))
            self.model.enrol(UID, OLD, counter)

    def beside_record(self, uid, epochs, counters):
        record = self.model.find(uid) or TagRecord(uid, OLD, 0, TagState.ACTIVE, enrolled=False)
        generation = replace(record.generation, epoch=max(0, record.generation.epoch + epochs))
        return generation, max(0, min(record.counter + counters, MAX_READ_COUNTER))

    def redeem(self, tap, nonce, lifetime, policy):
        earned = None if lifetime is None else grant(tap, nonce, lifetime)
        if earned is not None:
            self.digests.append(earned.digest)
        verdict = self.run(self.ledger.redeem(tap, nonce=nonce, grant=earned, policy=policy))
        assert verdict == self.model.redeem(tap, nonce, earned, policy)
        assert self.run(self.ledger.find(tap.uid)) == self.model.find(tap.uid)

    @rule(
        uid=UIDS,
        epochs=EPOCHS_ON,
        counters=COUNTERS_ON,
        nonce=NONCES,
        lifetime=LIFETIMES,
        policy=POLICIES,
    )
    def redeem_some_tap(self, *, uid, epochs, counters, nonce, lifetime, policy):
        generation, counter = self.beside_record(uid, epochs, counters)
        self.redeem(CountedTap(uid, generation, max(1, counter)), nonce, lifetime, policy)

    @rule(
        uid=UIDS,
        nonces=st.just((NONCE, NONCE)) | st.tuples(NONCES, NONCES),
        lifetime=LIFETIMES,
        policies=st.tuples(POLICIES, POLICIES),
        meanwhile=st.sampled_from(["nothing", "revoke", "suspend", "enrol", "restart", "reboot"]),
        seconds=st.sampled_from([0, 0, 19, 21, 30, 31]),
    )
    def redeem_a_fresh_tap_twice(self, *, uid, nonces, lifetime, policies, meanwhile, seconds):
        generation, counter = self.beside_record(uid, 0, 1)
        tap = CountedTap(uid, generation, counter)
        self.redeem(tap, nonces[0], lifetime, policies[0])
        match meanwhile:
            case "revoke":
                self.revoke(0)
            case "suspend":
                self.set_state(uid, TagState.SUSPENDED)
                self.set_state(uid, TagState.ACTIVE)
            case "enrol":
                self.enrol(uid, 0, -1)
            case "restart":
                self.restart()
            case "reboot":
                self.reboot(self.clock.uptime)
        self.clock.advance(seconds=seconds)
        self.redeem(tap, nonces[1], lifetime, policies[1])

    @rule(uid=UIDS, epochs=EPOCHS_ON, counters=COUNTERS_ON)
    def enrol(self, uid, epochs, counters):
        generation, counter = self.beside_record(uid, epochs, counters)
        error = self.error_of(self.ledger.enrol(uid, generation, counter))
        assert error is self.model.enrol(uid, generation, counter)
        assert self.run(self.ledger.find(uid)) == self.model.find(uid)

    @rule(uid=UIDS, state=st.sampled_from([TagState.ACTIVE] * 3 + list(TagState)))
    def set_state(self, uid, state):
        error = self.error_of(self.ledger.set_state(uid, state))
        assert error is self.model.set_state(uid, state)
        assert self.run(self.ledger.find(uid)) == self.model.find(uid)

    @rule(back=st.integers(0, 3))
    def revoke(self, back):
        digest = self.digests[-1 - back % len(self.digests)]
        lives = self.model.revoke(digest)
        # Whether an ended session still counts as one is the store's own affair.
        assert self.run(self.ledger.revoke(digest)) or not lives

    @rule(seconds=st.sampled_from([0.001, 15, 31, 301]), days=st.sampled_from([-1, 0, 1]))
    def let_time_pass(self, seconds, days):
        self.clock.advance(seconds=seconds)
        self.clock.set_wall(days=days)
        self.compare_sessions()

    @rule()
    def restart(self):
        self.run(self.ledger.aclose())
        self.ledger = self.run(self.store.open(self.clock))
        self.compare_sessions()

    @rule(uptime=st.sampled_from([0, 10_000_000]))
    def reboot(self, uptime):
        self.clock.boot_id += ", and another"
        self.clock.uptime = uptime
        self.model.reboot()
        self.restart()

    def compare_sessions(self):
        for digest in self.digests[-4:]:
            assert self.run(self.ledger.grant(digest)) == self.model.grant(digest)

    def error_of(self, call):
        try:
            self.run(call)
        except (StaleGenerationError, UnknownTagError) as error:
            return type(error)
        return None

    def teardown(self):
        self.run(self.ledger.aclose())


def test_a_ledger_answers_as_the_model_does(new_store, examples):
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: LedgerBesideModel(new_store(runner), runner),
            settings=settings(examples, stateful_step_count=30, deadline=None),
        )
