"""Transports for tests: one that loses the tag, and one that plays a recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.errors import TransportError
from ntag424.testing.faulty_transport import FaultyTransport
from ntag424.testing.scripted_transport import Either, InAnyOrder, ScriptedTransport
from ntag424.testing.simulated_tag import SimulatedTag
from tests.ntag424.testing.hosting import TAG_UID, Host, master_of, native, opened
from tests.ntag424.testing.reading import APPLICATION

WRITE, READ = native(0x8D, "02 000000 020000", "0102"), native(0xAD, "02 000000 020000")


def losing(cut_at, *, executed, tag=None):
    tag = SimulatedTag.blank(TAG_UID) if tag is None else tag
    return FaultyTransport(tag, cut_at=cut_at, executed=executed)


def lost(transport, command):
    with pytest.raises(TransportError) as error:
        transport.transmit(command)
    return error.value


def written(transport):
    """Come back and see what is in the file."""
    transport.reconnect()
    return opened(transport).transmit(READ).data


# ---- FaultyTransport ------------------------------------------------------------------------


def test_up_to_the_cut_all_is_answered():
    transport = losing(2, executed=False)
    answers = [transport.transmit(each).status for each in (APPLICATION, READ)]
    assert answers == [Status.ISO_OK, Status.OK]


@pytest.mark.parametrize("executed", [False, True])
def test_the_outcome_of_the_cut_command_is_unknown(executed):
    assert lost(losing(0, executed=executed), APPLICATION).outcome_unknown


@pytest.mark.parametrize(("executed", "content"), [(True, b"\1\2"), (False, b"\0\0")])
def test_the_cut_command_was_carried_out_or_not(executed, content):
    transport = losing(1, executed=executed)
    transport.transmit(APPLICATION)
    lost(transport, WRITE)
    assert written(transport) == content


def test_without_a_card_it_is_known_that_nothing_happened():
    transport = losing(1, executed=False)
    transport.transmit(APPLICATION)
    lost(transport, READ)
    assert not lost(transport, WRITE).outcome_unknown


def test_without_a_card_nothing_is_carried_out():
    transport = losing(1, executed=False)
    transport.transmit(APPLICATION)
    lost(transport, READ)
    lost(transport, WRITE)
    assert written(transport) == b"\0\0"


def test_the_loss_shows_until_the_card_is_back():
    transport = losing(0, executed=False)
    seen = [transport.lost]
    lost(transport, APPLICATION)
    seen.append(transport.lost)
    transport.reconnect()
    assert [*seen, transport.lost] == [False, True, False]


def test_the_tag_loses_its_power_at_the_cut():
    tag = SimulatedTag.blank(TAG_UID)
    transport = losing(1, executed=True, tag=tag)
    transport.transmit(APPLICATION)
    lost(transport, READ)
    assert tag.transmit(READ).status == Status.PERMISSION_DENIED


def test_reconnecting_activates_the_card_anew():
    transport = losing(9, executed=True)
    transport.transmit(APPLICATION)
    transport.reconnect()
    assert transport.transmit(READ).status == Status.PERMISSION_DENIED


def test_a_session_does_not_survive_the_cut():
    transport = losing(3, executed=True)
    host = Host(opened(transport)).authenticate()
    lost(transport, host.command(0x51))
    transport.reconnect()
    host.tag = opened(transport)
    assert not host.is_alive()


def test_contact_is_lost_once():
    transport = losing(0, executed=True)
    lost(transport, APPLICATION)
    transport.reconnect()
    assert master_of(opened(transport)).is_alive()


def test_a_sweep_sees_that_its_cut_was_never_reached():
    transport = losing(2, executed=True)
    for command in (APPLICATION, READ):
        transport.transmit(command)
    assert transport.sent == 2


def test_a_cut_before_the_first_command_is_none():
    with pytest.raises(ValueError, match="counted from 0"):
        losing(-1, executed=True)


NEW_KEY = bytes(range(16))


@pytest.mark.parametrize(("executed", "key"), [(True, NEW_KEY), (False, bytes(16))])
def test_a_key_is_the_old_or_the_new_one_after_a_cut(executed, key):
    transport = losing(3, executed=executed)
    host = Host(opened(transport)).authenticate()
    lost(transport, host.command(0xC4, "00", NEW_KEY + b"\x01"))
    transport.reconnect()
    assert Host(opened(transport)).authenticate(0, key).is_alive()


def test_a_cut_between_the_parts_of_an_authentication_is_a_failure():
    tag = SimulatedTag.blank(TAG_UID)
    transport = losing(2, executed=False, tag=tag)
    host = Host(opened(transport))
    lost(transport, host.proof(bytes(16), host.challenge(0).data))
    assert tag._card.memory.keys[0].failures.in_a_row == 1


# ---- ScriptedTransport ----------------------------------------------------------------------

RECORDING = [
    (bytes(APPLICATION), bytes.fromhex("9000")),
    (bytes(READ), bytes.fromhex("01029100")),
]


def test_a_recording_answers_in_turn():
    transport = ScriptedTransport(RECORDING)
    answers = [bytes(transport.transmit(each)) for each in (APPLICATION, READ)]
    assert answers == [answer for _, answer in RECORDING]


def test_a_recording_that_was_played_is_finished():
    transport = ScriptedTransport(RECORDING)
    for command in (APPLICATION, READ):
        transport.transmit(command)
    transport.assert_finished()


def test_a_recording_that_goes_on_is_not_finished():
    transport = ScriptedTransport(RECORDING)
    transport.transmit(APPLICATION)
    with pytest.raises(AssertionError, match="90AD0000070200000002000000 is due as command 1"):
        transport.assert_finished()


DIFFERENT = {
    "CLA": (replace(READ, cla=0), "CLA is 00, not 90"),
    "INS": (replace(READ, ins=0x8D), "INS is 8D, not AD"),
    "P1": (replace(READ, p1=1), "P1 is 01, not 00"),
    "P2": (replace(READ, p2=2), "P2 is 02, not 00"),
    "Lc": (replace(READ, data=READ.data + b"\0"), "Lc is 08, not 07"),
    "the data": (replace(READ, data=b"\x02\0\1" + READ.data[3:]), "differ from byte 2 on"),
    "Le": (replace(READ, le=None), "Le is missing, not 00"),
    "another Le": (replace(READ, le=4), "Le is 04, not 00"),
}


@pytest.mark.parametrize(("command", "difference"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_command_that_is_not_due_is_told_with_what_differs(command, difference):
    due = f"command 0 is due as {bytes(READ).hex().upper()}, not as "
    with pytest.raises(AssertionError, match=f"{due}.*: .*{difference}"):
        ScriptedTransport([(bytes(READ), b"\x91\x00")]).transmit(command)


def test_a_recorded_command_that_is_none_is_still_compared():
    with pytest.raises(AssertionError, match="differ from byte 1 on"):
        ScriptedTransport([(b"\x90", b"\x91\x00")]).transmit(READ)


def test_a_command_after_the_end_is_told():
    with pytest.raises(AssertionError, match="no command is due any more"):
        ScriptedTransport([]).transmit(READ)


def test_a_recorded_answer_has_a_status_word():
    with pytest.raises(ValueError, match="at least 2 bytes"):
        ScriptedTransport([(bytes(READ), b"\x91")])


def said(transport, *commands):
    return [bytes(transport.transmit(each)).hex() for each in commands]


ONE, TWO, THREE = (CommandApdu(ins) for ins in (1, 2, 3))


def told(command, answer):
    return bytes(command), bytes.fromhex(answer)


FORK = [
    Either([told(ONE, "9101"), told(TWO, "9102")], [told(THREE, "9103")]),
    told(TWO, "91FF"),
]


@pytest.mark.parametrize(
    ("commands", "answers"),
    [((ONE, TWO, TWO), ["9101", "9102", "91ff"]), ((THREE, TWO), ["9103", "91ff"])],
)
def test_a_script_may_go_on_in_either_of_two_ways(commands, answers):
    transport = ScriptedTransport(FORK)
    assert said(transport, *commands) == answers
    transport.assert_finished()


def test_the_first_command_decides_which_way_it_is():
    transport = ScriptedTransport(FORK)
    transport.transmit(ONE)
    with pytest.raises(AssertionError, match="command 1 is due as 9002000000, not as 9003"):
        transport.transmit(THREE)


def test_a_mismatch_tells_every_command_that_is_due():
    with pytest.raises(AssertionError, match="due as 9001000000 or 9003000000, not as 9002"):
        ScriptedTransport(FORK).transmit(TWO)


def test_two_ways_may_begin_alike():
    fork = Either([told(ONE, "9100"), told(TWO, "9102")], [told(ONE, "9100"), told(THREE, "9103")])
    assert said(ScriptedTransport([fork]), ONE, THREE) == ["9100", "9103"]


def test_of_two_answers_the_first_is_given():
    fork = Either([told(ONE, "9101")], [told(ONE, "9102"), told(TWO, "9100")])
    transport = ScriptedTransport([fork])
    assert said(transport, ONE) == ["9101"]


def test_where_the_first_of_two_answers_was_given_its_way_is_taken():
    fork = Either([told(ONE, "9101")], [told(ONE, "9102"), told(TWO, "9100")])
    transport = ScriptedTransport([fork])
    transport.transmit(ONE)
    with pytest.raises(AssertionError, match="no command is due any more"):
        transport.transmit(TWO)


@pytest.mark.parametrize("commands", [(TWO,), (ONE, TWO)], ids=["without", "with"])
def test_an_empty_script_may_be_passed_over(commands):
    transport = ScriptedTransport([Either([told(ONE, "9101")], []), told(TWO, "9102")])
    said(transport, *commands)
    transport.assert_finished()


def test_what_may_be_passed_over_may_be_missing_at_the_end():
    ScriptedTransport([Either([told(ONE, "9101")], [])]).assert_finished()


ALL = InAnyOrder(
    [told(ONE, "9101"), told(TWO, "9102")], [told(THREE, "9103")], [told(ONE, "9111")]
)


@pytest.mark.parametrize(
    ("commands", "answers"),
    [
        ((THREE, ONE, TWO, ONE), ["9103", "9101", "9102", "9111"]),
        ((ONE, TWO, ONE, THREE), ["9101", "9102", "9111", "9103"]),
    ],
)
def test_a_script_may_be_in_any_order(commands, answers):
    transport = ScriptedTransport([ALL])
    assert said(transport, *commands) == answers
    transport.assert_finished()


def test_a_script_in_any_order_needs_all_of_its_parts():
    transport = ScriptedTransport([ALL])
    said(transport, THREE, ONE, TWO)
    with pytest.raises(AssertionError, match="9001000000 is due as command 3"):
        transport.assert_finished()


def test_a_part_in_any_order_runs_to_its_end():
    transport = ScriptedTransport([InAnyOrder([told(ONE, "9100"), told(TWO, "9100")], [FORK[1]])])
    transport.transmit(ONE)
    with pytest.raises(AssertionError, match="command 1 is due as 9002000000, not as 9003"):
        transport.transmit(THREE)


def test_ways_that_lead_to_the_same_are_followed_once():
    transport = ScriptedTransport([InAnyOrder(*[[told(ONE, "9100")]] * 4)])
    transport.transmit(ONE)
    assert len(transport._ways) == 1


def test_scripts_may_lie_in_one_another():
    inner = Either([told(TWO, "9102")], [InAnyOrder([told(TWO, "9122")], [told(THREE, "9103")])])
    transport = ScriptedTransport([InAnyOrder([inner], [told(ONE, "9101")])])
    assert said(transport, THREE, TWO, ONE) == ["9103", "9122", "9101"]
    transport.assert_finished()
