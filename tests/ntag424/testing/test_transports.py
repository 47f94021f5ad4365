"""Transports for tests: one that loses the tag, and one that plays a recording."""

from __future__ import annotations

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.errors import TransportError
from ntag424.testing.faulty_transport import FaultyTransport
from ntag424.testing.scripted_transport import ScriptedTransport
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
    with pytest.raises(AssertionError, match="1 of 2 commands were never sent"):
        transport.assert_finished()


@pytest.mark.parametrize(
    "command",
    [READ, CommandApdu(0xA4, APPLICATION.data, cla=0x00, p1=0x04, p2=0x0C, le=None)],
    ids=["another", "without Le"],
)
def test_a_command_that_is_not_due_is_told(command):
    with pytest.raises(AssertionError, match="command 0 is due as 00A4040C07D276000085010100"):
        ScriptedTransport(RECORDING).transmit(command)


def test_a_command_after_the_end_is_told():
    with pytest.raises(AssertionError, match="no command is due any more"):
        ScriptedTransport([]).transmit(READ)


def test_a_recorded_answer_has_a_status_word():
    with pytest.raises(ValueError, match="at least 2 bytes"):
        ScriptedTransport([(bytes(READ), b"\x91")])
