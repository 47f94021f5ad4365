"""Commands travel and answers are read as NXP's examples and real tags have it, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.commands import (
    ChangeKey,
    ChangeMasterKey,
    Command,
    EnableLrp,
    EnableRandomId,
    GetCardUid,
    GetKeyVersion,
    ReadData,
    SetBackModulation,
    WriteData,
)
from ntag424.crypto import Lrp, aes_cbc_encrypt
from ntag424.errors import (
    ProtocolError,
    ResponseMacError,
    SessionEndedError,
    TagRefusedError,
)
from ntag424.model import Key
from ntag424.model.files import CommMode
from ntag424.secure_channel import AesChannel, LrpChannel
from tests.support import vectors

MESSAGES = vectors("chip", "secure_messaging")
CHANGES = vectors("chip", "change_key")
LRP_SESSIONS = {vector.id: vector for vector in vectors("lrp_session", "lrp_session")}
MODES = {"PLAIN": CommMode.PLAIN, "MAC": CommMode.MAC, "FULL": CommMode.FULL}


@dataclass(frozen=True)
class Raw(Command[bytes]):
    """Any command, in any mode."""

    ins: int
    mode: CommMode
    head: bytes = b""
    body: bytes = b""

    @property
    def comm_mode(self):
        return self.mode

    def header(self):
        return self.head

    def payload(self):
        return self.body

    def parse(self, answer):
        return answer


def channel_of(vector):
    return AesChannel(
        0,
        vector["ti"],
        enc_key=vector.get("k_ses_enc") or bytes(16),
        mac_key=vector["k_ses_mac"],
        command_counter=vector["cmd_ctr"],
    )


def raw(vector):
    mode = MODES[vector.given["mode"]]
    return Raw(vector["ins"][0], mode, vector["cmd_header"], vector["cmd_data"])


each_message = pytest.mark.parametrize("vector", MESSAGES, ids=lambda vector: vector.id)
each_change = pytest.mark.parametrize("vector", CHANGES, ids=lambda vector: vector.id)


# ---- known answers --------------------------------------------------------------------------


@each_message
def test_a_command_is_protected_as_published(vector):
    assert bytes(channel_of(vector).wrap(raw(vector))) == vector["capdu"]


@each_message
def test_a_published_answer_is_believed(vector):
    channel, command = channel_of(vector), raw(vector)
    channel.wrap(command)
    answer = channel.unwrap(command, ResponseApdu.from_bytes(vector["rapdu"]))
    padded = vector.get("resp_plain_padded")
    expected = vector["rapdu"][:-10] if padded is None else padded[:7]
    assert answer == expected


def change_of(vector):
    new, version = Key(vector["new_key"]), vector["key_version"][0]
    if vector["key_no"] == b"\0":
        return ChangeMasterKey(new, version)
    return ChangeKey(vector["key_no"][0], Key(vector["old_key"]), new, version)


@each_change
def test_a_key_is_changed_as_published(vector):
    assert bytes(channel_of(vector).wrap(change_of(vector))) == vector["capdu"]


def test_the_published_answer_to_a_change_of_another_key_keeps_the_session():
    [vector] = [vector for vector in CHANGES if "rapdu" in vector]
    channel, command = channel_of(vector), change_of(vector)
    channel.wrap(command)
    channel.unwrap(command, ResponseApdu.from_bytes(vector["rapdu"]))
    assert channel.is_alive


def lrp_channel_of(vector):
    session_key = Lrp.of(vector["key"]).cmac(vector["session_vector"])
    return LrpChannel(0, vector["ti"], session_keys=Lrp.pair(session_key), encryption_counter=1)


def spoken(vector, commands):
    """Send each command and read its recorded answer; return both sides."""
    channel, sent, read = lrp_channel_of(vector), [], []
    for command, answer in zip(commands, vector.given["rapdus"], strict=True):
        sent.append(bytes(channel.wrap(command)).hex().upper())
        read.append(channel.unwrap(command, ResponseApdu.from_bytes(bytes.fromhex(answer))))
    return sent, read


UID_SESSION, DATA_SESSION = LRP_SESSIONS["lrp-get-card-uid"], LRP_SESSIONS["lrp-write-and-read"]
WRITE_AND_READ = [
    WriteData(3, 0, b"\1\2\3", CommMode.FULL),
    ReadData(3, 0, 3, CommMode.FULL),
]


def test_commands_in_lrp_mode_are_those_a_real_tag_took():
    sent, _ = spoken(UID_SESSION, [GetCardUid()] * 3)
    assert sent == UID_SESSION.expected["capdus"]


def test_answers_in_lrp_mode_are_read_as_a_real_tag_meant_them():
    _, read = spoken(UID_SESSION, [GetCardUid()] * 3)
    assert read == [UID_SESSION["uid"]] * 3


def test_encrypted_commands_in_lrp_mode_are_those_a_real_tag_took():
    sent, _ = spoken(DATA_SESSION, WRITE_AND_READ)
    assert sent == DATA_SESSION.expected["capdus"]


def test_encrypted_answers_in_lrp_mode_are_read_as_a_real_tag_meant_them():
    _, read = spoken(DATA_SESSION, WRITE_AND_READ)
    assert read == [None, DATA_SESSION["content"]]


# ---- what ends an authentication ------------------------------------------------------------


def fresh(**parts):
    return AesChannel(0, b"\1\2\3\4", enc_key=b"E" * 16, mac_key=b"M" * 16, **parts)


def sound(channel, data=b"", status=0x9100):
    """Make the answer that the tag would give, MAC and all, with *data* as it travels."""
    return ResponseApdu(data + channel._mac(status & 0xFF, data), status)


VERSION = GetKeyVersion(1)


def test_a_sound_answer_keeps_the_session():
    channel = fresh()
    channel.wrap(VERSION)
    channel.unwrap(VERSION, sound(channel, b"\7"))
    assert channel.is_alive


REFUSALS = [0x910B, 0x911C, 0x911E, 0x9140, 0x917E, 0x919D, 0x919E, 0x91AE, 0x91AF, 0x91EE, 0x9190]


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_ends_it(status):
    channel = fresh()
    channel.wrap(VERSION)
    with pytest.raises(TagRefusedError):
        channel.unwrap(VERSION, ResponseApdu(b"", status))
    assert not channel.is_alive


@pytest.mark.parametrize("length", [0, 1, 7, 8])
def test_an_answer_without_a_mac_ends_it(length):
    channel = fresh()
    channel.wrap(VERSION)
    with pytest.raises(ResponseMacError):
        channel.unwrap(VERSION, ResponseApdu(bytes(length), 0x9100))
    assert not channel.is_alive


@pytest.mark.parametrize("place", range(9))
def test_an_answer_with_one_bit_changed_ends_it(place):
    channel = fresh()
    channel.wrap(VERSION)
    answer = bytearray(bytes(sound(channel, b"\7")))
    answer[place] ^= 1
    with pytest.raises(ResponseMacError):
        channel.unwrap(VERSION, ResponseApdu.from_bytes(bytes(answer)))
    assert not channel.is_alive


def test_an_answer_of_the_command_before_ends_it():
    channel = fresh()
    channel.wrap(VERSION)
    answer = sound(channel, b"\7")
    channel.unwrap(VERSION, answer)
    channel.wrap(VERSION)
    with pytest.raises(ResponseMacError):
        channel.unwrap(VERSION, answer)
    assert not channel.is_alive


def test_an_answer_that_no_tag_gives_ends_it_though_its_mac_holds():
    channel = fresh()
    channel.wrap(VERSION)
    with pytest.raises(ProtocolError, match="malformed answer to GetKeyVersion"):
        channel.unwrap(VERSION, sound(channel, b"\7\7"))
    assert not channel.is_alive


def test_a_ciphertext_without_padding_ends_it_though_its_mac_holds():
    channel = fresh()
    channel.wrap(GetCardUid())
    with pytest.raises(ProtocolError, match="malformed answer to GetCardUid"):
        channel.unwrap(GetCardUid(), sound(channel, bytes(16)))
    assert not channel.is_alive


@pytest.mark.parametrize(
    "plain",
    [b"04DE5F1" + b"\x80" + b"\0" * 7 + b"\1", b"04DE5F1".ljust(15) + b"\x80" + bytes(16)],
    ids=["something behind the padding", "a block of padding too much"],
)
def test_a_wrong_padding_ends_it_though_its_mac_holds(plain):
    channel = fresh()
    channel.wrap(GetCardUid())
    sealed = aes_cbc_encrypt(b"E" * 16, channel._iv(bytes.fromhex("5AA5")), plain)
    with pytest.raises(ProtocolError, match="malformed answer to GetCardUid") as error:
        channel.unwrap(GetCardUid(), sound(channel, sealed))
    assert "padding" in str(error.value.__cause__)


def test_a_ciphertext_of_no_whole_blocks_ends_it_though_its_mac_holds():
    channel = fresh()
    channel.wrap(GetCardUid())
    with pytest.raises(ProtocolError, match="malformed answer to GetCardUid"):
        channel.unwrap(GetCardUid(), sound(channel, bytes(15)))
    assert not channel.is_alive


def test_nothing_can_be_sent_when_it_is_over():
    channel = fresh()
    channel.close()
    with pytest.raises(SessionEndedError):
        channel.wrap(VERSION)


def test_the_last_command_of_the_counter_can_be_sent():
    channel = fresh(command_counter=0xFFFE)
    channel.wrap(VERSION)
    assert channel.unwrap(VERSION, sound(channel, b"\7")) == 7


def test_no_command_is_sent_that_the_counter_has_no_number_for():
    channel = fresh(command_counter=0xFFFF)
    with pytest.raises(SessionEndedError, match="no command left"):
        channel.wrap(VERSION)
    assert not channel.is_alive


# ---- answers that come without a MAC --------------------------------------------------------


@pytest.mark.parametrize("command", [ChangeMasterKey(Key(bytes(16)), 1), EnableLrp()])
def test_a_command_that_takes_the_keys_away_ends_it_without_a_mac(command):
    channel = fresh()
    channel.wrap(command)
    channel.unwrap(command, ResponseApdu(b"", 0x9100))
    assert not channel.is_alive


def test_what_follows_such_a_command_is_no_answer():
    channel, command = fresh(), EnableLrp()
    channel.wrap(command)
    with pytest.raises(ProtocolError):
        channel.unwrap(command, ResponseApdu(bytes(8), 0x9100))


def test_where_the_data_sheet_does_not_say_a_sound_mac_keeps_the_session():
    channel, command = fresh(), SetBackModulation()
    channel.wrap(command)
    channel.unwrap(command, sound(channel))
    assert channel.is_alive


def test_where_the_data_sheet_does_not_say_no_mac_ends_it():
    channel, command = fresh(), SetBackModulation()
    channel.wrap(command)
    channel.unwrap(command, ResponseApdu(b"", 0x9100))
    assert not channel.is_alive


def test_where_the_data_sheet_does_not_say_a_wrong_mac_is_not_believed():
    channel, command = fresh(), SetBackModulation()
    channel.wrap(command)
    with pytest.raises(ResponseMacError):
        channel.unwrap(command, ResponseApdu(bytes(8), 0x9100))


def test_random_ids_are_enabled_with_a_mac_in_the_answer():
    channel, command = fresh(), EnableRandomId()
    channel.wrap(command)
    with pytest.raises(ResponseMacError):
        channel.unwrap(command, ResponseApdu(b"", 0x9100))


# ---- how commands travel --------------------------------------------------------------------


def test_a_command_without_data_is_not_padded_in_full_mode():
    assert len(fresh().wrap(GetCardUid()).data) == 8


@pytest.mark.parametrize(("length", "blocks"), [(1, 1), (15, 1), (16, 2), (17, 2)])
def test_data_are_padded_always_in_full_mode(length, blocks):
    wrapped = fresh().wrap(Raw(0x8D, CommMode.FULL, body=bytes(length)))
    assert len(wrapped.data) == 16 * blocks + 8


def test_a_plain_command_travels_as_without_authentication():
    assert fresh().wrap(ReadData(2, 0, 16)) == ReadData(2, 0, 16).apdu()


def test_a_plain_command_steps_the_counter_too():
    channel = fresh()
    channel.wrap(ReadData(2, 0, 16))
    assert channel.command_counter == 1


def test_a_plain_answer_has_no_mac():
    channel = fresh()
    channel.wrap(ReadData(2, 0, 2))
    assert channel.unwrap(ReadData(2, 0, 2), ResponseApdu(b"ab", 0x9100)) == b"ab"


@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_channel_shows_no_key(show):
    shown = show(fresh())
    assert [key for key in ("E" * 8, "4545", "M" * 8, "4D4D", "EEEE") if key in shown] == []


def test_a_command_is_an_apdu_of_the_wrapped_native_kind():
    assert fresh().wrap(VERSION) == CommandApdu(0x64, fresh().wrap(VERSION).data)


def test_the_status_of_success_is_the_commands_own():
    assert GetKeyVersion.success == Status.OK
