"""The simulated tag authenticates, and counts who fails to (NT4H2421Gx §8.2.5, §9.1, §9.2)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from ntag424.testing.simulated_tag._memory import Failures
from tests.ntag424.testing.hosting import (
    FULL,
    LRP_CAPABLE,
    RND_A,
    TAG_UID,
    ZERO,
    Host,
    blank,
    in_lrp_mode,
    master_of,
    native,
    opened,
)
from tests.ntag424.testing.reading import lricb_decrypt

WRONG_KEY = b"\x01" * 16
GET_CARD_UID = 0x51
BOTH_MODES = pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])


def tag_in(*, lrp, **options):
    return in_lrp_mode(**options) if lrp else blank(**options)


def status(tag, *commands):
    """Send all and give the last status."""
    return [tag.transmit(command).status for command in commands][-1]


# ---- how it goes ----------------------------------------------------------------------------


@BOTH_MODES
@pytest.mark.parametrize("number", range(5))
def test_every_app_key_authenticates(number, lrp):
    host = Host(tag_in(lrp=lrp), lrp=lrp).authenticate(number)
    assert host.send(GET_CARD_UID) == TAG_UID


@BOTH_MODES
def test_a_new_transaction_identifier_comes_with_each_first_authentication(lrp):
    tis = (bytes([number]) * 4 for number in itertools.count(1))
    tag = tag_in(lrp=lrp, random_bytes=lambda count: next(tis) if count == 4 else bytes(count))
    assert [Host(tag, lrp=lrp).authenticate().ti for _ in range(2)] == [b"\1" * 4, b"\2" * 4]


@BOTH_MODES
def test_a_non_first_authentication_keeps_identifier_and_counter(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    host.send(GET_CARD_UID)
    host.authenticate(3, first=False)
    assert (host.send(GET_CARD_UID), host.counter) == (TAG_UID, 2)


@BOTH_MODES
def test_a_non_first_authentication_makes_other_session_keys(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    old = host.keys
    host.authenticate(first=False)
    host.keys = old
    assert host.send(GET_CARD_UID) == Status.INTEGRITY_ERROR


@BOTH_MODES
def test_a_first_authentication_starts_the_counter_again(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    host.send(GET_CARD_UID)
    assert host.authenticate().send(GET_CARD_UID) == TAG_UID


def test_the_answer_of_an_aes_tag_tells_no_capabilities():
    assert master_of(blank()).capabilities == bytes(12)


def test_the_answer_of_an_lrp_tag_tells_the_mode_and_echoes_the_reader():
    host = master_of(in_lrp_mode(), lrp=True)
    assert host.capabilities == LRP_CAPABLE.ljust(6, b"\0") * 2


def test_capabilities_of_the_reader_are_echoed():
    tag = blank()
    host = Host(tag)
    challenge = tag.transmit(native(0x71, "00 06 010203040506")).data
    answer = tag.transmit(host.proof(ZERO, challenge)).data
    host._take_aes(ZERO, answer, first=True)
    assert host.capabilities[6:] == bytes(range(1, 7))


def test_lrp_asked_of_an_aes_tag_is_answered_in_aes():
    tag = blank()
    challenge = tag.transmit(native(0x71, "00 01 02")).data
    answer = tag.transmit(Host(tag).proof(ZERO, challenge))
    assert (len(challenge), answer.status) == (16, Status.OK)


def test_aes_asked_of_an_lrp_tag_is_not_permitted():
    assert status(in_lrp_mode(), native(0x71, "0000")) == Status.PERMISSION_DENIED


def test_the_challenge_of_an_lrp_tag_is_in_the_clear_behind_its_mode():
    tag = in_lrp_mode(random_bytes={16: RND_A}.__getitem__)
    assert Host(tag, lrp=True).challenge(0) == ResponseApdu(b"\x01" + RND_A, 0x91AF)


def test_the_lrp_encryption_counter_goes_on_behind_the_authentication():
    host = master_of(in_lrp_mode(), lrp=True)
    answer = host.tag.transmit(host.command(GET_CARD_UID))
    plain = lricb_decrypt(host.keys.enc, bytes.fromhex("00000001"), answer.data[:16])
    assert plain[:7] == TAG_UID


def test_the_lrp_encryption_counter_starts_again_with_a_non_first_authentication():
    host = master_of(in_lrp_mode(), lrp=True).authenticate(first=False)
    answer = host.tag.transmit(host.command(GET_CARD_UID))
    assert lricb_decrypt(host.keys.enc, bytes(4), answer.data[:16])[:7] == TAG_UID


# ---- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (native(0x77, "00"), Status.PERMISSION_DENIED),
        (native(0xAF, "00" * 32), Status.ILLEGAL_COMMAND_CODE),
    ],
    ids=["NonFirst", "part 2"],
)
def test_there_is_nothing_to_go_on_with(command, refusal):
    assert status(blank(), command) == refusal


@pytest.mark.parametrize("refusal", [Status.ILLEGAL_COMMAND_CODE, Status.PERMISSION_DENIED])
def test_what_an_authentication_is_answered_at_the_master_file_can_be_given(refusal):
    tag = SimulatedTag.blank(
        TAG_UID, open_points=OpenPoints(authentication_at_master_file=refusal)
    )
    assert status(tag, native(0x71, "0000")) == refusal


@BOTH_MODES
def test_a_wrong_key_is_told_at_part_2(lrp):
    host = Host(tag_in(lrp=lrp), lrp=lrp)
    proof = host.proof(WRONG_KEY, host.challenge(0).data)
    assert status(host.tag, proof) == Status.AUTHENTICATION_ERROR


def test_a_challenge_is_good_for_one_answer():
    host = Host(blank())
    challenge = host.challenge(0).data
    wrong, right = native(0xAF, "00" * 32), host.proof(ZERO, challenge)
    answers = [host.tag.transmit(each).status for each in (wrong, right)]
    assert answers == [Status.AUTHENTICATION_ERROR, Status.ILLEGAL_COMMAND_CODE]


@pytest.mark.parametrize(
    ("between", "refusal"),
    [
        (native(0x60), Status.COMMAND_ABORTED),
        (native(0x71, "0000"), Status.COMMAND_ABORTED),
        (CommandApdu(0xB0, cla=0x00), Status.ISO_CONDITIONS_NOT_SATISFIED),
    ],
    ids=["native", "part 1 again", "ISO"],
)
def test_nothing_may_come_between_the_parts(between, refusal):
    host = Host(blank())
    proof = host.proof(ZERO, host.challenge(0).data)
    answers = [host.tag.transmit(each).status for each in (between, proof)]
    assert answers == [refusal, Status.ILLEGAL_COMMAND_CODE]


@BOTH_MODES
@pytest.mark.parametrize("first", [True, False], ids=["First", "NonFirst"])
def test_part_1_already_ends_the_session(first, lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    host.challenge(0, first=first)
    host.tag.transmit(CommandApdu(0x6F))
    assert host.send(GET_CARD_UID) == Status.AUTHENTICATION_ERROR


# ---- what failures cost ---------------------------------------------------------------------


def fail(host, times, number=0):
    """Break off authentications after part 1, waiting where the tag wants it."""
    for _ in range(times):
        while host.challenge(number).status == Status.AUTHENTICATION_DELAY:
            pass
        host.tag.transmit(CommandApdu(0x6F))


def failures(tag, number=0):
    return tag._card.memory.keys[number].failures


def test_part_1_counts_as_a_failure_before_part_2_says_more():
    host = Host(blank())
    host.challenge(2)
    assert (failures(host.tag, 2).total, failures(host.tag, 2).in_a_row) == (1, 1)


def test_a_refused_part_1_counts_nothing():
    tag = blank()
    status(tag, native(0x71, "00"), native(0x77, "00"))
    assert failures(tag).total == 0


def test_a_success_takes_ten_failures_back():
    host = Host(blank())
    fail(host, 20)
    host.authenticate()
    assert (failures(host.tag).total, failures(host.tag).in_a_row) == (11, 0)


def test_a_success_takes_back_no_more_than_there_are():
    assert failures(master_of(blank()).tag).total == 0


def test_failures_with_one_key_do_not_touch_another():
    host = Host(blank())
    fail(host, 60, number=3)
    assert host.challenge(2).status == Status.ADDITIONAL_FRAME


def test_failures_outlive_the_field():
    host = Host(blank())
    fail(host, 3)
    host.tag.power_cycle()
    assert failures(host.tag).total == 3


@pytest.mark.parametrize(("count", "waits"), [(49, 0), (50, 1), (51, 2), (60, 11)], ids=str)
def test_from_fifty_failures_in_a_row_on_part_1_has_to_wait(count, waits):
    host = Host(blank())
    fail(host, count)
    answers = [host.challenge(0).status for _ in range(waits + 1)]
    assert answers == [Status.AUTHENTICATION_DELAY] * waits + [Status.ADDITIONAL_FRAME]


def test_waiting_is_no_failure():
    host = Host(blank())
    fail(host, 50)
    host.challenge(0)
    assert failures(host.tag).total == 50


def test_what_was_waited_counts_after_the_field_was_left():
    host = Host(blank())
    fail(host, 51)
    host.challenge(0)
    host.tag.power_cycle()
    opened(host.tag)
    assert [host.challenge(0).status for _ in range(2)] == [0x91AD, 0x91AF]


def test_a_success_ends_the_delay():
    host = Host(blank())
    fail(host, 50)
    host.challenge(0)
    host.authenticate()
    assert host.challenge(0).status == Status.ADDITIONAL_FRAME


def set_rule(host, rule):
    assert host.send(0x5C, "0A", bytes.fromhex(rule)) == b""


@BOTH_MODES
def test_the_limit_locks_the_key(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    set_rule(host, "01 0300 0100")
    fail(host, 3, number=1)
    assert host.challenge(1).status == Status.PERMISSION_DENIED


def test_one_below_the_limit_the_key_still_works():
    host = master_of(blank())
    set_rule(host, "01 0300 0100")
    fail(host, 2, number=1)
    assert host.authenticate(1).is_alive()


def test_the_limit_is_a_thousand_as_delivered():
    host = Host(blank())
    tag = host.tag
    fail(host, 49)
    key = tag._card.memory.keys[0]
    rule = tag._card.memory.failure_rule
    assert (rule.limit, rule.decrement, key.failures.total) == (1000, 10, 49)


def test_a_changed_key_is_unlocked():
    host = master_of(blank())
    set_rule(host, "01 0300 0100")
    fail(host, 3, number=1)
    host.authenticate()
    same_key = bytes(16) + b"\x00" + bytes.fromhex("AAB44413")
    host.send(0xC4, "01", same_key, FULL)
    assert host.authenticate(1).is_alive()


def test_the_configured_decrement_is_taken_off():
    host = master_of(blank())
    set_rule(host, "01 E803 0200")
    fail(host, 5)
    host.authenticate()
    assert failures(host.tag).total == 4


def test_failures_need_not_count():
    host = master_of(blank())
    set_rule(host, "00 0100 0100")
    fail(host, 60)
    assert host.challenge(0).status == Status.ADDITIONAL_FRAME


def test_a_success_takes_nothing_back_where_failures_do_not_count():
    host = master_of(blank())
    fail(host, 20)
    host.authenticate()
    set_rule(host, "00 0100 0100")
    host.authenticate()
    assert failures(host.tag).total == 11


def test_a_failure_count_ends_at_its_highest_value():
    host = master_of(blank())
    set_rule(host, "01 FFFF 0100")
    key = replace(host.tag._card.memory.keys[1], failures=Failures(0xFFFE, 0xFF, 0xFFFF))
    host.tag._card.memory = host.tag._card.memory.with_key(1, key)
    fail(host, 1, number=1)
    assert failures(host.tag, 1) == Failures(0xFFFF, 0xFF)
