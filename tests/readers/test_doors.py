"""The doors speak as a tag speaks: frame by frame, and message by message."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from ntag424.testing.doors import IsoDepPicc, Loss, VirtualCard
from tests.readers.cards import GET_VERSION, RANDOM_ID, UID, FixedCard, RecordingCard

# ---- in the air -----------------------------------------------------------------------------

LEVEL_1, LEVEL_2 = bytes.fromhex("8804C767 2C"), bytes.fromhex("F2066180 15")
RATS = bytes.fromhex("E080")


def picc(card=None, **options):
    """Give a tag that is selected and has got RATS."""
    tag = IsoDepPicc(card or RecordingCard(), **options)
    for frame in (b"\x26", b"\x93\x70" + LEVEL_1, b"\x95\x70" + LEVEL_2, RATS):
        assert tag.frame(frame) is not None
    return tag


def test_a_tag_of_seven_bytes_is_found_in_two_levels():
    tag = IsoDepPicc(RecordingCard())
    asked = [b"\x26", b"\x93\x20", b"\x93\x70" + LEVEL_1, b"\x95\x20", b"\x95\x70" + LEVEL_2]
    answers = [b"\x44\x03", LEVEL_1, b"\x24", LEVEL_2, b"\x20"]
    assert [tag.frame(frame) for frame in asked] == answers


def test_a_tag_with_random_id_is_found_in_one_level():
    tag = IsoDepPicc(RecordingCard(anticollision_uid=RANDOM_ID))
    checked = RANDOM_ID + bytes.fromhex("D8")
    asked = [b"\x52", b"\x93\x20", b"\x93\x70" + checked]
    assert [tag.frame(frame) for frame in asked] == [b"\x04\x03", checked, b"\x20"]


def test_a_tag_with_random_id_knows_no_second_level():
    tag = IsoDepPicc(RecordingCard(anticollision_uid=RANDOM_ID))
    tag.frame(b"\x26")
    assert tag.frame(b"\x95\x20") is None


def test_a_tag_is_silent_when_another_is_selected():
    assert IsoDepPicc(RecordingCard()).frame(b"\x93\x70" + bytes(5)) is None


@pytest.mark.parametrize(("fwi", "ats"), [(7, "067777710280"), (11, "067777B10280")])
def test_the_answer_to_rats_is_the_chips_but_for_its_patience(fwi, ats):
    tag = IsoDepPicc(RecordingCard(), fwi=fwi)
    for frame in (b"\x26", b"\x93\x70" + LEVEL_1, b"\x95\x70" + LEVEL_2):
        tag.frame(frame)
    assert tag.frame(RATS) == bytes.fromhex(ats)


@pytest.mark.parametrize("frame", [RATS, b"\x02" + bytes(GET_VERSION)], ids=["RATS", "I-block"])
def test_a_tag_that_is_not_selected_is_silent(frame):
    tag = IsoDepPicc(RecordingCard())
    tag.frame(b"\x26")
    assert tag.frame(frame) is None


def test_an_empty_frame_is_met_by_silence():
    assert picc().frame(b"") is None


def test_a_command_in_parts_is_acknowledged_part_by_part():
    tag = picc(FixedCard(b"\x91\x00"))
    frames = [b"\x12\x90", b"\x13\x60\x00", b"\x02\x00\x00"]
    assert [tag.frame(frame) for frame in frames] == [b"\xa2", b"\xa3", b"\x02\x91\x00"]


def test_a_command_in_parts_is_put_together():
    card = RecordingCard()
    tag = picc(card)
    for frame in (b"\x12\x90", b"\x13\x60\x00", b"\x02\x00\x00"):
        tag.frame(frame)
    assert card.commands == [bytes(GET_VERSION)]


def test_a_long_answer_comes_in_parts_of_the_size_asked_for():
    tag = picc(FixedCard(bytes(256)))
    assert [len(tag.frame(frame)) for frame in (b"\x02\x00", b"\xa3")] == [254, 4]


def test_a_negative_acknowledgement_brings_the_last_block_again():
    tag = picc()
    answer = tag.frame(b"\x02" + bytes(GET_VERSION))
    assert tag.frame(b"\xb2") == answer


def test_a_negative_acknowledgement_for_what_never_came_is_answered_so():
    assert picc().frame(b"\xb2") == b"\xa3"


def test_a_tag_that_is_deselected_says_so():
    assert picc().frame(b"\xc2") == b"\xc2"


@pytest.mark.parametrize("farewell", [b"\xc2", b"\x50\x00"], ids=["DESELECT", "HLTA"])
def test_a_tag_that_was_sent_to_sleep_is_silent(farewell):
    tag = picc()
    tag.frame(farewell)
    assert tag.frame(b"\x02" + bytes(GET_VERSION)) is None


def test_looking_for_tags_anew_takes_them_their_power():
    card = RecordingCard()
    tag = picc(card)
    before = card.power_cycles
    tag.frame(b"\x26")
    assert card.power_cycles == before + 1


def test_a_tag_that_was_gone_for_a_moment_has_to_be_found_anew():
    tag = picc()
    tag.remove()
    tag.insert()
    assert tag.frame(b"\x02" + bytes(GET_VERSION)) is None


@pytest.mark.parametrize(("loss", "executed"), [(Loss.COMMAND, 0), (Loss.ANSWER, 1)])
def test_a_tag_told_to_get_lost_is_silent_on_its_side_of_the_execution(loss, executed):
    card = RecordingCard()
    tag = picc(card)
    tag.lose(loss)
    assert (tag.frame(b"\x02" + bytes(GET_VERSION)), len(card.commands)) == (None, executed)


def test_a_tag_that_got_lost_stays_silent():
    tag = picc()
    tag.lose(Loss.ANSWER)
    tag.frame(b"\x02" + bytes(GET_VERSION))
    assert tag.frame(b"\xb2") is None


@pytest.mark.parametrize("at", [0, -1])
def test_no_command_comes_before_the_first(at):
    with pytest.raises(ValueError, match="number 1"):
        picc().lose(Loss.ANSWER, at=at)


# ---- at the virtual reader ------------------------------------------------------------------


class Vpcd:
    """The driver's side of the connection."""

    def __init__(self, card, **options):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.door = VirtualCard(card, self._server.getsockname()[1], **options)
        self.door.insert()
        self._link, _ = self._server.accept()
        self._link.settimeout(5)

    def send(self, message):
        self._link.sendall(len(message).to_bytes(2, "big") + message)

    def ask(self, message):
        """Send *message* and return the answer; what there is of it at the end."""
        self.send(message)
        length = int.from_bytes(self._exactly(2), "big")
        return self._exactly(length)

    def close(self):
        self.door.remove()
        self._link.close()
        self._server.close()

    def _exactly(self, size):
        return self._link.recv(size, socket.MSG_WAITALL)


@pytest.fixture
def vpcd(card):
    with closing(Vpcd(card)) as driver:
        yield driver


def test_the_atr_is_that_of_the_chip(vpcd):
    assert vpcd.ask(b"\x04") == bytes.fromhex("3B8180018080")


def test_an_apdu_is_answered_by_the_tag(vpcd):
    assert vpcd.ask(bytes(GET_VERSION))[-2:] == bytes.fromhex("91AF")


def test_the_readers_question_for_the_uid_does_not_reach_the_tag(vpcd, card):
    assert vpcd.ask(bytes.fromhex("FFCA000000")) == UID + bytes.fromhex("9000")
    assert card.commands == []


@pytest.mark.parametrize("control", [b"\x00", b"\x02"], ids=["off", "reset"])
def test_power_off_and_reset_take_the_tag_its_power(vpcd, card, control):
    before = card.power_cycles
    vpcd.send(control)
    vpcd.ask(b"\x04")
    assert card.power_cycles == before + 1


def test_power_on_has_no_answer_and_no_effect(vpcd, card):
    before = card.power_cycles
    vpcd.send(b"\x01")
    vpcd.ask(b"\x04")
    assert card.power_cycles == before


def test_a_card_without_an_answer_ends_the_connection():
    # An empty answer, or none, would hold vpcd up for ever.
    with closing(Vpcd(FixedCard(b""))) as driver, pytest.raises(ConnectionResetError):
        driver.ask(bytes(GET_VERSION))


def test_a_card_that_gets_lost_gently_closes_the_connection(vpcd):
    vpcd.door.lose(Loss.ANSWER, abort=False)
    assert vpcd.ask(bytes(GET_VERSION)) == b""


def test_a_card_that_gets_lost_hard_resets_the_connection(vpcd):
    vpcd.door.lose(Loss.ANSWER)
    with pytest.raises(ConnectionResetError):
        vpcd.ask(bytes(GET_VERSION))


def test_the_question_for_the_uid_does_not_count_as_a_command(vpcd):
    vpcd.door.lose(Loss.ANSWER)
    vpcd.ask(bytes.fromhex("FFCA000000"))
    with pytest.raises(ConnectionResetError):
        vpcd.ask(bytes(GET_VERSION))


def test_a_card_that_is_removed_twice_is_removed_once(vpcd):
    vpcd.door.remove()
    vpcd.door.remove()
