"""Bolt Cards, from every file that their systems export."""

from __future__ import annotations

import json

import pytest
from ntag424_provisioning.engine.jobs import Origin, provision
from ntag424_provisioning.imports import BadRow, Boltcards, plan_import, read_rows
from ntag424_provisioning.model import FACTORY_KEY, SlotKey, Stage

from ntag424 import Generation, Key
from tests.provisioning.engine.benches import PROFILE, MemoryJournal, Workshop
from tests.provisioning.imports.foreign import (
    BOLT_KEYS,
    UID,
    WRITING,
    as_csv,
    bolt_card,
    hub_row,
    server_row,
    wipe_keys,
)

DECRYPT_KEY = Key.from_hex(BOLT_KEYS[1])


def plan(text, source=None, journal=None):
    rows = read_rows(text.encode())
    return plan_import(rows, source or Boltcards(), journal or MemoryJournal())


def the_tag(text, source=None):
    found = plan(text, source)
    assert found.bad == ()
    (tag,) = found.new
    return tag


FILES = {
    "wipe keys": json.dumps(wipe_keys(last_counter_value=61)),
    "wipe keys of the API": json.dumps(wipe_keys(status="OK", version="1", counter="61")),
    "several wipe keys": json.dumps([wipe_keys(counter=61)]),
    "hub": as_csv(hub_row()),
    "hub, as JSON of sqlite3": json.dumps([hub_row(last_counter_value=61, card_id=1)]),
    "server with key 1": as_csv(server_row(k1_decrypt_key=BOLT_KEYS[1])),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_five_keys_are_taken_in_with_the_version_byte_that_the_app_writes(text):
    tag = the_tag(text)
    assert (tag.uid, tag.stage, tag.goal, tag.counter) == (UID, Stage.READY, None, 61)
    assert [slot[-1] for slot in tag.slots] == [SlotKey(Key.from_hex(k), 1) for k in BOLT_KEYS]


def test_a_server_keeps_key_1_elsewhere():
    tag = the_tag(as_csv(server_row()), Boltcards(DECRYPT_KEY))
    assert [slot[-1].key for slot in tag.slots] == [Key.from_hex(key) for key in BOLT_KEYS]


def test_the_name_of_a_card_becomes_its_label():
    assert the_tag(as_csv(server_row()), Boltcards(DECRYPT_KEY)).label == "coffee, black"


def test_a_card_that_was_never_tapped_has_no_counter():
    assert the_tag(json.dumps(wipe_keys())).counter == 0


def test_other_programs_may_have_written_another_version_byte():
    tag = the_tag(json.dumps(wipe_keys()))
    assert {key.version for slot in tag.slots for key in slot} == {0, 1}


@pytest.mark.parametrize("wiped", ["Y", "y", "t"])
def test_a_card_marked_as_wiped_may_be_blank(wiped):
    tag = the_tag(as_csv(hub_row(wiped=wiped)))
    assert all(FACTORY_KEY in slot and slot[-1].version == 1 for slot in tag.slots)


def test_a_card_in_use_is_not_taken_for_blank():
    assert not any(FACTORY_KEY in slot for slot in the_tag(as_csv(hub_row())).slots)


BAD = {
    "no uid": wipe_keys(uid=None),
    "an empty uid": wipe_keys(uid=""),
    "a uid of 4 bytes": wipe_keys(uid="12345678"),
    "a key missing": wipe_keys(k3=None),
    "a key too short": wipe_keys(k4=BOLT_KEYS[4][:-1]),
    "a key not hex": wipe_keys(k0="x" * 32),
    "a key a number": wipe_keys(k0=7),
    "key 1 missing": wipe_keys(k1=None),
    "another action": wipe_keys(action="write"),
    "another version": wipe_keys(version=2),
    "a counter too high": wipe_keys(counter=0x1000000),
    "a counter negative": wipe_keys(counter=-1),
    "a counter in hex": wipe_keys(counter="0x3D"),
    "a name with a line break": wipe_keys(card_name="a\nb"),
}


@pytest.mark.parametrize("members", BAD.values(), ids=BAD)
def test_a_row_that_lacks_something_is_named_without_its_keys(members):
    found = plan(json.dumps([wipe_keys("04000000000001"), members]))
    assert len(found.new) == 1
    (bad,) = found.bad
    assert bad.place == "entry 2"
    assert not any(key in bad.reason.lower() for key in (*BOLT_KEYS, "x" * 32))


def test_no_source_shows_the_key_it_was_given():
    assert BOLT_KEYS[1] not in repr(Boltcards(DECRYPT_KEY)).lower()


# ---- the purpose ----------------------------------------------------------------------------


def test_an_imported_card_is_moved_to_our_keys():
    workshop = Workshop(bolt_card(), WRITING)
    (tag,) = plan(json.dumps(wipe_keys(counter=9))).new
    workshop.journal.put(tag)
    result = provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    assert (result.uid, result.generation.key_version) == (UID, 5)
    assert workshop.tap().generation == result.generation
    assert not {bytes.fromhex(key) for key in BOLT_KEYS} & set(workshop.keys())


def test_a_tag_that_was_moved_is_not_given_its_old_keys_back():
    workshop = Workshop(bolt_card(), WRITING)
    text = json.dumps(wipe_keys())
    (tag,) = plan(text).new
    workshop.journal.put(tag)
    provision(workshop.bench(), PROFILE, origin=Origin.ANY)
    again = plan(text, journal=workshop.journal)
    assert again.bad == (BadRow("entry 1", f"tag {UID} is in the vault with other keys"),)
    assert workshop.journal.find(UID).generation == Generation(5, 2)
