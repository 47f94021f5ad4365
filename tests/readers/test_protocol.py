"""The whole protocol through the real reader stacks: the same as without, and safe when cut."""

from __future__ import annotations

import pytest

from ntag424 import Key, Mode
from ntag424.commands import ChangeKey, GetFileSettings, GetKeyVersion
from ntag424.errors import TagChangedError, TransportError
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from ntag424.testing.doors import Loss
from tests.readers.cards import OTHER_UID, UID

FACTORY, NEW = Key(bytes(16)), Key(b"N" * 16)
CONTENT = bytes(range(90))
#: Select; two parts of an authentication; settings; key; settings, write; settings, two reads.
APDUS = 10
CHANGE_KEY = 5

both_modes = pytest.mark.parametrize("mode", list(Mode))


class Card:
    """A simulated tag that remembers what reached it."""

    def __init__(self, mode, uid=UID):
        self.tag = SimulatedTag(
            uid=uid,
            keys=[bytes(16)] * 5,
            ndef_file=b"",
            file_settings=bytes.fromhex("00E0EE"),
            lrp=mode is Mode.LRP,
        )
        self.commands = []

    @property
    def anticollision_uid(self):
        return self.tag.anticollision_uid

    def exchange(self, octets):
        self.commands.append(octets)
        return self.tag.exchange(octets)

    def power_cycle(self):
        self.tag.power_cycle()


def authenticated_round(reader):
    """Select, authenticate, read settings, change a key, write, and read back."""
    session = Session(reader)
    session.select()
    authenticated = session.authenticate(0, FACTORY)
    authenticated.send(GetFileSettings(2))
    authenticated.send(ChangeKey(1, FACTORY, NEW, 7))
    authenticated.write(2, CONTENT)
    return authenticated.read(2, length=len(CONTENT))


@pytest.fixture(
    params=[
        pytest.param("pcsc_place", id="pcsc", marks=pytest.mark.xdist_group("pcscd")),
        pytest.param("patient_place", id="nfcpy"),
    ]
)
def place(request):
    return request.getfixturevalue(request.param)


@both_modes
def test_an_authenticated_round_passes(place, mode):
    place.insert(Card(mode))
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert authenticated_round(reader) == CONTENT


@both_modes
def test_a_round_takes_as_many_commands_as_the_losses_below_are_tried_at(place, mode):
    card = Card(mode)
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        authenticated_round(reader)
    assert len(card.commands) == APDUS


@both_modes
@pytest.mark.parametrize("loss", list(Loss), ids=lambda loss: loss.value)
@pytest.mark.parametrize("at", range(1, APDUS + 1))
def test_a_card_that_is_taken_away_leaves_nothing_unsaid(place, mode, loss, at):
    card = Card(mode)
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        place.lose(loss, at=at)
        with pytest.raises(TransportError) as cut:
            authenticated_round(reader)
        with pytest.raises(TransportError) as refused:
            Session(reader).version()
        place.remove()
        place.insert(card)
        reader.wait_for_tag(5)
        Session(reader).select()
        version = Session(reader).send(GetKeyVersion(1))
    is_changed = at > CHANGE_KEY or (at == CHANGE_KEY and loss is Loss.ANSWER)
    unknown = (cut.value.outcome_unknown, refused.value.outcome_unknown)
    assert (unknown, version) == ((True, False), 7 if is_changed else 0)


@pytest.mark.parametrize("at", [3, CHANGE_KEY, APDUS])
def test_no_byte_goes_to_another_card_that_came_in_its_place(place, at):
    place.insert(Card(Mode.AES))
    other = Card(Mode.AES, OTHER_UID)
    with place.open() as reader:
        reader.wait_for_tag(5)
        place.lose(Loss.ANSWER, at=at)
        with pytest.raises(TransportError):
            authenticated_round(reader)
        place.remove()
        place.insert(other)
        with pytest.raises(TagChangedError):
            reader.wait_for_tag(5)
        with pytest.raises(TransportError):
            Session(reader).version()
    assert other.commands == []
