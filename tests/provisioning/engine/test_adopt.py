"""Tags that another tool wrote: adopted, opened, handed on; and torn at every command."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from itertools import count

import pytest
from ntag424_provisioning.engine.adopt import adopt, change_one_key, set_rights
from ntag424_provisioning.engine.bench import Outcome
from ntag424_provisioning.engine.jobs import Origin, provision, repair, reset
from ntag424_provisioning.errors import InDoubtError, RefusedError, WrongKeyError
from ntag424_provisioning.model import FACTORY_KEY, SlotKey, Stage

from ntag424 import Key
from ntag424.commands import ChangeFileSettings, ChangeKey, ChangeMasterKey, EnableRandomId
from ntag424.errors import NoTagError, TransportError
from ntag424.model.files import FREE, NEVER, AccessRights, CommMode, FileSettings
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from tests.provisioning.engine.benches import PROFILE, UID, TornLink, Workshop

KEYS = {number: Key(bytes([0x40 + number]) * 16) for number in range(5)}
#: As another tool left them: key 3 alone changes the NDEF file, nobody writes it.
RIGHTS = AccessRights(FREE, NEVER, NEVER, 3)
VERSION = 9
NEW = SlotKey(Key(b"a key of my own!"), 7)


@pytest.fixture
def foreign():
    workshop = Workshop(SimulatedTag.blank(UID))
    session = Session(workshop.tag)
    session.select()
    session = session.authenticate(0, FACTORY_KEY.key)
    session.send(ChangeFileSettings(2, FileSettings(CommMode.PLAIN, RIGHTS)))
    for number in range(1, 5):
        session.send(ChangeKey(number, FACTORY_KEY.key, KEYS[number], VERSION))
    session.send(ChangeMasterKey(KEYS[0], VERSION))
    return workshop


@pytest.fixture
def adopted(foreign):
    adopt(foreign.bench(), KEYS)
    return foreign


def rights(workshop, number=2):
    return workshop.memory.files[number].raw_settings[1:3]


def test_without_its_keys_a_foreign_tag_is_refused(foreign):
    with pytest.raises(WrongKeyError):
        provision(foreign.bench(), PROFILE, origin=Origin.ANY)


def test_an_adopted_tag_becomes_a_working_one(adopted):
    provision(adopted.bench(), PROFILE, origin=Origin.ANY)
    assert adopted.tap()


def test_an_adopted_tag_becomes_blank(adopted):
    assert reset(adopted.bench()).outcome is Outcome.RESET
    assert adopted.keys() == [bytes(16)] * 5


def test_adopting_changes_nothing_on_the_tag(foreign):
    before = deepcopy(foreign.memory)
    adopt(foreign.bench(), KEYS)
    assert foreign.memory == before


@pytest.mark.parametrize("number", range(5))
def test_a_wrong_key_costs_one_attempt_and_is_not_put_down(foreign, number):
    wrong = KEYS | {number: NEW.key}
    with pytest.raises(WrongKeyError, match=f"key {number} of tag"):
        adopt(foreign.bench(), wrong)
    known = foreign.journal.find(UID)
    assert [key.failures.total for key in foreign.memory.keys] == list(known.attempts)
    assert sum(known.attempts) == 1
    assert NEW.key not in [key.key for key in known.slots[number]]


def test_a_wrong_key_forgets_nothing_that_the_vault_knew(adopted):
    before = adopted.journal.find(UID).slots
    with pytest.raises(WrongKeyError):
        adopt(adopted.bench(), KEYS | {4: NEW.key})
    assert adopted.journal.find(UID).slots == before


def test_a_life_that_the_vault_knows_goes_on_after_other_keys_were_adopted(foreign):
    provision(foreign_bench(foreign), PROFILE, origin=Origin.ANY)
    before = foreign.journal.find(UID)
    own = {number: slot[0].key for number, slot in enumerate(before.slots)}
    adopt(foreign.bench(), own)
    assert foreign.journal.find(UID).goal == before.goal


def foreign_bench(workshop):
    adopt(workshop.bench(), KEYS)
    return workshop.bench()


def test_a_tag_with_random_ids_is_not_adopted(foreign):
    session = Session(foreign.tag)
    session.select()
    session.authenticate(0, KEYS[0]).send(EnableRandomId())
    with pytest.raises(RefusedError, match="hides its UID"):
        adopt(foreign.bench(), KEYS)


# ---- rights ---------------------------------------------------------------------------------


def test_rights_are_changed_with_the_key_that_may(adopted):
    set_rights(adopted.bench(), 2, AccessRights(FREE, 0, 0, 0))
    assert rights(adopted).hex() == "00e0"


def test_rights_that_are_closed_for_good_are_refused_before_an_attempt(adopted):
    set_rights(adopted.bench(), 1, AccessRights(FREE, NEVER, NEVER, NEVER))
    link = TornLink(adopted.tag)
    with pytest.raises(RefusedError, match="CC file is closed for good"):
        set_rights(adopted.bench(link), 1, AccessRights(FREE, 0, 0, 0))
    assert 0x71 not in [command.ins for command in link.commands]


def test_a_working_tag_gets_its_own_rights_back_from_repair(adopted):
    provision(adopted.bench(), PROFILE, origin=Origin.ANY)
    set_rights(adopted.bench(), 2, AccessRights(FREE, 3, 3, 3))
    repair(adopted.bench())
    assert rights(adopted).hex() == "00e0"
    assert adopted.tap()


# ---- tears ----------------------------------------------------------------------------------


def torn(prepared, job, *, executed):
    for cut_at in count():
        workshop = deepcopy(prepared)
        link = TornLink(workshop.tag, cut_at=cut_at, executed=executed)
        with suppress(TransportError, InDoubtError, NoTagError):
            job(workshop.bench(link))
        yield workshop
        if not link.way.lost:
            return


every_tear = pytest.mark.parametrize("executed", [False, True], ids=["unsent", "unanswered"])


@every_tear
@pytest.mark.parametrize("number", range(5))
def test_a_key_whose_change_was_not_answered_is_in_the_vault(adopted, number, executed):
    for workshop in torn(adopted, lambda b: change_one_key(b, number, NEW), executed=executed):
        on_the_tag = workshop.keys()[number]
        known = workshop.journal.find(UID)
        assert on_the_tag in [bytes(key.key) for key in known.slots[number]]
        assert known.stage is Stage.READY
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
        assert workshop.tap()


@every_tear
def test_a_key_change_that_was_torn_is_finished_by_the_same_command(adopted, executed):
    for workshop in torn(adopted, lambda b: change_one_key(b, 3, NEW), executed=executed):
        change_one_key(workshop.bench(), 3, NEW)
        assert workshop.keys()[3] == bytes(NEW.key)
        assert workshop.journal.find(UID).slots[3] == (NEW,)


@every_tear
def test_rights_whose_change_was_torn_are_changed_by_the_same_command(adopted, executed):
    wanted = AccessRights(FREE, 0, 0, 0)
    for workshop in torn(adopted, lambda b: set_rights(b, 2, wanted), executed=executed):
        set_rights(workshop.bench(), 2, wanted)
        assert rights(workshop).hex() == "00e0"
        assert workshop.journal.find(UID).stage is Stage.READY
