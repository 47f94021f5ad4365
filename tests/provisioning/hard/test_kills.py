"""A process that is killed at any command, before or after, leaves a tag that can be finished."""

from __future__ import annotations

import os
from functools import partial

import pytest
from ntag424_provisioning.model.known_tag import ATTEMPTS

from tests.provisioning.hard.errands import (
    ERRANDS,
    LRP_ERRANDS,
    SILENT_ERRANDS,
    assert_as_wanted,
    ends,
    finishing,
    prepared,
    repair,
)
from tests.provisioning.hard.mishaps import interrupt, kill, kill_at_instruction

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SIGKILLED, INTERRUPTED, WRONG_KEY = -9, 130, 4
AUTHENTICATION, CHANGE_KEY = 0x71, 0xC4
MATRIX = ERRANDS | ({f"silent {n}": e for n, e in SILENT_ERRANDS.items()} if NIGHTLY else {})
#: Of some ninety commands: a gate kills at every one in two errands, a night in all.
SOME, EVERY = range(0, 200, 6), None
CUTS = {name: EVERY if NIGHTLY or name in {"fresh", "rotate"} else SOME for name in MATRIX}
FEW_CUTS = {
    name: EVERY if NIGHTLY else range(5 + 4 * number, 200, 24)
    for number, name in enumerate(ERRANDS)
}

every_end = pytest.mark.parametrize("executed", [False, True], ids=["unsent", "executed"])
every_errand = pytest.mark.parametrize("name", ERRANDS)


def killed(house, folder, command, cuts, *, executed):
    mishap = partial(kill, executed=executed)
    return ends(house, folder, *command, mishap=mishap, code=SIGKILLED, cuts=cuts)


@every_end
@pytest.mark.parametrize("name", MATRIX)
def test_whatever_command_a_process_is_killed_at_the_next_one_finishes(
    name, executed, new_house, scratch
):
    errand = MATRIX[name]
    house = prepared(errand, new_house, scratch / "before")
    untouched = house.state()
    for at, scene in killed(house, scratch, errand.command(), CUTS[name], executed=executed):
        if at % 6 and not NIGHTLY and scene.state() == untouched:
            continue  # what comes next does not know that anything was before
        ended = scene.run(*finishing(scene, errand))
        assert ended.code == 0, (at, ended)
        assert_as_wanted(errand, scene)


# LRP takes both sides ten times as long: the nights look at every command, a gate at some.
@every_end
@every_errand
def test_a_process_that_is_killed_in_lrp_mode_is_finished_by_the_next_one(
    name, executed, new_house, scratch
):
    errand = LRP_ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    cuts = FEW_CUTS[name]
    for at, scene in killed(house, scratch, errand.command(), cuts, executed=executed):
        ended = scene.run(*finishing(scene, errand))
        assert ended.code == 0, (at, ended)
        assert_as_wanted(errand, scene)


@every_end
@pytest.mark.parametrize("name", SILENT_ERRANDS)
def test_where_no_version_byte_tells_which_key_it_is_the_journal_does(
    name, executed, new_house, scratch
):
    errand = SILENT_ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    mishap = partial(kill_at_instruction, CHANGE_KEY, executed=executed)
    for number, scene in ends(
        house, scratch, *errand.command(), mishap=mishap, code=SIGKILLED, cuts=range(1, 6)
    ):
        ended = scene.run(*finishing(scene, errand))
        assert ended.code == 0, (number, ended)
        assert_as_wanted(errand, scene)


@every_end
@every_errand
def test_a_repair_that_is_killed_too_is_finished_by_another(name, executed, new_house, scratch):
    errand = ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    for at, scene in killed(house, scratch, errand.command(), FEW_CUTS[name], executed=executed):
        scene.run(*finishing(scene, errand), mishaps=[kill(at * 2 // 3, executed=not executed)])
        ended = scene.run(*finishing(scene, errand))
        assert ended.code == 0, (at, ended)
        assert_as_wanted(errand, scene)


@every_end
@every_errand
def test_a_process_that_is_interrupted_by_ctrl_c_is_finished_by_the_next_one(
    name, executed, new_house, scratch
):
    errand = ERRANDS[name]
    house = prepared(errand, new_house, scratch / "before")
    mishap, cuts = partial(interrupt, executed=executed), FEW_CUTS[name]
    for at, scene in ends(
        house, scratch, *errand.command(), mishap=mishap, code=INTERRUPTED, cuts=cuts
    ):
        ended = scene.run(*finishing(scene, errand))
        assert ended.code == 0, (at, ended)
        assert_as_wanted(errand, scene)


def test_kills_while_a_key_is_proven_end_long_before_the_tag_locks_it(new_house, scratch):
    house = new_house.twin(scratch / "house")
    house.run(*ERRANDS["fresh"].command(), mishaps=[kill_at_instruction(CHANGE_KEY)])
    codes = [
        house.run(*repair(), mishaps=[kill_at_instruction(AUTHENTICATION)]).code
        for _ in range(ATTEMPTS + 1)
    ]
    # One was spent by the job itself, and paid back by its success.
    assert codes == [SIGKILLED] * ATTEMPTS + [WRONG_KEY]
    assert house.facts()["failed_authentications"] == [ATTEMPTS, 0, 0, 0, 0]


def test_a_tag_whose_attempts_are_spent_is_finished_when_more_are_allowed(new_house, scratch):
    house = new_house.twin(scratch / "house")
    house.run(*ERRANDS["fresh"].command(), mishaps=[kill_at_instruction(CHANGE_KEY)])
    while house.run(*repair(), mishaps=[kill_at_instruction(AUTHENTICATION)]).code == SIGKILLED:
        pass
    ended = house.run(*repair(), "--more-attempts")
    assert ended.code == 0, ended
    ERRANDS["fresh"].assert_done(ERRANDS["fresh"].look(house))


def test_what_a_kill_leaves_is_half_written(new_house, scratch):
    """Else there would be nothing to repair in these tests."""
    versions = [
        tuple(scene.facts()["key_versions"])
        for _, scene in killed(
            new_house, scratch, ERRANDS["fresh"].command(), range(40, 60), executed=True
        )
    ]
    assert (0, 1, 1, 0, 0) in versions
