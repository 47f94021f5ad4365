"""Host and tag, written apart, understand each other: every command, in both modes."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from base64 import b64encode

import pytest

from ntag424 import Key, Mode, Uid
from ntag424.apdu import ResponseApdu
from ntag424.async_session import AsyncSession
from ntag424.commands import (
    ChangeFileSettings,
    ChangeKey,
    ChangeMasterKey,
    EnableLrp,
    GetCardUid,
    GetFileCounters,
    GetFileSettings,
    GetKeyVersion,
    GetVersion,
    ReadData,
    SetBackModulation,
)
from ntag424.errors import (
    ProtocolError,
    ResponseMacError,
    SessionEndedError,
    TagRefusedError,
    TransportError,
)
from ntag424.exchange import ask, exchange
from ntag424.flow import run
from ntag424.model import EncryptedMirror
from ntag424.model.files import (
    FREE,
    AccessRights,
    CommMode,
    FileSettings,
    ReadCounter,
    SdmBlock,
    SecuredRead,
)
from ntag424.session import Session
from ntag424.testing import OpenPoints, ScriptedTransport, SimulatedTag
from tests.support import vectors

UID = Uid.from_hex("04DE5F1EACC040")
FACTORY = Key(bytes(16))
KEYS = [Key(bytes([0xA0 + number]) * 16) for number in range(5)]
NDEF = FileSettings(
    CommMode.PLAIN,
    AccessRights(FREE, 0, 0, 0),
    SdmBlock(EncryptedMirror(60), 1, SecuredRead(2, 130, 130), ReadCounter(1)),
)
BY_ID = {each.id: each for each in vectors("chip", "auth_ev2_first", "auth_ev2_non_first")}
both_modes = pytest.mark.parametrize("mode", list(Mode))


def a_tag(mode=Mode.AES):
    tag = SimulatedTag(
        uid=UID,
        keys=[bytes(16)] * 5,
        ndef_file=b"",
        file_settings=bytes.fromhex("00E0EE"),
        lrp=mode is Mode.LRP,
    )
    Session(tag).select()
    return tag


def authenticated(mode=Mode.AES, key_number=0):
    return Session(a_tag(mode)).authenticate(key_number, FACTORY)


# ---- what a session can do ------------------------------------------------------------------


@both_modes
def test_the_mode_of_a_tag_is_found_out(mode):
    assert authenticated(mode).channel.mode is mode


@both_modes
def test_the_uid_is_read(mode):
    assert authenticated(mode).send(GetCardUid()) == UID


@both_modes
def test_the_version_is_read_with_one_mac_over_its_three_frames(mode):
    assert authenticated(mode).send(GetVersion()).uid == UID


@both_modes
def test_every_other_key_is_changed(mode):
    session = authenticated(mode)
    for number in range(1, 5):
        session.send(ChangeKey(number, FACTORY, KEYS[number], 0x10 + number))
    versions = [session.send(GetKeyVersion(number)) for number in range(5)]
    assert versions == [0, 0x11, 0x12, 0x13, 0x14]


@both_modes
def test_a_changed_key_authenticates(mode):
    session = authenticated(mode)
    session.send(ChangeKey(3, FACTORY, KEYS[3], 1))
    assert session.authenticate(3, KEYS[3]).is_alive


@both_modes
def test_the_master_key_is_changed_and_the_session_ends(mode):
    tag = a_tag(mode)
    session = Session(tag).authenticate(0, FACTORY)
    session.send(ChangeMasterKey(KEYS[0], 1))
    assert (session.is_alive, Session(tag).authenticate(0, KEYS[0]).is_alive) == (False, True)


@both_modes
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_written_is_read_back_whatever_its_length(mode, number):
    size = {1: 32, 2: 256, 3: 128}[number]
    session = authenticated(mode, key_number=3 if number == 3 else 0)
    content = bytes(range(size))
    session.write(number, content)
    assert session.read(number) == content


@both_modes
def test_part_of_a_file_is_written_and_read(mode):
    session = authenticated(mode)
    session.write(2, b"middle", offset=100)
    assert session.read(2, offset=98, length=10) == b"\0\0middle\0\0"


@both_modes
def test_settings_are_read_as_they_were_written(mode):
    session = authenticated(mode)
    session.send(ChangeFileSettings(2, NDEF))
    assert session.send(GetFileSettings(2)).settings == NDEF


@both_modes
def test_the_read_counter_is_that_of_the_taps(mode):
    tag = a_tag(mode)
    session = Session(tag).authenticate(0, FACTORY)
    session.write(2, b"\0\x80" + b"x" * 128)
    session.send(ChangeFileSettings(2, NDEF))
    for _ in range(3):
        tag.tap()
    Session(tag).select()
    assert Session(tag).authenticate(1, FACTORY).send(GetFileCounters()) == 3


@both_modes
def test_a_further_authentication_takes_over(mode):
    before = authenticated(mode)
    before.send(GetCardUid())
    after = before.authenticate(2, FACTORY)
    after.send(GetCardUid())
    assert (before.is_alive, after.channel.key_number) == (False, 2)


def test_a_tag_is_switched_to_lrp_and_the_session_ends():
    tag = a_tag()
    session = Session(tag).authenticate(0, FACTORY)
    session.send(EnableLrp())
    after = Session(tag).authenticate(0, FACTORY)
    assert (session.is_alive, after.channel.mode) == (False, Mode.LRP)


@both_modes
def test_a_long_session_stays_in_step(mode):
    session = authenticated(mode)
    for _ in range(50):
        session.send(SetBackModulation())
        session.send(GetCardUid())
    assert session.channel.command_counter == 100


def test_without_authentication_settings_are_read_too():
    assert Session(a_tag()).send(GetFileSettings(3)).size == 128


def test_without_authentication_the_version_is_read_too():
    assert Session(a_tag()).version().is_ntag424


# ---- where the data sheet is silent ---------------------------------------------------------


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_configuration_is_taken_whether_or_not_the_tag_confirms_it(confirmed):
    tag = SimulatedTag.blank(UID, open_points=OpenPoints(configuration_is_confirmed=confirmed))
    Session(tag).select()
    session = Session(tag).authenticate(0, FACTORY)
    session.send(SetBackModulation())
    assert session.is_alive is confirmed


@pytest.mark.parametrize("ends", [True, False])
def test_a_session_is_begun_anew_after_a_select_whatever_the_select_did(ends):
    tag = SimulatedTag.blank(UID, open_points=OpenPoints(select_ends_session=ends))
    for _ in range(2):
        Session(tag).select()
        session = Session(tag).authenticate(0, FACTORY)
    assert session.send(GetCardUid()) == UID


def test_a_counter_that_everybody_may_read_is_read_without_authentication():
    free = FileSettings(
        CommMode.PLAIN,
        AccessRights(FREE, 0, 0, 0),
        SdmBlock(None, None, SecuredRead(2, 130, 130), ReadCounter(FREE)),
    )
    tag = a_tag()
    Session(tag).authenticate(0, FACTORY).send(ChangeFileSettings(2, free))
    Session(tag).select()
    assert Session(tag).send(GetFileCounters()) == 0


# ---- the same with an event loop ------------------------------------------------------------


class Recorder:
    """A reader that notes every octet that is said."""

    def __init__(self, tag):
        self._tag = tag
        self.octets = []

    def transmit(self, command):
        answer = self._tag.transmit(command)
        self.octets += [bytes(command), bytes(answer)]
        return answer


class AsyncTag:
    """A simulated tag behind a reader that must be awaited."""

    def __init__(self, tag):
        self._tag = tag

    async def transmit(self, command):
        await asyncio.sleep(0)
        return self._tag.transmit(command)


@both_modes
def test_an_asynchronous_session_does_the_same(mode):
    async def talk():
        session = AsyncSession(AsyncTag(a_tag(mode)))
        version = await session.version()
        first = await session.authenticate(0, FACTORY)
        await first.send(ChangeKey(2, FACTORY, KEYS[2], 1))
        await first.write(2, b"hello")
        second = await first.authenticate(2, KEYS[2])
        return version.uid, await second.read(2, length=5), second.is_alive, first.is_alive

    assert asyncio.run(talk()) == (UID, b"hello", True, False)


FIRST, NON_FIRST = BY_ID["an12196-t20"], BY_ID["an12196-t24"]


def test_recorded_authentications_are_played_back_with_their_random_numbers():
    recording = [
        (each[f"capdu{part}"], each[f"rapdu{part}"])
        for each in (FIRST, NON_FIRST)
        for part in (1, 2)
    ]
    session = Session(ScriptedTransport(recording))
    first = session.authenticate(
        3, FACTORY, mode=Mode.AES, random_bytes=lambda _count: FIRST["rnd_a"]
    )
    second = first.authenticate(0, FACTORY, random_bytes=lambda _count: NON_FIRST["rnd_a"])
    assert second.channel.transaction_id == FIRST["ti"]


@both_modes
def test_two_sessions_with_the_same_random_numbers_on_both_sides_are_the_same(mode):
    def talk():
        tag = SimulatedTag(
            uid=UID,
            keys=[bytes(16)] * 5,
            ndef_file=b"",
            file_settings=bytes.fromhex("00E0EE"),
            lrp=mode is Mode.LRP,
            random_bytes=random.Random(1).randbytes,
        )
        log = Recorder(tag)
        session = Session(log)
        session.select()
        first = session.authenticate(0, FACTORY, random_bytes=random.Random(2).randbytes)
        first.authenticate(1, FACTORY, random_bytes=random.Random(3).randbytes).send(GetCardUid())
        return log.octets

    assert talk() == talk()


@both_modes
def test_an_asynchronous_session_takes_random_numbers_too(mode):
    drawn = []

    def random_bytes(count):
        drawn.append(count)
        return bytes(count)

    async def talk():
        session = AsyncSession(AsyncTag(a_tag(mode)))
        first = await session.authenticate(0, FACTORY, random_bytes=random_bytes)
        await first.authenticate(1, FACTORY, random_bytes=random_bytes)

    asyncio.run(talk())
    assert drawn == [16, 16]


def test_a_random_number_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"random_bytes\(16\) gave 4 bytes"):
        Session(a_tag()).authenticate(0, FACTORY, random_bytes=lambda _count: bytes(4))


def test_an_asynchronous_session_ends_when_contact_is_lost():
    class Gone:
        async def transmit(self, command):
            raise TransportError("gone", outcome_unknown=True)

    async def talk():
        await AsyncSession(Gone()).version()

    with pytest.raises(TransportError):
        asyncio.run(talk())


# ---- what ends a session --------------------------------------------------------------------


class Meddling:
    """A transport between host and tag that changes one answer."""

    def __init__(self, tag):
        self.tag = tag
        self.change = None

    def transmit(self, command):
        answer = self.tag.transmit(command)
        return answer if self.change is None else self.change(answer)


@both_modes
def test_an_answer_that_was_changed_on_the_way_ends_it(mode):
    between = Meddling(a_tag(mode))
    session = Session(between).authenticate(0, FACTORY)
    between.change = lambda answer: ResponseApdu(
        bytes([answer.data[0] ^ 1]) + answer.data[1:], answer.status
    )
    with pytest.raises(ResponseMacError):
        session.send(GetCardUid())
    assert not session.is_alive


@both_modes
def test_a_refusal_ends_it_on_both_sides(mode):
    tag = a_tag(mode)
    session = Session(tag).authenticate(1, FACTORY)
    with pytest.raises(TagRefusedError):
        session.send(ChangeKey(2, FACTORY, KEYS[2], 1))
    with pytest.raises(SessionEndedError):
        session.send(GetCardUid())


def test_lost_contact_ends_it():
    between = Meddling(a_tag())
    session = Session(between).authenticate(0, FACTORY)

    def lose(answer):
        raise TransportError("gone", outcome_unknown=True)

    between.change = lose
    with pytest.raises(TransportError) as loss:
        session.send(GetCardUid())
    assert (loss.value.outcome_unknown, session.is_alive) == (True, False)


def test_frames_without_end_are_cut_off():
    class Endless:
        def transmit(self, command):
            return ResponseApdu(bytes(200), 0x91AF)

    with pytest.raises(ProtocolError):
        run(ask(GetVersion()), Endless())


def test_frames_without_end_end_a_session():
    between = Meddling(a_tag())
    session = Session(between).authenticate(0, FACTORY)
    between.change = lambda answer: ResponseApdu(bytes(200), 0x91AF)
    with pytest.raises(ProtocolError):
        session.run_version = run(exchange(session.channel, GetVersion()), between)
    assert not session.is_alive


# ---- what a refusal tells -------------------------------------------------------------------


def test_a_refusal_names_the_command_the_status_and_the_cause():
    with pytest.raises(
        TagRefusedError, match="refused ReadData with 91AE: neither Read nor ReadWrite"
    ):
        Session(a_tag()).send(ReadData(3))


def test_a_refusal_says_what_to_do():
    with pytest.raises(TagRefusedError) as refusal:
        Session(a_tag()).send(ReadData(3))
    assert refusal.value.hint == "Authenticate with a key that GetFileSettings names."


# ---- secrets --------------------------------------------------------------------------------

SECRET = bytes.fromhex("5EC12E7C0FFEE5EC12E7C0FFEE5EC12E")
RND_A = bytes.fromhex("C0FFEEC0FFEEC0FFEEC0FFEEC0FFEE42")


def traces_of(secret):
    return [secret.hex(), secret.hex().upper(), b64encode(secret).decode(), repr(secret)[2:-1]]


@both_modes
def test_no_key_or_random_number_is_in_a_repr_a_log_or_a_traceback(mode, caplog):
    caplog.set_level(logging.DEBUG)
    tag = a_tag(mode)
    session = Session(tag).authenticate(0, FACTORY)
    commands = [ChangeKey(1, FACTORY, Key(SECRET), 1), ChangeMasterKey(Key(SECRET), 1)]
    shown = [repr(command) for command in commands]
    session.send(commands[0])
    session.send(commands[1])
    renewed = Session(tag).authenticate(0, Key(SECRET))
    shown += [repr(renewed.channel), repr(renewed), repr(session)]
    try:
        renewed.send(ChangeKey(1, FACTORY, Key(RND_A), 1))
    except TagRefusedError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        shown += list(lines)
    text = "\n".join([*shown, caplog.text])
    secrets = [SECRET, RND_A, *vars_of(renewed.channel)]
    assert [trace for secret in secrets for trace in traces_of(secret) if trace in text] == []


def vars_of(channel):
    """Give every secret of a channel that is plain bytes."""
    found = [value for name, value in vars(channel).items() if name != "transaction_id"]
    return [value for value in found if isinstance(value, bytes) and len(value) == 16]
