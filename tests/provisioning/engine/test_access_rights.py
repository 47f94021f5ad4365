"""Tags whose access rights somebody changed: a job ends well, or leaves them as they were."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from ntag424_provisioning.engine.access import may_write, require_allowed
from ntag424_provisioning.engine.jobs import (
    Origin,
    UrlChange,
    foresee,
    provision,
    repair,
    reset,
    rotate,
)
from ntag424_provisioning.engine.plan import FileStep, Held, KeyStep, SettingsStep, plan
from ntag424_provisioning.errors import RefusedError, WrongKeyError
from ntag424_provisioning.model import FACTORY_IMAGE, FACTORY_KEY, Profile, Stage

from ntag424 import Generation, Key, Keyring, Mode, UrlTemplate
from ntag424.commands import ChangeFileSettings, ChangeKey, EnableLrp, GetFileSettings
from ntag424.keys import SentryEv2Keys
from ntag424.model.files import FACTORY_SETTINGS, FREE, NEVER, AccessRights, FileSettings
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from tests.provisioning.engine.benches import (
    OLD,
    PROFILE,
    TEMPLATE,
    UID,
    TornLink,
    Workshop,
    two_versions,
)
from tests.provisioning.engine.test_tears import finish, torn_runs

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CHANGING = {0xC4, 0x5F, 0x8D, 0x5C}
CONDITIONS = (0, 1, 3, FREE, NEVER)
NAMES = {1: "CC", 2: "NDEF", 3: "proprietary"}
OTHER = Profile(UrlTemplate(TEMPLATE.text.replace("/t#", "/other#")))


def combinations(turn):
    """Give every combination of the four rights, or 25 in which every two of them meet."""
    if NIGHTLY:
        return [AccessRights(*four) for four in product(CONDITIONS, repeat=4)]
    a, b = ((1, 2), (1, 3), (2, 4), (3, 4), (2, 3))[turn % 5]
    return [
        AccessRights(*(CONDITIONS[n % 5] for n in (i, j, i + a * j, i + b * j)))
        for i, j in product(range(5), repeat=2)
    ]


# ---- tags -----------------------------------------------------------------------------------


class Fresh:
    """As NXP delivers it, and now to be written."""

    key = Key(bytes(16))

    def prepare(self, workshop):
        pass

    def run(self, bench):
        return provision(bench, PROFILE, origin=Origin.ANY)


class InUse(Fresh):
    """A working tag, looked at by `repair`."""

    def prepare(self, workshop):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)

    @property
    def key(self):
        return OLD.tag_key(UID, 0, 1)

    def run(self, bench):
        return repair(bench)


class OtherUrl(InUse):
    """A working tag that is to get another URL."""

    def run(self, bench):
        return provision(bench, OTHER, origin=Origin.ANY, url_change=UrlChange.MEANT)


class Rotated(InUse):
    """A working tag that is to move to the next key version."""

    def prepare(self, workshop):
        super().prepare(workshop)
        workshop.keyring = two_versions()

    def run(self, bench):
        return rotate(bench)


class Reset(InUse):
    """A working tag that is to become blank."""

    def run(self, bench):
        return reset(bench)


JOBS = {
    "fresh": Fresh(),
    "repair": InUse(),
    "other-url": OtherUrl(),
    "rotate": Rotated(),
    "reset": Reset(),
}


@cache
def prepared(name, mode):
    tag = SimulatedTag.blank(UID)
    if mode is Mode.LRP:
        as_key_0(tag, FACTORY_KEY.key).send(EnableLrp())
    workshop = Workshop(tag)
    JOBS[name].prepare(workshop)
    return workshop


def as_key_0(tag, key):
    session = Session(tag)
    session.select()
    return session.authenticate(0, key)


def changed(name, mode, number, access, keys="known"):
    """Give a tag on which somebody with all keys changed the rights of a file, or keys 1 and 3."""
    workshop, job = deepcopy(prepared(name, mode)), JOBS[name]
    session = as_key_0(workshop.tag, job.key)
    held = session.send(GetFileSettings(number)).settings
    if keys != "known":
        versions = [key.version for key in workshop.memory.keys]
        for slot in (1, 3):
            old = Key(workshop.keys()[slot])
            told = versions[slot] if keys == "untold" else 5
            session.send(ChangeKey(slot, old, Key(b"somebody else's!"), told))
    session.send(ChangeFileSettings(number, replace_access(held, access)))
    return workshop


def replace_access(settings, access):
    return FileSettings(settings.comm_mode, access, settings.sdm)


def content(workshop):
    """Give what a job may change: files with their settings, keys with their versions."""
    memory = workshop.memory
    return memory.files, [(key.value, key.version) for key in memory.keys], memory.lrp


def changes(link):
    return [command.ins for command in link.commands if command.ins in CHANGING]


# ---- every combination ----------------------------------------------------------------------


def outcome(name, mode, number, access, keys):
    """Run a job, and say what is wrong with how it ended; None if nothing is."""
    workshop = changed(name, mode, number, access, keys)
    before, stage = content(workshop), stage_of(workshop)
    is_closed = access.change is NEVER
    link = TornLink(workshop.tag)
    try:
        JOBS[name].run(workshop.bench(link))
    except RefusedError as error:
        told = f"Change of the {NAMES[number]} file is closed for good" in str(error)
        kept = content(workshop) == before and not changes(link) and stage_of(workshop) is stage
        return None if is_closed and told and kept else f"{error} {kept}"
    except WrongKeyError as error:
        fits = keys != "known" and "key 1 of tag" in str(error)
        kept = content(workshop) == before and not changes(link)
        return None if fits and kept else f"{error} {kept}"
    if is_closed or keys != "known":
        return "done, although it cannot be"
    return wrong_with(name, workshop)


def stage_of(workshop):
    known = workshop.journal.find(UID)
    return None if known is None else known.stage


def wrong_with(name, workshop):
    known = workshop.journal.find(UID)
    if name == "reset":
        blank = SimulatedTag.blank(UID)._card.memory
        is_blank = workshop.memory.files == blank.files and set(workshop.keys()) == {bytes(16)}
        return None if is_blank and known.stage is Stage.BLANK else "it is not blank"
    workshop.tap(OTHER.template if name == "other-url" else TEMPLATE)
    image = known.goal.image(UID, OLD, Mode.LRP if workshop.memory.lrp else Mode.AES)
    for number, settings in image.settings.items():
        if workshop.memory.files[number].raw_settings != bytes(settings):
            return f"the settings of file {number} are not as wanted"
    return None if known.stage is Stage.READY else f"it is {known.stage}"


def failures(name, mode, number, keys):
    turn = number + list(JOBS).index(name) + len(keys)
    found = {each: outcome(name, mode, number, each, keys) for each in combinations(turn)}
    return {bytes(each).hex().upper(): wrong for each, wrong in found.items() if wrong}


@pytest.mark.parametrize("keys", ["known", "told", "untold"])
@pytest.mark.parametrize("number", NAMES)
@pytest.mark.parametrize("name", JOBS)
def test_a_tag_ends_well_or_as_it_was(name, number, keys):
    assert failures(name, Mode.AES, number, keys) == {}


# Both sides take ten times as long: the nights look at all, a gate at two jobs.
@pytest.mark.parametrize("keys", ["known", "told", "untold"] if NIGHTLY else ["known"])
@pytest.mark.parametrize("number", NAMES if NIGHTLY else [2])
@pytest.mark.parametrize("name", JOBS if NIGHTLY else ["fresh", "reset"])
def test_a_tag_in_lrp_mode_ends_well_or_as_it_was(name, number, keys):
    assert failures(name, Mode.LRP, number, keys) == {}


@pytest.mark.parametrize("number", NAMES)
def test_what_will_be_refused_is_foretold_without_an_attempt(number):
    told = {}
    for access in combinations(number):
        workshop = changed("fresh", Mode.AES, number, access)
        link = TornLink(workshop.tag)
        try:
            told[access] = bool(foresee(workshop.bench(link), PROFILE).steps)
        except RefusedError:
            told[access] = False
        assert not changes(link) + [c for c in link.commands if c.ins == 0x71]
    assert told == {access: access.change is not NEVER for access in told}


def test_a_key_that_is_not_known_is_named_with_what_it_alone_opens():
    access = AccessRights(FREE, 0, 0, 1)
    workshop = changed("fresh", Mode.AES, 2, access, "told")
    # A scheme without epochs: its keys have version 00, and the tag tells 05.
    workshop.keyring = Keyring.single(SentryEv2Keys(Key(b"s" * 16)))
    with pytest.raises(WrongKeyError, match=r"key 1 .* alone opens Change of the NDEF file"):
        foresee(workshop.bench(), PROFILE)


def test_a_guess_that_is_wrong_costs_one_attempt_and_is_counted():
    workshop = changed("fresh", Mode.AES, 2, AccessRights(FREE, 0, 0, 0), "untold")
    with pytest.raises(WrongKeyError):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    assert [key.failures.total for key in workshop.memory.keys] == [0, 1, 0, 0, 0]
    assert workshop.journal.find(UID).attempts == (0, 1, 0, 0, 0)


# ---- one key of somebody else's --------------------------------------------------------------


def with_a_foreign_key(name, slot, told):
    """Give a tag that works and is enrolled nowhere yet, or a blank one, with such a key."""
    workshop = deepcopy(prepared(name, Mode.AES))
    known = workshop.journal.find(UID)
    if known is not None:
        workshop.journal.put(replace(known, stage=Stage.WRITTEN))
    session = as_key_0(workshop.tag, JOBS[name].key)
    present = workshop.memory.keys[slot]
    version = present.version if told == "untold" else 5
    session.send(ChangeKey(slot, Key(present.value), Key(b"somebody else's!"), version))
    return workshop


@pytest.mark.parametrize("told", ["told", "untold"])
@pytest.mark.parametrize("slot", range(1, 5))
@pytest.mark.parametrize("name", ["other-url", "rotate", "reset"])
def test_a_tag_that_nobody_enrolled_is_left_alone_if_one_key_is_not_known(name, slot, told):
    workshop = with_a_foreign_key(name, slot, told)
    before, stage = content(workshop), stage_of(workshop)
    with pytest.raises(WrongKeyError, match=f"key {slot} of tag"):
        JOBS[name].run(workshop.bench())
    assert (content(workshop), stage_of(workshop)) == (before, stage)


@pytest.mark.parametrize("told", ["told", "untold"])
@pytest.mark.parametrize("slot", range(1, 5))
def test_a_blank_tag_with_a_key_of_somebody_elses_is_not_called_blank(slot, told):
    workshop = with_a_foreign_key("fresh", slot, told)
    with pytest.raises(WrongKeyError, match=f"key {slot} of tag"):
        reset(workshop.bench())


# ---- settings that were seen on tags ---------------------------------------------------------

SEEN = {
    "SDM with zero keys, for ever": (2, "40EFEEC1FF121A00003D00003D0000", "closed for good"),
    "Write with key 3": (2, "0030E3", None),
    "nobody writes, key 0 changes": (2, "00F0EF", None),
    "key 3 changes": (2, "00E3EE", None),
    "a read-only CC file, for ever": (1, "00FFEF", "CC file is closed for good, and so is Write"),
    "a proprietary file, for ever": (3, "033F23", "proprietary file is closed for good"),
}


@pytest.mark.parametrize("case", SEEN)
def test_settings_that_were_seen_on_tags_end_well_or_are_refused(case):
    number, text, reason = SEEN[case]
    workshop = deepcopy(prepared("fresh", Mode.AES))
    settings = FileSettings.from_bytes(bytes.fromhex(text))
    as_key_0(workshop.tag, FACTORY_KEY.key).send(ChangeFileSettings(number, settings))
    before = content(workshop)
    if reason is None:
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
        assert workshop.tap()
        return
    with pytest.raises(RefusedError, match=reason):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    assert content(workshop) == before


@pytest.mark.parametrize(("name", "number"), [("fresh", 1), ("rotate", 2), ("reset", 3)])
def test_settings_that_no_tag_should_have_are_refused_untouched(name, number):
    class Odd(TornLink):
        """Tells settings of one file in which Read is key 9."""

        def transmit(self, command):
            answer = super().transmit(command)
            if command.ins == 0xF5 and command.data[0] == number:
                return type(answer)(answer.data[:3] + b"\x9e" + answer.data[4:], answer.status)
            return answer

    workshop = deepcopy(prepared(name, Mode.AES))
    before = content(workshop)
    with pytest.raises(RefusedError, match=f"settings of the {NAMES[number]} file are none"):
        JOBS[name].run(workshop.bench(Odd(workshop.tag)))
    assert content(workshop) == before


def test_a_counter_above_the_limit_that_is_wanted_begins_again():
    workshop = deepcopy(prepared("repair", Mode.AES))
    for _ in range(30):
        workshop.tag.tap()
    limited = Profile(OTHER.template, counter_limit=20)
    bench = workshop.bench()
    provision(bench, limited, origin=Origin.ANY, url_change=UrlChange.MEANT)
    assert workshop.tap(OTHER.template).counter < 20


# ---- in between -----------------------------------------------------------------------------

IMAGE = PROFILE.image(UID, OLD, Generation(1, 1), Mode.AES)


def after(held, step):
    """Give what a tag holds after a step, as the data sheet says."""
    slots, settings = list(held.slots), dict(held.settings)
    cc, ndef = held.cc, held.ndef
    match step:
        case KeyStep(number, new):
            slots[number] = (new,)
        case SettingsStep(number, new, _):
            settings[number] = new
        case FileStep(number, offset, piece):
            old = cc if number == 1 else ndef
            old = old[:offset] + piece + old[offset + len(piece) :]
            cc, ndef = (old, ndef) if number == 1 else (cc, old)
    return Held(tuple(slots), cc, ndef, settings, held.mode)


def is_allowed(step, settings):
    match step:
        case SettingsStep(number, _, by):
            return settings[number].access.change in (by, FREE)
        case FileStep(number, _, _):
            return may_write(settings[number].access, 0)
    return True


@pytest.mark.parametrize("number", NAMES)
def test_after_every_step_the_rest_is_allowed(number):
    for access in combinations(number + 1):
        if access.change is NEVER:
            continue
        settings = {**FACTORY_SETTINGS, number: replace_access(FACTORY_SETTINGS[number], access)}
        held = Held(FACTORY_IMAGE_SLOTS, FACTORY_IMAGE.cc, FACTORY_IMAGE.ndef, settings, Mode.AES)
        steps = plan(IMAGE, held)
        while steps:
            require_allowed(held.settings, IMAGE.settings)
            rest, now = steps, held
            for step in rest:
                assert is_allowed(step, now.settings), (access, step)
                now = after(now, step)
            assert plan(IMAGE, now) == ()
            held = after(held, steps[0])
            steps = plan(IMAGE, held)


FACTORY_IMAGE_SLOTS = ((FACTORY_KEY,),) * 5


@pytest.mark.parametrize("number", NAMES)
def test_key_0_changes_last_whatever_the_rights(number):
    for access in combinations(number + 2):
        settings = {**FACTORY_SETTINGS, number: replace_access(FACTORY_SETTINGS[number], access)}
        held = Held(FACTORY_IMAGE_SLOTS, FACTORY_IMAGE.cc, FACTORY_IMAGE.ndef, settings, Mode.AES)
        assert plan(IMAGE, held)[-1] == KeyStep(0, IMAGE.keys[0])


class Narrow:
    """All three files are closed to key 0: the tag is opened with keys 1 and 3 first."""

    rights = {  # noqa: RUF012 - of all there are
        1: AccessRights(1, NEVER, NEVER, 1),
        2: AccessRights(NEVER, 3, 1, 3),
        3: AccessRights(3, 3, 3, FREE),
    }

    def __init__(self, job):
        self._job = job

    def prepare(self, workshop, profile):
        self._job.prepare(workshop)
        session = as_key_0(workshop.tag, self._job.key)
        for number, access in self.rights.items():
            held = session.send(GetFileSettings(number)).settings
            session.send(ChangeFileSettings(number, replace_access(held, access)))

    def run(self, bench, profile):
        return self._job.run(bench)


@pytest.mark.parametrize("executed", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("name", JOBS if NIGHTLY else ["fresh", "reset"])
def test_a_narrow_tag_is_finished_after_a_tear_at_any_command(name, executed):
    job, runs = Narrow(JOBS[name]), 0
    for _, workshop in torn_runs(job, PROFILE, executed=executed):
        finish(workshop, job, PROFILE)
        assert wrong_with(name, workshop) is None
        runs += 1
    assert runs > 60


def test_with_nothing_but_tag_and_master_keys_a_narrow_tag_is_finished():
    for _, workshop in torn_runs(Narrow(JOBS["fresh"]), PROFILE, executed=True):
        workshop.journal.records.clear()
        repair(workshop.bench(), PROFILE, origin=Origin.ANY)
        assert wrong_with("fresh", workshop) is None
