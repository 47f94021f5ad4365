"""Tags that are lost on a reader, through the real stacks: pyscard, pcscd and vpcd; and nfcpy.

The cards are in this process, and `ntag424` runs in others. This one asks pcscd nothing, as
a process finds only the first one that it looks for.
"""

from __future__ import annotations

import json
import os
from contextlib import closing

import pytest

from ntag424.testing import SimulatedTag
from ntag424.testing.doors import Loss
from tests.provisioning.hard.errands import (
    ERRANDS,
    assert_as_wanted,
    finishing,
    is_begun,
    prepared,
    provision,
    repair,
)
from tests.provisioning.hard.houses import OTHER_UID, URL, started
from tests.provisioning.hard.terminal import Terminal
from tests.provisioning.links.daemons import pcscd as pcscd_for_programs
from tests.readers.conftest import needs
from tests.readers.places import PATIENT_FWI, NfcpyPlace, PcscPlace

pytestmark = pytest.mark.xdist_group("pcscd")

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
AUTHENTICATION = 0x71
#: ChangeKey, WriteData, ChangeFileSettings, SetConfiguration, ISOUpdateBinary.
CHANGING = {0xC4, 0x8D, 0x5F, 0x5C, 0xD6}
IN_DOUBT, REFUSED = 6, 5


class Card:
    """A simulated tag that remembers what it was asked."""

    def __init__(self, tag):
        self.be(tag)

    def be(self, tag):
        """Become another tag, one that was not asked anything."""
        self.tag = tag
        self.heard = []

    @property
    def anticollision_uid(self):
        return self.tag.anticollision_uid

    @property
    def memory(self):
        return self.tag._card.memory

    @property
    def changes(self):
        return [octets[1] for octets in self.heard if octets[1] in CHANGING]

    def exchange(self, octets):
        self.heard.append(octets)
        if self.changes == [octets[1]]:
            self.at_first_change()
        return self.tag.exchange(octets)

    def at_first_change(self):
        """Do nothing, unless a test has something done."""

    def power_cycle(self):
        self.tag.power_cycle()


class FarPlace(PcscPlace):
    """A reader of pcscd's, of which this process knows by pcscd's log alone."""

    @property
    def reader(self):
        return f"pcsc:{self.name}"

    def _wait(self, *, present):
        self.pcscd.wait_for_card(self.name, present=present)


@pytest.fixture(scope="module")
def pcscd():
    with pcscd_for_programs() as daemon:
        yield daemon


@pytest.fixture
def places(pcscd):
    """Give both readers of pcscd's, empty."""
    places = [FarPlace(pcscd, slot) for slot in (0, 1)]
    yield places
    for place in places:
        place.close()


@pytest.fixture
def socket(pcscd):
    """Say where pcscd is, as a program's environment does."""
    return {"PCSCLITE_CSOCK_NAME": pcscd.path}


def lay_down(*pairs):
    """Lay each card on its reader, whatever lies there; for all of them it takes one wait.

    pcscd never notices a card that comes before it has noticed that another one went.
    """
    for place, _ in pairs:
        place.take_away()
    for place, _ in pairs:
        place.remove()
    for place, card in pairs:
        place.lay_down(card)
    for place, _ in pairs:
        place.pcscd.wait_for_card(place.name, present=True)


# ---- lost at a command ----------------------------------------------------------------------


class Accident:
    """One way to lose a card, on a reader of its own."""

    def __init__(self, loss, place, tag):
        self.loss = loss
        self.place = place
        self.card = Card(tag)
        self.scene = None

    def befall(self, scene, errand, at, socket):
        """Lose the card, which lies on the reader, at the command *at* of an errand."""
        self.scene = scene
        self.card.be(scene.tag())
        self.place.lose(self.loss, at=at + 1)
        ended = scene.run(*errand.command(self.place.reader), **socket)
        assert len(self.card.heard) == at + (self.loss is Loss.ANSWER), ended
        assert ended.code == (IN_DOUBT if is_begun(scene) else 3), ended


def moments(heard):
    """Choose the commands to lose a card at: all that change something, and some others."""
    ins = [octets[1] for octets in heard]
    changing = [index for index, one in enumerate(ins) if one in CHANGING]
    proving = ins.index(AUTHENTICATION)
    # A read and the proof of key 0, both parts of it, before; a read of the proof afterwards.
    return [proving - 3, proving, proving + 1, *changing, changing[-1] + 5]


@pytest.mark.parametrize("name", ERRANDS)
def test_a_card_that_is_lost_at_a_command_is_finished_on_the_same_reader(
    name, places, socket, new_house, scratch
):
    errand = ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    accidents = [Accident(*pair, house.tag()) for pair in zip(Loss, places, strict=True)]
    pairs = [(each.place, each.card) for each in accidents]
    lay_down(*pairs)
    run = house.twin(scratch / "whole").run(*errand.command(places[0].reader), **socket)
    assert run.code == 0, run
    chosen = moments(accidents[0].card.heard)
    # In a gate the other errands show that they can be finished too, at their ends.
    for at in chosen if NIGHTLY or name == "fresh" else chosen[-2:]:
        for each in accidents:
            each.befall(house.twin(scratch / f"{at} {each.loss.value}"), errand, at, socket)
        lay_down(*pairs)
        for each in accidents:
            ended = each.scene.run(*finishing(each.scene, errand, each.place.reader), **socket)
            assert ended.code == 0, (at, each.loss, ended)
            each.card.tag.save(each.scene.tag_path)
            assert_as_wanted(errand, each.scene)


# ---- another card is laid back --------------------------------------------------------------


@pytest.fixture
def place(places):
    return places[0]


@pytest.fixture
def stranger():
    """Give another tag, which nobody has written to."""
    return Card(SimulatedTag.blank(OTHER_UID))


@pytest.fixture
def house(new_house, scratch):
    return new_house.twin(scratch / "house")


@pytest.fixture
def card(house, place):
    """Have the tag of the house on the reader, to be lost when its second key has changed."""
    card = Card(house.tag())
    card.at_first_change = lambda: place.lose(Loss.ANSWER)
    lay_down((place, card))
    return card


def test_repair_changes_nothing_on_another_card(card, stranger, house, place, socket):
    before = stranger.memory
    assert house.run(*provision(URL, reader=place.reader), **socket).code == IN_DOUBT
    lay_down((place, stranger))
    ended = house.run(*repair(place.reader), **socket)
    assert (ended.code, stranger.changes, stranger.memory) == (REFUSED, [], before)


def test_at_a_terminal_the_right_card_is_waited_for_and_no_other_one_is_changed(
    card, stranger, house, place, socket
):
    before = stranger.memory
    with Terminal(*provision(URL, reader=place.reader), **house.settings, **socket) as terminal:
        terminal.await_text("Put it back")
        lay_down((place, stranger))
        terminal.await_text("nothing is sent to it")
        del card.at_first_change
        lay_down((place, card))
        assert terminal.await_end() == 0, terminal.shown
    card.tag.save(house.tag_path)
    assert_as_wanted(ERRANDS["fresh"], house)
    assert (stranger.changes, stranger.memory) == ([], before)


# ---- whole lives, as people run them --------------------------------------------------------


def lived(house, reader, environment):
    """Provision, tap and reset as real programs; give what each said."""
    settings = house.settings | environment
    commands = (
        provision(URL, reader=reader),
        ("tap", "--url", URL, "--reader", reader, "--json"),
        ("reset", "--yes", "--reader", reader),
    )
    runs = [started(*command, **settings) for command in commands]
    assert [run.code for run in runs] == [0, 0, 0], runs
    return runs


def test_a_tag_lives_and_is_blank_again_through_pcscd(house, place, socket):
    card = Card(house.tag())
    blank = card.memory
    lay_down((place, card))
    _, tap, _ = lived(house, place.reader, socket)
    assert json.loads(tap.stdout)["verifies"]
    assert (card.memory.keys, card.memory.files) == (blank.keys, blank.files)


@pytest.fixture
def field():
    """Give a field of nfcpy's that is never in a hurry."""
    needs("nfc.clf")
    with closing(NfcpyPlace(PATIENT_FWI)) as field:
        yield field


def test_a_tag_lives_and_is_blank_again_through_nfcpy(house, field):
    card = Card(house.tag())
    blank = card.memory
    field.insert(card)
    _, tap, _ = lived(house, field.air.path, {})
    assert json.loads(tap.stdout)["verifies"]
    assert (card.memory.keys, card.memory.files) == (blank.keys, blank.files)


@pytest.mark.parametrize("loss", Loss)
def test_a_card_that_nfcpy_loses_is_finished_on_the_same_reader(loss, house, field):
    card = Card(house.tag())
    card.at_first_change = lambda: field.lose(loss)
    field.insert(card)
    assert house.run(*provision(URL, reader=field.air.path)).code == IN_DOUBT
    del card.at_first_change
    field.insert(card)
    assert house.run(*repair(field.air.path)).code == 0
    card.tag.save(house.tag_path)
    assert_as_wanted(ERRANDS["fresh"], house)
