"""Everything is checked before anything is put down."""

from __future__ import annotations

import pytest
from ntag424_provisioning.imports import BadRow, Boltcards, plan_import, read_rows
from ntag424_provisioning.model import KnownTag, SlotKey

from ntag424 import Key
from tests.provisioning.engine.benches import MemoryJournal
from tests.provisioning.imports.foreign import BOLT_KEYS, OTHER, UID, as_csv, hub_row


@pytest.fixture
def journal():
    return MemoryJournal()


def plan(journal, *rows):
    return plan_import(read_rows(as_csv(*rows).encode()), Boltcards(), journal)


def test_a_plan_puts_nothing_down(journal):
    assert len(plan(journal, hub_row()).new) == 1
    assert journal.puts == 0


def test_a_tag_that_is_in_the_file_twice_is_bad_the_second_time(journal):
    found = plan(journal, hub_row(), hub_row(OTHER), hub_row(last_counter_value=99))
    assert [tag.uid for tag in found.new] == [UID, OTHER]
    assert found.bad == (BadRow("line 4", f"tag {UID} is in the file twice, first in line 2"),)


def test_a_tag_that_was_imported_before_is_left_alone(journal):
    (tag,) = plan(journal, hub_row()).new
    journal.put(tag)
    again = plan(journal, hub_row())
    assert (again.new, [known.uid for known in again.standing], again.bad) == ((), [UID], ())


def test_a_tag_whose_keys_were_proven_since_is_left_alone(journal):
    (tag,) = plan(journal, hub_row()).new
    for number in range(5):
        tag = tag.narrow(number, tag.slots[number][-1])
    journal.put(tag)
    assert len(plan(journal, hub_row()).standing) == 1


def other_key(tag):
    return tag.narrow(0, SlotKey(Key(bytes(range(16))), 1))


def more_keys(tag):
    return tag.widen(2, SlotKey(Key(bytes(range(16))), 1))


@pytest.mark.parametrize("change", [other_key, more_keys, lambda tag: KnownTag.blank(tag.uid)])
def test_a_tag_that_is_in_the_vault_with_other_keys_is_bad(journal, change):
    (tag,) = plan(journal, hub_row()).new
    journal.put(change(tag))
    found = plan(journal, hub_row())
    assert (found.new, found.standing) == ((), ())
    assert found.bad == (BadRow("line 2", f"tag {UID} is in the vault with other keys"),)


def test_no_plan_shows_a_key(journal):
    told = repr(plan(journal, hub_row(), hub_row(OTHER, key0_auth=""))).lower()
    assert not any(key in told for key in BOLT_KEYS)
