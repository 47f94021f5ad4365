"""Every reader keeps to one tag, and sends nothing to a tag that it has not recognised."""

from __future__ import annotations

import _thread

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.errors import NoTagError, TagChangedError, TransportError
from ntag424.readers import TagLink
from ntag424.testing.doors import Loss
from tests.readers.cards import (
    GET_VERSION,
    LONGEST,
    NEXT_FRAME,
    OTHER_UID,
    RANDOM_ID,
    READ_ALL,
    SELECT_APPLICATION,
    UID,
    RecordingCard,
    simulated_tag,
)


@pytest.fixture(
    params=[
        pytest.param("pcsc_place", marks=pytest.mark.xdist_group("pcscd"), id="pcsc"),
        pytest.param("nfcpy_place", id="nfcpy"),
    ]
)
def place(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def reader(place, card):
    """Give a reader with *card* connected."""
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        yield reader


def lost(reader):
    """Lose contact for sure, and give what the reader says."""
    with pytest.raises(TransportError) as caught:
        reader.transmit(GET_VERSION)
    return caught.value


# ---- a reader that answers in the place of the tag ------------------------------------------


class Unreached(RecordingCard):
    """A card behind a reader that says, once, that it did not get through to it."""

    words = iter(())

    def exchange(self, octets):
        return next(self.words, None) or super().exchange(octets)


@pytest.mark.parametrize("word", ["6300", "6401", "6F00"])
def test_a_readers_own_word_is_no_answer_of_the_tag(place, word):
    card = Unreached()
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        card.words = iter([bytes.fromhex(word)])
        failure = lost(reader)
        assert (str(failure)[:23], failure.outcome_unknown) == (f"the reader answers {word}", True)


def test_after_a_readers_own_word_the_tag_must_be_recognised_first(place):
    card = Unreached()
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        card.words = iter([bytes.fromhex("6300")])
        lost(reader)
        assert not lost(reader).outcome_unknown
        reader.reconnect()
        assert reader.transmit(SELECT_APPLICATION).status == Status.ISO_OK


class Untold(TagLink):
    """A reader that cannot say which tag it has, and says so with a word of its own."""

    def _exchange(self, octets):
        return bytes.fromhex("6300" if octets[0] == 0xFF else "9000")

    def _uid(self, reader):
        return reader.transmit(CommandApdu(0xCA, cla=0xFF)).data or None

    def _connect(self):
        """It is there."""

    _disconnect = _give_back = _connect

    def _await_change(self, seconds):
        """It is there."""


def test_a_readers_word_to_a_command_for_itself_is_an_answer():
    assert Untold(None).wait_for_tag(0) is None


# ---- a tag that stays -----------------------------------------------------------------------


def test_get_version_comes_back_in_its_three_frames(reader):
    answers = [reader.transmit(command) for command in (GET_VERSION, NEXT_FRAME, NEXT_FRAME)]
    assert [answer.status for answer in answers] == [
        Status.ADDITIONAL_FRAME,
        Status.ADDITIONAL_FRAME,
        Status.OK,
    ]


def test_the_data_of_an_answer_are_the_tags(reader):
    for command in (GET_VERSION, NEXT_FRAME):
        reader.transmit(command)
    assert reader.transmit(NEXT_FRAME).data[:7] == UID


def test_255_bytes_of_data_reach_the_tag_unchanged(reader, card):
    reader.transmit(LONGEST)
    assert card.commands == [bytes(LONGEST)]


def test_256_bytes_of_data_come_back_unchanged(reader):
    reader.transmit(SELECT_APPLICATION)
    assert reader.transmit(READ_ALL).data == bytes(range(256))


def test_a_refusal_is_an_answer(reader):
    assert reader.transmit(NEXT_FRAME).status == Status.ILLEGAL_COMMAND_CODE


def test_the_uid_is_that_of_the_anticollision(reader):
    assert reader.uid() == UID


def test_a_random_id_is_told_as_it_is(place):
    place.insert(RecordingCard(anticollision_uid=RANDOM_ID))
    with place.open() as reader:
        assert reader.wait_for_tag(5) == RANDOM_ID


def test_connecting_sends_no_command_to_the_tag(reader, card):
    assert card.commands == []


def test_reconnecting_makes_the_tag_forget_what_it_was_at(reader):
    reader.transmit(GET_VERSION)
    reader.reconnect()
    assert reader.transmit(NEXT_FRAME).status == Status.ILLEGAL_COMMAND_CODE


def test_a_simulated_tag_fits_as_it_is(place):
    place.insert(simulated_tag())
    with place.open() as reader:
        assert reader.wait_for_tag(5) == UID


# ---- no tag ---------------------------------------------------------------------------------


def test_a_command_without_a_tag_was_not_executed(place):
    with place.open() as reader:
        assert not lost(reader).outcome_unknown


def test_connecting_to_an_empty_reader_finds_no_tag(place):
    with place.open() as reader, pytest.raises(NoTagError):
        reader.reconnect()


def test_waiting_for_a_tag_that_does_not_come_ends(place):
    with place.open() as reader, pytest.raises(NoTagError):
        reader.wait_for_tag(0.01)


def test_without_a_tag_there_is_no_uid(place):
    with place.open() as reader:
        assert reader.uid() is None


def test_a_closed_reader_sends_nothing(place, card):
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
    assert not lost(reader).outcome_unknown


def test_a_closed_reader_stays_closed(place, card):
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
    with pytest.raises(TransportError, match="closed"):
        reader.reconnect()


def test_closing_twice_is_closing_once(place):
    reader = place.open()
    reader.close()
    reader.close()


# ---- contact lost ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", Loss)
def test_contact_lost_at_a_command_leaves_its_outcome_open(place, reader, loss):
    place.lose(loss)
    assert lost(reader).outcome_unknown


@pytest.mark.parametrize(("loss", "executed"), [(Loss.COMMAND, 1), (Loss.ANSWER, 2)])
def test_a_command_is_executed_if_only_its_answer_is_lost(place, reader, card, loss, executed):
    place.lose(loss, at=2)
    reader.transmit(GET_VERSION)
    lost(reader)
    assert len(card.commands) == executed


def test_a_command_after_a_loss_was_not_executed(place, reader):
    place.lose(Loss.ANSWER)
    lost(reader)
    assert not lost(reader).outcome_unknown


def test_after_a_loss_nothing_is_sent_even_if_the_tag_is_back(place, reader, card):
    place.lose(Loss.COMMAND)
    lost(reader)
    place.remove()
    place.insert(card)
    lost(reader)
    assert card.commands == []


def test_after_a_loss_the_uid_is_not_told(place, reader):
    place.lose(Loss.COMMAND)
    lost(reader)
    assert reader.uid() is None


def test_the_same_tag_is_welcome_back(place, reader, card):
    place.lose(Loss.COMMAND)
    lost(reader)
    place.remove()
    place.insert(card)
    reader.reconnect()
    assert reader.transmit(GET_VERSION).status == Status.ADDITIONAL_FRAME


def test_a_tag_that_is_not_back_is_no_tag(place, reader):
    place.lose(Loss.COMMAND)
    lost(reader)
    place.remove()
    with pytest.raises(NoTagError):
        reader.reconnect()


def test_a_command_that_was_broken_off_counts_as_a_loss(place):
    place.insert(RecordingCard(before_answer=_thread.interrupt_main))
    with place.open() as reader:
        reader.wait_for_tag(5)
        with pytest.raises(KeyboardInterrupt):
            reader.transmit(GET_VERSION)
        assert "contact was lost" in str(lost(reader))


# ---- another tag ----------------------------------------------------------------------------


def test_another_tag_is_refused(place, reader):
    place.swap(RecordingCard(OTHER_UID))
    lost_or_swapped(reader)
    with pytest.raises(TagChangedError):
        reader.wait_for_tag(5)


def test_nothing_reaches_another_tag(place, reader):
    other = RecordingCard(OTHER_UID)
    place.swap(other)
    lost_or_swapped(reader)
    with pytest.raises(TagChangedError):
        reader.wait_for_tag(5)
    lost(reader)
    assert other.commands == []


def lost_or_swapped(reader):
    """Try a command just after a swap: what was not activated anew cannot answer."""
    assert lost(reader).outcome_unknown


def test_the_first_tag_is_welcome_after_another_was_refused(place, reader, card):
    place.swap(RecordingCard(OTHER_UID))
    lost_or_swapped(reader)
    with pytest.raises(TagChangedError):
        reader.wait_for_tag(5)
    place.remove()
    place.insert(card)
    reader.reconnect()
    assert reader.uid() == UID


def test_after_the_tag_was_released_another_may_come(place, reader):
    reader.release_tag()
    place.remove()
    place.insert(RecordingCard(OTHER_UID))
    assert reader.wait_for_tag(5) == OTHER_UID


def test_a_released_tag_gets_no_command(place, reader, card):
    reader.release_tag()
    lost(reader)
    assert card.commands == []


# ---- recognised by something else -----------------------------------------------------------


def version_uid(tag):
    """Ask the tag itself; it answers the same under Random ID."""
    return [tag.transmit(command) for command in (GET_VERSION, NEXT_FRAME, NEXT_FRAME)][2].data[:7]


def test_a_tag_under_random_id_is_recognised_by_what_was_handed_in(place):
    card = RecordingCard(anticollision_uid=RANDOM_ID)
    place.insert(card)
    with place.open(identify=version_uid) as reader:
        reader.wait_for_tag(5)
        card.anticollision_uid = bytes.fromhex("08010203")
        reader.reconnect()
        assert reader.uid() == UID


def test_contact_lost_while_a_tag_is_identified_leaves_no_command_open(place, card):
    place.insert(card)
    place.lose(Loss.ANSWER)
    with place.open(identify=version_uid) as reader, pytest.raises(TransportError) as caught:
        reader.wait_for_tag(5)
    assert not caught.value.outcome_unknown


def test_a_tag_that_cannot_be_identified_is_not_welcome_back(place, card):
    place.insert(card)
    with place.open(identify=lambda tag: None) as reader:
        reader.wait_for_tag(5)
        with pytest.raises(TagChangedError):
            reader.reconnect()
