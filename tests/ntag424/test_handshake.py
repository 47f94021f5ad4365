"""Authentication says byte for byte what NXP's examples say, and believes no tag without proof."""

from __future__ import annotations

import pytest

from ntag424.apdu import ResponseApdu
from ntag424.crypto import Lrp
from ntag424.errors import (
    AuthenticationDelayError,
    ProtocolError,
    SessionEndedError,
    TagRefusedError,
)
from ntag424.handshake import authenticate_first, authenticate_non_first
from ntag424.handshake._parts import core
from ntag424.model import Key, Mode
from ntag424.secure_channel import AesChannel, LrpChannel
from tests.support import vectors

EV2_FIRST = vectors("chip", "auth_ev2_first")
[EV2_NON_FIRST] = vectors("chip", "auth_ev2_non_first")
[LRP_FIRST] = vectors("lrp_session", "auth_lrp_first")
each_ev2 = pytest.mark.parametrize("vector", EV2_FIRST, ids=lambda vector: vector.id)


class Conversation:
    """A flow that is answered by hand."""

    def __init__(self, flow):
        self.flow = flow
        self.asked = [bytes(next(flow))]

    def answer(self, octets):
        """Answer, and keep the next question; return the result if that was the last."""
        try:
            self.asked.append(bytes(self.flow.send(ResponseApdu.from_bytes(octets))))
        except StopIteration as finished:
            return finished.value
        return None


def first(vector, mode):
    return Conversation(
        authenticate_first(
            vector["key_no"][0],
            Key(vector["key"]),
            mode=mode,
            random_bytes=lambda count: vector["rnd_a"],
        )
    )


def finished(vector, mode):
    conversation = first(vector, mode)
    conversation.answer(vector["rapdu1"])
    return conversation, conversation.answer(vector["rapdu2"])


# ---- AES ------------------------------------------------------------------------------------


@each_ev2
def test_the_two_commands_in_aes_mode_are_the_published_ones(vector):
    conversation, _ = finished(vector, Mode.AES)
    assert conversation.asked == [vector["capdu1"], vector["capdu2"]]


@each_ev2
def test_the_transaction_id_in_aes_mode_is_the_published_one(vector):
    _, channel = finished(vector, Mode.AES)
    assert channel.transaction_id == vector["ti"]


@each_ev2
def test_the_session_keys_in_aes_mode_are_the_published_ones(vector):
    _, channel = finished(vector, Mode.AES)
    expected = AesChannel(
        0, vector["ti"], enc_key=vector["k_ses_enc"], mac_key=vector["k_ses_mac"]
    )
    message = b"anything"
    assert (channel._cmac(message), channel._encrypt(bytes(16))) == (
        expected._cmac(message),
        expected._encrypt(bytes(16)),
    )


@each_ev2
def test_a_tag_in_aes_mode_that_is_asked_for_lrp_is_authenticated_in_aes_mode(vector):
    _, channel = finished(vector, None)
    assert channel.mode is Mode.AES


def test_the_two_commands_of_a_further_authentication_are_the_published_ones():
    conversation, _ = further()
    assert conversation.asked == [EV2_NON_FIRST["capdu1"], EV2_NON_FIRST["capdu2"]]


def test_a_further_authentication_goes_on_with_transaction_and_counter():
    _, channel = further()
    assert (channel.transaction_id, channel.command_counter) == (b"\x76\x14\x28\x1a", 7)


def test_a_further_authentication_ends_the_one_before():
    before = a_channel()
    further(before)
    assert not before.is_alive


def a_channel():
    return AesChannel(
        3, b"\x76\x14\x28\x1a", enc_key=bytes(16), mac_key=bytes(16), command_counter=7
    )


def further(before=None):
    vector = EV2_NON_FIRST
    conversation = Conversation(
        authenticate_non_first(
            before or a_channel(),
            0,
            Key(vector["key"]),
            random_bytes=lambda count: vector["rnd_a"],
        )
    )
    conversation.answer(vector["rapdu1"])
    return conversation, conversation.answer(vector["rapdu2"])


# ---- LRP ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.LRP, None])
def test_the_two_commands_in_lrp_mode_are_those_a_real_tag_took(mode):
    conversation, _ = finished(LRP_FIRST, mode)
    assert conversation.asked == [LRP_FIRST["capdu1"], LRP_FIRST["capdu2"]]


def test_the_transaction_id_in_lrp_mode_is_that_of_a_real_tag():
    _, channel = finished(LRP_FIRST, Mode.LRP)
    assert channel.transaction_id == LRP_FIRST["ti"]


def test_a_tag_in_lrp_mode_is_authenticated_in_lrp_mode():
    _, channel = finished(LRP_FIRST, None)
    assert isinstance(channel, LrpChannel)


# ---- what is not believed -------------------------------------------------------------------


def flipped(octets, place):
    changed = bytearray(octets)
    changed[place] ^= 1
    return bytes(changed)


# In AES mode every bit of the 20 bytes TI || RndA' that is not TI stands in blocks that CBC mixes.
@pytest.mark.parametrize("place", range(32))
def test_a_proof_in_lrp_mode_with_one_bit_changed_is_not_believed(place):
    conversation = first(LRP_FIRST, Mode.LRP)
    conversation.answer(LRP_FIRST["rapdu1"])
    with pytest.raises(ProtocolError):
        conversation.answer(flipped(LRP_FIRST["rapdu2"], place))


@each_ev2
@pytest.mark.parametrize("place", range(20))
def test_a_proof_in_aes_mode_with_one_bit_changed_is_not_believed(vector, place):
    conversation = first(vector, Mode.AES)
    conversation.answer(vector["rapdu1"])
    with pytest.raises(ProtocolError, match="did not prove"):
        conversation.answer(flipped(vector["rapdu2"], place))


@pytest.mark.parametrize(
    ("capabilities", "believed"),
    [
        ("020000000000 020000000000", True),
        ("000000000000 020000000000", False),
        ("020000000000 000000000000", False),
        ("020000000000 020000000001", False),
    ],
    ids=["LRP on both sides", "a tag without LRP", "a host without LRP", "another host"],
)
def test_a_tag_in_lrp_mode_must_echo_what_both_can_do(capabilities, believed):
    rnd_a, rnd_b = LRP_FIRST["rnd_a"], LRP_FIRST["rapdu1"][1:17]
    vector = bytes.fromhex("00010080") + core(rnd_a, rnd_b) + bytes.fromhex("9669")
    for_mac, for_encryption = Lrp.pair(Lrp.of(LRP_FIRST["key"]).cmac(vector))
    sealed = for_encryption.encrypt(bytes(4), b"\1\2\3\4" + bytes.fromhex(capabilities))
    proof = sealed + for_mac.cmac(rnd_b + rnd_a + sealed)
    conversation = first(LRP_FIRST, Mode.LRP)
    conversation.answer(LRP_FIRST["rapdu1"])
    try:
        channel = conversation.answer(proof + b"\x91\0")
    except ProtocolError:
        channel = None
    assert (channel is not None) is believed


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_challenge_of_another_length_is_no_challenge(length):
    conversation = first(EV2_FIRST[0], Mode.AES)
    with pytest.raises(ProtocolError):
        conversation.answer(bytes(length) + b"\x91\xaf")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
@pytest.mark.parametrize(("vector", "mode"), [(EV2_FIRST[0], Mode.AES), (LRP_FIRST, Mode.LRP)])
def test_a_proof_of_another_length_is_no_proof(vector, mode, length):
    conversation = first(vector, mode)
    conversation.answer(vector["rapdu1"])
    with pytest.raises(ProtocolError):
        conversation.answer(bytes(length) + b"\x91\x00")


def test_a_challenge_in_lrp_mode_begins_with_its_mark():
    conversation = first(LRP_FIRST, Mode.LRP)
    with pytest.raises(ProtocolError, match="not one in LRP mode"):
        conversation.answer(b"\x02" + bytes(16) + b"\x91\xaf")


def test_a_tag_in_aes_mode_is_not_what_asked_for_lrp_alone():
    conversation = first(EV2_FIRST[0], Mode.LRP)
    with pytest.raises(ProtocolError, match="in AES mode"):
        conversation.answer(EV2_FIRST[0]["rapdu1"])


@pytest.mark.parametrize("status", ["919D", "9140", "917E"])
def test_a_tag_that_gives_no_challenge_refused(status):
    conversation = first(EV2_FIRST[0], Mode.AES)
    with pytest.raises(TagRefusedError) as refusal:
        conversation.answer(bytes.fromhex(status))
    assert refusal.value.status == int(status, 16)


def test_a_tag_that_refuses_the_proof_says_that_the_key_is_wrong():
    conversation = first(EV2_FIRST[0], Mode.AES)
    conversation.answer(EV2_FIRST[0]["rapdu1"])
    with pytest.raises(TagRefusedError, match="the key is wrong"):
        conversation.answer(bytes.fromhex("91AE"))


def test_a_tag_that_makes_its_host_wait_is_not_asked_again_by_default():
    conversation = first(EV2_FIRST[0], Mode.AES)
    with pytest.raises(AuthenticationDelayError):
        conversation.answer(bytes.fromhex("91AD"))


def test_a_tag_that_makes_its_host_wait_is_asked_again_as_often_as_told():
    conversation = Conversation(authenticate_first(0, Key(bytes(16)), patience=2))
    conversation.answer(bytes.fromhex("91AD"))
    conversation.answer(bytes.fromhex("91AD"))
    with pytest.raises(AuthenticationDelayError):
        conversation.answer(bytes.fromhex("91AD"))


def test_nothing_is_asked_inside_an_authentication_that_is_over():
    channel = a_channel()
    channel.close()
    with pytest.raises(SessionEndedError):
        next(authenticate_non_first(channel, 0, Key(bytes(16))))
