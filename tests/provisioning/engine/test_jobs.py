"""What the four jobs do, refuse, and never do."""

from __future__ import annotations

import logging
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import pytest
from ntag424_provisioning.engine.bench import Outcome
from ntag424_provisioning.engine.jobs import (
    Origin,
    UrlChange,
    provision,
    repair,
    reset,
    rotate,
)
from ntag424_provisioning.engine.observe import observe
from ntag424_provisioning.engine.workpiece import RUN_LIMIT
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.enrolment._enroller import Enrolled
from ntag424_provisioning.errors import (
    EnrolmentError,
    InDoubtError,
    NotOurChipError,
    RefusedError,
    VaultError,
    WorkingTagError,
    WrongKeyError,
)
from ntag424_provisioning.model import Irreversible, KnownTag, Profile, SlotKey, Stage
from ntag424_provisioning.model.known_tag import ATTEMPTS

from ntag424 import Generation, Key, Keyring, KeyVersion, Uid, UrlTemplate
from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.errors import OriginalityError, ProtocolError, TagRefusedError, TransportError
from ntag424.flow import run
from ntag424.keys import An10922Keys, SentryEv2Keys, StaticKeys
from ntag424.testing import SimulatedTag
from tests.provisioning.engine.benches import (
    NEW,
    OLD,
    PROFILE,
    TEMPLATE,
    UID,
    TornLink,
    Workshop,
    two_versions,
)

CHANGING = {0xC4, 0x5F, 0x8D, 0x5C}


@pytest.fixture
def workshop():
    return Workshop()


@pytest.fixture
def used(workshop):
    """Have a tag in use, and nothing told of how it came to be."""
    provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    workshop.told.clear()
    return workshop


def changes(link):
    return [command.ins for command in link.commands if command.ins in CHANGING]


# ---- provision ------------------------------------------------------------------------------


def test_a_blank_tag_becomes_one_whose_next_tap_the_ledger_takes(used):
    assert used.tap().counter == used.ledger.tags[UID].counter + 1


def test_the_first_life_is_epoch_one(used):
    assert used.ledger.tags[UID].generation == Generation(1, 1)


def test_all_five_keys_are_changed(used):
    on_the_tag = used.keys()
    assert bytes(16) not in on_the_tag


def test_key_0_changes_last(workshop):
    link = TornLink(workshop.tag)
    provision(workshop.bench(link), PROFILE, origin=Origin.ANY)
    assert changes(link) == [0xC4] * 4 + [0x8D, 0x5F, 0xC4]


def test_only_key_0_writes_afterwards(used):
    access = run(observe(), used.bench().link).settings[2].access
    assert (access.write, access.read_write, access.change) == (0, 0, 0)


def test_every_change_is_put_down_before_it_is_sent(workshop):
    link = TornLink(workshop.tag)
    seen = []

    def transmit(command, through=link.transmit):
        known = workshop.journal.find(UID)
        if command.ins in CHANGING:
            seen.append((known.about, known.stage))
        return through(command)

    link.transmit = transmit
    provision(workshop.bench(link), PROFILE, origin=Origin.ANY)
    assert seen == [
        (about, Stage.WRITING)
        for about in (
            *(f"key {number}" for number in range(1, 5)),
            "NDEF file, bytes 0 to 94",
            "settings of file 2",
            "key 0",
        )
    ]


def test_a_tag_that_is_so_already_is_left_alone(used):
    link = TornLink(used.tag)
    assert provision(used.bench(link), PROFILE, origin=Origin.ANY).outcome is Outcome.UNCHANGED
    assert not changes(link)


def test_a_tag_that_is_so_already_costs_no_authentication(used):
    link = TornLink(used.tag)
    provision(used.bench(link), PROFILE, origin=Origin.ANY)
    assert 0x71 not in [command.ins for command in link.commands]


def test_another_url_begins_another_life(used):
    other = Profile(UrlTemplate("https://other.example/t#k={kv}{epoch}&p={picc}&m={mac}"))
    bench = used.bench()
    result = provision(bench, other, origin=Origin.ANY, url_change=UrlChange.MEANT)
    assert result.generation == Generation(1, 2)


def test_another_url_on_a_working_tag_has_to_be_meant(used):
    other = Profile(UrlTemplate("https://other.example/t#k={kv}{epoch}&p={picc}&m={mac}"))
    link = TornLink(used.tag)
    with pytest.raises(WorkingTagError):
        provision(used.bench(link), other, origin=Origin.ANY)
    assert not changes(link)
    assert used.journal.find(UID).goal.profile == PROFILE


def test_the_label_stays_with_the_tag(workshop):
    provision(workshop.bench(), PROFILE, label="badge-0001", origin=Origin.ANY)
    assert workshop.journal.find(UID).label == "badge-0001"


def test_a_chip_that_nxp_did_not_sign_is_refused(workshop):
    link = TornLink(workshop.tag)
    with pytest.raises(OriginalityError):
        provision(workshop.bench(link), PROFILE)
    assert not changes(link)


def test_another_chip_is_refused(workshop):
    class Other(TornLink):
        def transmit(self, command):
            answer = super().transmit(command)
            if command.ins == 0x60:
                return replace(answer, data=b"\x04\x01" + answer.data[2:])
            return answer

    with pytest.raises(NotOurChipError):
        provision(workshop.bench(Other(workshop.tag)), PROFILE, origin=Origin.ANY)


def test_a_journal_that_cannot_be_written_stops_before_the_first_command(workshop):
    def refuse():
        raise VaultError("the disk is full")

    workshop.journal.require_writable = refuse
    link = TornLink(workshop.tag)
    with pytest.raises(VaultError):
        provision(workshop.bench(link), PROFILE, origin=Origin.ANY)
    assert not link.commands


@pytest.mark.parametrize("puts", range(1, 12))
def test_a_journal_that_fills_up_on_the_way_lets_nothing_go_unrecorded(workshop, puts):
    class Full(type(workshop.journal)):
        def put(self, known):
            if self.puts == puts:
                raise VaultError("the disk is full")
            super().put(known)

    workshop.journal.__class__ = Full
    with pytest.raises((VaultError, InDoubtError)):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    workshop.journal.__class__ = Full.__base__
    repair(workshop.bench())
    assert workshop.tap()


def test_a_scheme_that_does_not_know_every_slot_is_refused(workshop):
    workshop.keyring = Keyring.single(StaticKeys(file_read=Key(b"f" * 16), meta_read=NEW.master))
    link = TornLink(workshop.tag)
    with pytest.raises(RefusedError):
        provision(workshop.bench(link), PROFILE, origin=Origin.ANY)
    assert not changes(link)


def test_a_scheme_without_epochs_writes_epoch_0():
    template = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&m={mac}")
    workshop = Workshop(keyring=Keyring.single(SentryEv2Keys(Key(b"s" * 16))))
    provision(workshop.bench(), Profile(template), origin=Origin.ANY)
    assert workshop.tap(template).generation == Generation(1, 0)


def test_a_scheme_without_epochs_writes_a_tag_once_per_key_version():
    first = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&m={mac}")
    second = UrlTemplate("https://id.example.com/s?u={uid}&c={ctr}&m={mac}")
    workshop = Workshop(keyring=Keyring.single(SentryEv2Keys(Key(b"s" * 16))))
    provision(workshop.bench(), Profile(first), origin=Origin.ANY)
    with pytest.raises(RefusedError, match="this key version before"):
        provision(workshop.bench(), Profile(second), origin=Origin.ANY, url_change=UrlChange.MEANT)


def test_after_epoch_255_the_key_version_has_to_rotate(used):
    known = used.journal.find(UID)
    goal = replace(known.goal, generation=Generation(1, 255), profile=None)
    used.journal.put(replace(known, goal=goal))
    with pytest.raises(RefusedError, match="255 times"):
        provision(used.bench(), PROFILE, origin=Origin.ANY)


def test_file_data_is_on_the_tag():
    template = UrlTemplate(
        "https://id.example.com/t#k={kv}{epoch}&p={picc}{mac-input}&f={file:16}&m={mac}"
    )
    workshop = Workshop()
    profile = Profile(template, file_data=b"sixteen letters!")
    provision(workshop.bench(), profile, origin=Origin.ANY)
    tap = workshop.verified(template)
    assert tap.file_data == b"sixteen letters!"


def test_random_ids_are_turned_on_last_of_all(workshop):
    profile = Profile(TEMPLATE, irreversible=frozenset({Irreversible.RANDOM_ID}))
    link = TornLink(workshop.tag)
    provision(workshop.bench(link), profile, origin=Origin.ANY)
    assert changes(link)[-2:] == [0xC4, 0x5C]


def test_a_tag_with_random_ids_is_known_by_its_tap(workshop):
    profile = Profile(TEMPLATE, irreversible=frozenset({Irreversible.RANDOM_ID}))
    provision(workshop.bench(), profile, origin=Origin.ANY)
    assert repair(workshop.bench()).uid == UID


def test_the_tamper_loop_is_turned_on_before_the_proof():
    template = UrlTemplate(
        "https://id.example.com/t#k={kv}{epoch}&p={picc}{mac-input}&t={tt}&m={mac}"
    )
    workshop = Workshop(SimulatedTag.blank(UID, tamper=b"II"))
    profile = Profile(template, irreversible=frozenset({Irreversible.TAG_TAMPER}))
    provision(workshop.bench(), profile, origin=Origin.ANY)
    assert workshop.verified(template).tamper.value == b"CC"


# ---- other people's tags --------------------------------------------------------------------


def test_a_tag_of_another_fleet_is_not_even_asked_to_authenticate(used):
    stranger = Workshop(used.tag, Keyring.single(An10922Keys(Key(b"other fleet's ke"))))
    link = TornLink(stranger.tag)
    with pytest.raises(WrongKeyError):
        provision(stranger.bench(link), PROFILE, origin=Origin.ANY)
    assert 0x71 not in [command.ins for command in link.commands]


def test_a_key_0_that_is_not_what_it_looks_like_costs_one_attempt(workshop):
    keys = [b"somebody else's!", *([bytes(16)] * 4)]
    tag = SimulatedTag(uid=UID, keys=keys, ndef_file=b"", file_settings=bytes.fromhex("00E0EE"))
    stranger = Workshop(tag)
    with pytest.raises(WrongKeyError):
        provision(stranger.bench(), PROFILE, origin=Origin.ANY)
    assert stranger.memory.keys[0].failures.total == 1


def test_a_thousand_runs_with_a_wrong_journal_stay_within_the_budget(workshop):
    keys = [b"somebody else's!", *([bytes(16)] * 4)]
    tag = SimulatedTag(uid=UID, keys=keys, ndef_file=b"", file_settings=bytes.fromhex("00E0EE"))
    stranger = Workshop(tag)
    for _ in range(1000):
        with pytest.raises(WrongKeyError):
            provision(stranger.bench(), PROFILE, origin=Origin.ANY)
    assert stranger.memory.keys[0].failures.total == ATTEMPTS


def test_of_many_keys_that_it_may_be_two_are_tried_in_one_run(workshop):
    keys = [b"somebody else's!", *([bytes(16)] * 4)]
    tag = SimulatedTag(uid=UID, keys=keys, ndef_file=b"", file_settings=bytes.fromhex("00E0EE"))
    stranger = Workshop(tag)
    blank = KnownTag.blank(UID)
    maybe = tuple(SlotKey(Key(bytes([number]) * 16), 0) for number in range(1, 5))
    stranger.journal.put(replace(blank, slots=(maybe, *blank.slots[1:])))
    with pytest.raises(WrongKeyError):
        provision(stranger.bench(), PROFILE, origin=Origin.ANY)
    assert stranger.memory.keys[0].failures.total == RUN_LIMIT


# ---- the proof ------------------------------------------------------------------------------


def test_a_tag_whose_counter_stands_still_is_not_enrolled(workshop):
    class Stuck(TornLink):
        """Once written, every read is answered as the first one was."""

        def transmit(self, command):
            if command.ins != 0xB0 or not self.is_written:
                return super().transmit(command)
            return self.answers.setdefault(command, super().transmit(command))

        @property
        def is_written(self):
            return [each.ins for each in self.commands].count(0xC4) == 5

        answers = {}  # noqa: RUF012 - of the one tag there is

    with pytest.raises(InDoubtError, match="the read counter went"):
        provision(workshop.bench(Stuck(workshop.tag)), PROFILE, origin=Origin.ANY)
    assert not workshop.ledger.tags


def test_a_tag_that_reads_back_otherwise_is_not_enrolled(workshop):
    class Spoilt(TornLink):
        """Somebody writes to the tag while it is powered down."""

        def reconnect(self):
            memory = self.tag._card.memory
            cc = replace(memory.files[1], content=bytes(32))
            self.tag._card.memory = replace(memory, files={**memory.files, 1: cc})
            super().reconnect()

    with pytest.raises(InDoubtError, match="read back, the tag differs in: CC file"):
        provision(workshop.bench(Spoilt(workshop.tag)), PROFILE, origin=Origin.ANY)
    assert not workshop.ledger.tags


# ---- rotate, reset --------------------------------------------------------------------------


def test_rotation_moves_a_tag_to_the_active_key_version(used):
    used.keyring = two_versions()
    assert rotate(used.bench()).generation == Generation(2, 2)


def test_a_tag_under_the_active_key_version_is_not_rotated(used):
    assert rotate(used.bench()).outcome is Outcome.UNCHANGED


def test_a_tag_that_was_reset_is_as_it_was_delivered(used):
    reset(used.bench())
    blank = Workshop(SimulatedTag.blank(UID))
    assert used.memory.files == blank.memory.files
    assert used.keys() == blank.keys()


def test_a_tag_that_was_reset_begins_a_new_life_when_it_is_written_again(used):
    reset(used.bench())
    result = provision(used.bench(), PROFILE, origin=Origin.ANY)
    assert result.generation == Generation(1, 2)


def test_the_ledger_is_told_of_a_tag_that_was_reset(used):
    assert reset(used.bench()).is_retired
    assert used.ledger.retired == {UID: Generation(1, 1)}


def test_a_reset_that_the_ledger_was_not_told_of_is_finished_by_repair(used):
    used.ledger.is_up = False
    with pytest.raises(EnrolmentError):
        reset(used.bench())
    assert used.journal.find(UID).stage is Stage.WRITTEN
    used.ledger.is_up = True
    link = TornLink(used.tag)
    assert repair(used.bench(link)).outcome is Outcome.RESET
    assert not changes(link)
    assert used.ledger.retired == {UID: Generation(1, 1)}


def test_a_tag_without_a_record_is_retired_in_the_life_that_its_tap_shows(used):
    used.journal.records.clear()
    reset(used.bench())
    assert used.ledger.retired == {UID: Generation(1, 1)}


def test_who_enrols_later_is_told_that_nobody_was_told(used):
    assert not reset(replace(used.bench(), enroller=Later())).is_retired


def test_a_blank_tag_can_be_reset(workshop):
    assert reset(workshop.bench()).outcome is Outcome.RESET


# ---- the ledger -----------------------------------------------------------------------------


def test_a_ledger_that_knows_a_higher_generation_moves_the_tag_above_it(workshop):
    workshop.ledger.tags[UID] = Enrolled(Generation(1, 9), 500)
    assert provision(workshop.bench(), PROFILE, origin=Origin.ANY).generation == Generation(1, 10)


def test_a_generation_that_turns_out_to_be_known_is_written_over_before_it_is_done(workshop):
    workshop.ledger.tags[UID] = Enrolled(Generation(1, 9), 500)
    workshop.ledger.find = lambda uid: None
    assert provision(workshop.bench(), PROFILE, origin=Origin.ANY).generation == Generation(1, 10)
    assert workshop.tap()


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("lnurlw://card.example.com/ln?k={kv}{epoch}&p={picc}&c={mac}", "lnurlw://card."),
        ("{mac-input}myapp:k={kv}{epoch}&p={picc}&c={mac}", "myapp:k="),
        ("https://{mac-input}id.example.com/t?k={kv}{epoch}&p={picc}&c={mac}", "https://id."),
        ("{mac-input}https://id.example.com/t?k={kv}{epoch}&p={picc}&c={mac}", "https://id."),
    ],
)
def test_a_tag_carries_any_scheme_and_a_mac_from_anywhere(workshop, text, beginning):
    template = UrlTemplate(text)
    result = provision(workshop.bench(), Profile(template), origin=Origin.ANY)
    assert result.url.startswith(beginning)
    assert workshop.tap(template)


def test_whoever_enrols_a_tag_is_told_the_template_of_its_url(workshop):
    provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    assert workshop.ledger.templates == {UID: PROFILE.template}


def test_a_tag_that_could_not_be_enrolled_is_enrolled_by_repair(workshop):
    workshop.ledger.is_up = False
    with pytest.raises(EnrolmentError):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    workshop.ledger.is_up = True
    link = TornLink(workshop.tag)
    repair(workshop.bench(link))
    assert not changes(link)
    assert workshop.tap()


def test_an_enrolment_whose_answer_was_lost_does_not_begin_another_life(workshop):
    def enrol_and_lose_the_answer(*told, enrol=workshop.ledger.enrol):
        assert enrol(*told)
        raise EnrolmentError("the answer was lost")

    workshop.ledger.enrol = enrol_and_lose_the_answer
    with pytest.raises(EnrolmentError):
        provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    del workshop.ledger.enrol
    assert repair(workshop.bench()).generation == Generation(1, 1)


def test_a_tag_that_was_only_planned_is_not_in_doubt(used):
    used.keyring = two_versions()
    whole = deepcopy(used)
    rotate(whole.bench())
    first_part = [command.ins for command in whole.link.commands].index(0x71)
    with pytest.raises(TransportError):
        rotate(used.bench(TornLink(used.tag, cut_at=first_part)))
    assert used.journal.find(UID).stage is Stage.PLANNED


def test_a_tag_that_nobody_was_told_of_waits_for_its_enrolment(workshop):
    provision(replace(workshop.bench(), enroller=Later()), PROFILE, origin=Origin.ANY)
    assert workshop.journal.find(UID).stage is Stage.WRITTEN
    repair(workshop.bench())
    assert workshop.tap()


def test_a_tag_that_nobody_was_told_of_is_not_written_twice(workshop):
    provision(replace(workshop.bench(), enroller=Later()), PROFILE, origin=Origin.ANY)
    bench = replace(workshop.bench(), enroller=Later())
    assert provision(bench, PROFILE, origin=Origin.ANY).outcome is Outcome.UNCHANGED


# ---- repair ---------------------------------------------------------------------------------


def test_repair_of_a_sound_tag_changes_nothing(used):
    link = TornLink(used.tag)
    assert repair(used.bench(link)).outcome is Outcome.UNCHANGED
    assert not changes(link)


def test_repair_of_an_unknown_blank_tag_asks_what_it_is_to_become(workshop):
    with pytest.raises(RefusedError, match="nothing that was begun"):
        repair(workshop.bench())


def test_a_tag_that_somebody_wrote_to_gets_a_new_life(used):
    # As an earlier tool with the right keys would: SDM off.
    session = used.bench().link
    key = used.journal.find(UID).slots[0][0].key
    change_settings(session, key)
    assert repair(used.bench()).generation == Generation(1, 2)


def change_settings(link, key):
    from ntag424.commands import ChangeFileSettings
    from ntag424.model.files import FACTORY_SETTINGS
    from ntag424.session import Session

    session = Session(link)
    session.select()
    session.authenticate(0, key).send(ChangeFileSettings(2, FACTORY_SETTINGS[2]))


def test_a_tag_with_random_ids_is_not_reset(workshop):
    profile = Profile(TEMPLATE, irreversible=frozenset({Irreversible.RANDOM_ID}))
    provision(workshop.bench(), profile, origin=Origin.ANY)
    link = TornLink(workshop.tag)
    with pytest.raises(RefusedError, match="known by nothing but its URL"):
        reset(workshop.bench(link))
    assert not changes(link)


def test_a_tag_whose_counter_is_at_its_limit_begins_to_count_again(workshop):
    provision(workshop.bench(), Profile(TEMPLATE, counter_limit=20), origin=Origin.ANY)
    with suppress(ValueError):
        while True:
            workshop.tag.tap()
    repair(workshop.bench())
    assert workshop.tap().counter < 20


def test_a_version_byte_that_lies_makes_nobody_forget_a_key(workshop):
    """The tag was torn as key 0 changed, and the byte says that it did not hold the new one."""
    whole = Workshop()
    provision(whole.bench(), PROFILE, origin=Origin.ANY)
    last_change = max(i for i, c in enumerate(whole.link.commands) if c.ins == 0xC4)
    with pytest.raises(InDoubtError):
        provision(workshop.bench(cut_at=last_change, executed=True), PROFILE, origin=Origin.ANY)
    before = workshop.journal.find(UID).slots[0]
    with suppress(WrongKeyError, InDoubtError, TagRefusedError):
        repair(workshop.bench(LyingLink(workshop.tag, cut_at=30)))
    assert set(workshop.journal.find(UID).slots[0]) == set(before)


class LyingLink(TornLink):
    """Says of key 0 that it is still the factory's."""

    def transmit(self, command):
        answer = super().transmit(command)
        lies = command.ins == 0x64 and command.data == b"\x00"
        return replace(answer, data=b"\x00") if lies else answer


def test_another_tag_laid_in_between_gets_nothing_that_changes_it(used):
    class Swapped(TornLink):
        """Lays another tag of the same fleet down when the first is powered down and up."""

        def reconnect(self):
            self.way._tag = other.tag

    other = Workshop(SimulatedTag.blank(Uid.from_hex("04000000000001")))
    other.journal, other.keyring = used.journal, used.keyring
    provision(other.bench(), PROFILE, origin=Origin.ANY)
    before = other.memory.files, other.keys()
    used.keyring = two_versions()
    with pytest.raises((InDoubtError, WrongKeyError)):
        rotate(used.bench(Swapped(used.tag)))
    assert (other.memory.files, other.keys()) == before


# ---- readers that misbehave -----------------------------------------------------------------


class Faulty(TornLink):
    """Does something wrong with the answer to the *index*-th command."""

    def __init__(self, tag, index, fault):
        super().__init__(tag)
        self._index, self._fault = index, fault

    def transmit(self, command):
        answer = super().transmit(command)
        if len(self.commands) - 1 != self._index:
            return answer
        return self._fault(self, command, answer)


def timeout(link, command, answer):
    raise TransportError("no answer", outcome_unknown=True)


def short_answer(link, command, answer):
    return replace(answer, data=answer.data[:-1])


def wrong_mac(link, command, answer):
    return replace(answer, data=answer.data[:-1] + bytes((answer.data[-1] ^ 1,)))


def double(link, command, answer):
    return link.way.transmit(command)


def status(word):
    def refuse(link, command, answer):
        link.tag.transmit(CommandApdu(0x00))  # the tag's session is over as well
        return ResponseApdu(b"", word)

    return refuse


FAULTS = {
    "timeout": timeout,
    "short answer": short_answer,
    "wrong MAC": wrong_mac,
    "double answer": double,
    "91AE": status(Status.AUTHENTICATION_ERROR),
    "91AD": status(Status.AUTHENTICATION_DELAY),
    "6F00": status(0x6F00),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_a_reader_does_the_tag_is_finished_afterwards(fault):
    probe = Workshop()
    provision(probe.bench(), PROFILE, origin=Origin.ANY)
    for index in range(probe.link.sent):
        workshop = Workshop()
        try:
            link = Faulty(workshop.tag, index, fault)
            provision(workshop.bench(link), PROFILE, origin=Origin.ANY)
        except IndexError:
            continue  # an answer that cannot be cut shorter
        except (InDoubtError, WrongKeyError, RefusedError, NotOurChipError):
            pass  # each says what to do
        except (TransportError, ProtocolError, TagRefusedError):
            assert workshop.keys() == [bytes(16)] * 5
        repair(workshop.bench(), PROFILE, origin=Origin.ANY)
        assert workshop.tap()


# ---- secrecy --------------------------------------------------------------------------------


def test_no_key_is_in_what_the_jobs_show(used, caplog):
    caplog.set_level(logging.DEBUG)
    known = used.journal.find(UID)
    shown = repr(known) + repr(used.told) + repr(rotate(used.bench())) + caplog.text
    for key in [*used.keys(), bytes(OLD.master)]:
        for form in (key.hex(), key.hex().upper(), repr(key)[2:-1]):
            assert form not in shown


def test_a_record_survives_being_written_down(used):
    known = used.journal.find(UID)
    assert KnownTag.from_json(known.to_json()) == known


def test_a_keyring_of_two_versions_finds_the_tags_of_both(used):
    former, _ = two_versions()
    used.keyring = Keyring([former, KeyVersion(3, NEW)])
    assert rotate(used.bench()).generation == Generation(3, 2)
