"""A disk that takes nothing: no tag is begun on it, and one that was begun can be finished."""

from __future__ import annotations

import os
from itertools import count

import pytest

from tests.provisioning.hard.errands import (
    ERRANDS,
    assert_as_wanted,
    finishing,
    is_begun,
    prepared,
)
from tests.provisioning.hard.mishaps import full, full_at, kill, user

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
USAGE, NO_TAG, IN_DOUBT = 2, 3, 6
#: The simulated tag fits, 2.3 kB; no page of the vault does.
A_TAG = 4096
#: The vault can be read, 300 kB; its log, in which it is written, cannot grow to what a job takes.
ROOMS = (A_TAG, 65_536, 200_000)
ORDINARY = os.geteuid() or 65534

every_errand = pytest.mark.parametrize("name", ERRANDS)


@pytest.fixture
def house(new_house, scratch):
    return new_house.twin(scratch / "house")


# ---- refused beforehand ---------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOMS)
@every_errand
def test_on_a_full_disk_a_job_is_refused_before_the_first_command(name, room, new_house, scratch):
    house = prepared(ERRANDS[name], new_house, scratch / "house")
    before = house.tag_path.read_bytes()
    # Would the tag hear a command, that would be the end of the process.
    ended = house.run(*ERRANDS[name].command(), mishaps=[full(room), kill(0)])
    assert (ended.code, house.tag_path.read_bytes()) == (USAGE, before), ended
    assert "the vault cannot be" in ended.stderr
    assert "hint: Make room on the disk" in ended.stderr or "hint: Check the disk" in ended.stderr


@pytest.fixture
def lent(house):
    """Have the house belong to somebody who is not root."""
    for path in (house.folder.parent, house.folder, *house.folder.rglob("*")):
        os.chown(path, ORDINARY, -1)
    yield house
    house.home.chmod(0o700)
    house.vault_path.chmod(0o600)


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o400), (0o500, 0o600), (0o500, 0o400)])
def test_with_a_read_only_vault_a_job_is_refused_before_the_first_command(lent, folder, file):
    before = lent.tag_path.read_bytes()
    lent.vault_path.chmod(file)
    lent.home.chmod(folder)
    mishaps = [kill(0), *([user(ORDINARY)] if os.geteuid() == 0 else [])]
    ended = lent.run(*ERRANDS["fresh"].command(), mishaps=mishaps)
    assert (ended.code, lent.tag_path.read_bytes()) == (USAGE, before), ended
    assert "hint: Let this user write to the vault and its folder." in ended.stderr


# ---- in the middle --------------------------------------------------------------------------


@every_errand
def test_a_tag_that_was_begun_before_the_disk_was_full_is_finished_when_there_is_room(
    name, new_house, scratch
):
    errand = ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    codes = set()
    for at in count() if NIGHTLY else range(2, 200, 8):
        scene = house.twin(scratch / str(at))
        ended = scene.run(*errand.command(), mishaps=[full_at(at, A_TAG)])
        if ended.code == 0:
            break
        codes.add(ended.code)
        assert ended.code == (IN_DOUBT if is_begun(scene) else USAGE), (at, ended)
        assert "the vault cannot be written" in ended.stderr
        repaired = scene.run(*finishing(scene, errand))
        assert repaired.code == 0, (at, repaired)
        assert_as_wanted(errand, scene)
        scene.burn_down()
    assert codes == {USAGE, IN_DOUBT}


def test_repair_on_a_full_disk_is_refused_before_the_first_command(house):
    command = ERRANDS["fresh"].command()
    assert house.run(*command, mishaps=[full_at(60, A_TAG)]).code == IN_DOUBT
    before = house.tag_path.read_bytes()
    ended = house.run(*finishing(house, ERRANDS["fresh"]), mishaps=[full(ROOMS[-1]), kill(0)])
    assert (ended.code, house.tag_path.read_bytes()) == (USAGE, before), ended
