"""The life of key versions: drawn, rotated, accepted, retired, and never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.model import Goal, KnownTag, Stage

from ntag424 import Generation, KeyState
from tests.provisioning.vault.furniture import Place, master, stored, tag, uid

ACTIVE, ACCEPTING, RETIRED = KeyState


def states(vault):
    return {version.ordinal: version.state for version in vault.versions()}


@pytest.fixture
def empty(tmp_path):
    with Place(tmp_path).made().open() as vault:
        yield vault


def test_the_first_version_is_active(empty):
    empty.add_version(master(1))
    assert states(empty) == {1: ACTIVE}


def test_keys_that_tags_have_already_are_accepted_beside_the_active_ones(vault):
    added = vault.add_version(master(2))
    assert (added.ordinal, states(vault)) == (2, {1: ACTIVE, 2: ACCEPTING})


def test_rotating_makes_a_new_version_active_and_accepts_the_former(vault):
    vault.rotate(master(2))
    vault.rotate(master(3))
    assert states(vault) == {1: ACCEPTING, 2: ACCEPTING, 3: ACTIVE}


def test_versions_are_the_same_after_a_restart(place):
    with place.open() as vault:
        vault.rotate(master(2, system_id=b"two"))
        before = vault.versions()
    with place.open() as vault:
        assert vault.versions() == before


def test_the_keyring_is_the_librarys(vault):
    vault.rotate(master(2))
    vault.set_state(1, RETIRED)
    keyring = vault.keyring()
    assert (keyring.active.scheme, keyring.accepted(1)) == (master(2).scheme, None)


def test_another_process_sees_a_rotation_at_once(place, vault):
    with place.open() as other:
        other.rotate(master(2))
    assert states(vault) == {1: ACCEPTING, 2: ACTIVE}


def test_an_accepted_version_is_retired_and_comes_back(vault):
    vault.rotate(master(2))
    assert vault.set_state(1, RETIRED).state is RETIRED
    assert vault.set_state(1, ACCEPTING).state is ACCEPTING


def test_a_former_version_becomes_active_again_and_the_active_one_is_accepted(vault):
    vault.rotate(master(2))
    vault.set_state(1, ACTIVE)
    assert states(vault) == {1: ACTIVE, 2: ACCEPTING}


@pytest.mark.parametrize("state", [ACCEPTING, RETIRED])
def test_a_vault_has_an_active_version_always(vault, state):
    with pytest.raises(RefusedError, match="is the active one"):
        vault.set_state(1, state)
    assert states(vault) == {1: ACTIVE}


def test_a_version_that_is_not_there_has_no_state(vault):
    with pytest.raises(SetupError, match="no key version 7"):
        vault.set_state(7, ACCEPTING)


def test_keys_that_are_there_already_are_refused(vault):
    with pytest.raises(RefusedError, match="same MAC key"):
        vault.rotate(master(1))
    assert states(vault) == {1: ACTIVE}


def test_the_last_ordinal_is_255(tmp_path):
    place = Place(tmp_path).made(stored(255, master(1), ACTIVE))
    with place.open() as vault, pytest.raises(RefusedError, match="no ordinal"):
        vault.rotate(master(2))


def test_a_new_ordinal_is_higher_than_all_before(tmp_path):
    place = Place(tmp_path).made(stored(9, master(1), ACTIVE), stored(3, master(2)))
    with place.open() as vault:
        assert vault.rotate(master(3)).ordinal == 10


# ---- tags of a version ----------------------------------------------------------------------


def test_tags_are_counted_by_the_version_they_live_under(vault):
    vault.put(tag(1))
    vault.put(tag(2, stage=Stage.WRITING))
    vault.put(tag(3, key_version=2))
    assert [vault.tags_of(ordinal) for ordinal in (1, 2, 3)] == [2, 1, 0]


def test_blank_tags_live_under_no_version(vault):
    vault.put(KnownTag.blank(uid(1)))
    vault.put(replace(KnownTag.blank(uid(2)), goal=Goal(None, Generation(1, 1))))
    assert vault.tags_of(1) == 0


def test_a_tag_that_is_being_reset_still_lives_under_its_version(vault):
    vault.put(replace(tag(1, stage=Stage.WRITING), goal=Goal(None, Generation(1, 1))))
    assert vault.tags_of(1) == 1


# ---- backups --------------------------------------------------------------------------------


def test_a_vault_without_keys_has_no_backup(empty):
    assert not empty.backup_is_confirmed


def test_keys_that_were_just_drawn_have_no_backup(empty):
    empty.rotate(master(1))
    assert not empty.backup_is_confirmed


def test_a_new_version_takes_the_confirmation_away(vault):
    assert vault.backup_is_confirmed
    vault.rotate(master(2))
    assert not vault.backup_is_confirmed


def test_a_change_of_state_leaves_the_confirmation(vault):
    vault.rotate(master(2))
    vault.set_state(1, ACTIVE)
    assert [version.is_backed_up for version in vault.versions()] == [True, False]
