"""A status word means what the command and the state make of it; a reader's is no tag's."""

from __future__ import annotations

import inspect

import pytest

import ntag424.commands
from ntag424 import Key
from ntag424.apdu import ResponseApdu, Status
from ntag424.commands import ChangeKey, GetCardUid, GetVersion, Request
from ntag424.errors import AuthenticationDelayError, TagRefusedError, TransportError
from ntag424.handshake import _NAMES
from ntag424.session import Session
from ntag424.status_words import (
    READERS,
    TABLE,
    Authentication,
    explain,
    reader_error,
    refusal,
)
from ntag424.testing import SimulatedTag

FACTORY = Key(bytes(16))
NOBODY, KEY_0, OTHER = Authentication
UNREACHED = [0x6300, 0x6301, 0x637F, 0x6400, 0x6401, 0x6F00, 0x6F12]


def a_tag():
    return SimulatedTag.blank(bytes.fromhex("04DE5F1EACC040"))


class Answering:
    """A tag, but for one command by its place, which gets *answer* instead."""

    def __init__(self, place, answer):
        self._tag, self._place, self._answer = a_tag(), place, answer

    def transmit(self, command):
        self._place -= 1
        return self._answer if self._place == -1 else self._tag.transmit(command)


# ---- the table ------------------------------------------------------------------------------


def test_every_status_that_has_a_name_has_a_meaning():
    assert set(Status) <= {meaning.status for meaning in TABLE}


def test_every_meaning_is_found_by_what_it_is_said_of():
    hidden = [
        meaning
        for meaning in TABLE
        for command in meaning.commands or ("",)
        for state in meaning.authentication or (None,)
        if explain(meaning.status, command, authentication=state, selected=meaning.selected)
        is not meaning
    ]
    assert hidden == []


def test_every_command_of_the_table_is_one_of_the_library():
    requests = [
        each
        for each in vars(ntag424.commands).values()
        if inspect.isclass(each) and issubclass(each, Request) and not inspect.isabstract(each)
    ]
    named = {each.name.fget(each.__new__(each)) for each in requests}
    named |= {f"{mode}{kind}" for mode in _NAMES.values() for kind in ("First", "NonFirst")}
    assert {name for meaning in TABLE for name in meaning.commands} <= named


def test_every_refusal_says_what_to_do():
    successes = {Status.OK, Status.SIGNATURE_OK, Status.ISO_OK}
    silent = [each for each in TABLE if not each.advice and each.status not in successes]
    assert silent == []


@pytest.mark.parametrize("status", [0x6C10, 0x6C00, 0x6CFF])
def test_a_wrong_length_is_known_whatever_the_right_one_is(status):
    assert explain(status).status == Status.ISO_WRONG_LE


@pytest.mark.parametrize("status", [0x91FF, 0x6A81, 0x9001])
def test_a_status_that_nobody_lists_is_said_to_be_one(status):
    assert "does not list" in explain(status).cause


# ---- in context -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "command", "state", "said"),
    [
        (0x911C, "GetVersion", NOBODY, "another program spoke"),
        (0x911C, "AuthenticateEV2First", NOBODY, "not selected"),
        (0x911C, "GetTTStatus", KEY_0, "no tamper loop"),
        (0x911E, "ChangeKey", KEY_0, "the old key was wrong"),
        (0x911E, "ReadData", NOBODY, "read counter is at its end"),
        (0x911E, "ReadData", KEY_0, "MAC, padding or checksum"),
        (0x917E, "ReadData", KEY_0, "no data that could be encrypted"),
        (0x917E, "ReadData", NOBODY, "without an authentication"),
        (0x919D, "AuthenticateEV2First", NOBODY, "LRP mode"),
        (0x919D, "ReadData", NOBODY, "reached its limit"),
        (0x919D, "ChangeFileSettings", KEY_0, "Change right of the file is F"),
        (0x919E, "ChangeFileSettings", KEY_0, "contradict"),
        (0x91AE, "AuthenticateEV2First", NOBODY, "the key is wrong"),
        (0x91AE, "ChangeKey", NOBODY, "with key 0, whatever key is named"),
        (0x91AE, "ChangeKey", OTHER, "another key is authenticated"),
        (0x91AE, "ChangeKey", KEY_0, "has ended"),
        (0x91AE, "GetFileCounters", OTHER, "SDMCtrRet"),
        (0x6982, "IsoReadBinary", KEY_0, "refused inside an authentication"),
        (0x6982, "IsoReadBinary", NOBODY, "reached its limit"),
        (0x6700, "IsoUpdateBinary", NOBODY, "an Le behind the data"),
    ],
)
def test_a_status_means_what_command_and_state_make_of_it(status, command, state, said):
    assert said in explain(status, command, authentication=state).cause


@pytest.mark.parametrize("status", [0x911C, 0x919D, 0x91F0])
def test_what_nothing_selected_refuses_is_answered_with_how_to_select(status):
    assert "00 A4 04 0C 07" in explain(status, "ChangeKey", selected=False).advice


def test_a_key_that_may_not_change_keys_is_told_which_one_may():
    session = Session(a_tag())
    session.select()
    with pytest.raises(TagRefusedError) as refused:
        session.authenticate(1, FACTORY).send(ChangeKey(1, FACTORY, Key(b"N" * 16), 1))
    assert (refused.value.status, refused.value.hint[:24]) == (0x91AE, "Authenticate with key 0.")


def test_a_wrong_old_key_is_named_as_one():
    session = Session(a_tag())
    session.select()
    with pytest.raises(TagRefusedError, match=r"911E: .* the old key was wrong"):
        session.authenticate(0, FACTORY).send(ChangeKey(1, Key(b"O" * 16), Key(b"N" * 16), 1))


def test_a_delay_stays_an_error_of_its_own():
    assert type(refusal("AuthenticateEV2First", 0x91AD)) is AuthenticationDelayError


# ---- the reader's own -----------------------------------------------------------------------


@pytest.mark.parametrize("status", UNREACHED)
def test_what_a_reader_says_of_itself_is_no_refusal_and_leaves_the_outcome_open(status):
    session = Session(Answering(0, ResponseApdu(b"", status)))
    with pytest.raises(TransportError, match=f"the reader answers {status:04X}") as failed:
        session.send(GetVersion())
    assert failed.value.outcome_unknown


def test_what_a_reader_says_of_itself_ends_an_authentication():
    session = Session(Answering(3, ResponseApdu(b"", 0x6300)))
    session.select()
    authenticated = session.authenticate(0, FACTORY)
    with pytest.raises(TransportError):
        authenticated.send(GetCardUid())
    assert not authenticated.is_alive


def test_what_a_reader_says_in_an_authentication_is_no_wrong_key():
    session = Session(Answering(2, ResponseApdu(b"", 0x6401)))
    session.select()
    with pytest.raises(TransportError):
        session.authenticate(0, FACTORY)


@pytest.mark.parametrize("status", sorted(Status))
def test_no_word_of_the_tag_is_taken_for_a_readers(status):
    assert reader_error(status) is None


def test_the_hint_of_a_readers_word_says_to_read_back():
    assert {"read back" in reader_error(each.status).hint for each in READERS} == {True}
