"""The tear matrix: the tag leaves the reader, or the process dies, at every single command."""

from __future__ import annotations

from copy import deepcopy

import pytest

from ntag424.errors import Ntag424Error
from ntag424.testing import SimulatedTag
from ntag424_provisioning.engine.jobs import Origin, provision, repair, reset, rotate
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Stage
from tests.provisioning.engine.benches import (
    LRP_PROFILE,
    PROFILE,
    UID,
    TornLink,
    Workshop,
    two_versions,
)

PROFILES = {"aes": PROFILE, "lrp": LRP_PROFILE}


def fresh(workshop, profile):
    return provision(workshop.bench(), profile, origin=Origin.ANY)


class Provisioning:
    """A blank tag becomes a working one."""

    def prepare(self, workshop, profile):
        pass

    def run(self, bench, profile):
        return provision(bench, profile, origin=Origin.ANY)


class Again(Provisioning):
    """A tag in use gets another URL, and with it another life."""

    def prepare(self, workshop, profile):
        other = type(PROFILE.template)(PROFILE.template.text.replace("/t#", "/former#"))
        fresh(workshop, type(PROFILE)(other, irreversible=profile.irreversible))


class Rotation(Provisioning):
    """A tag in use moves to the next key version."""

    def prepare(self, workshop, profile):
        fresh(workshop, profile)
        workshop.keyring = two_versions()

    def run(self, bench, profile):
        return rotate(bench)


class Resetting(Provisioning):
    """A tag in use becomes blank."""

    def prepare(self, workshop, profile):
        fresh(workshop, profile)

    def run(self, bench, profile):
        return reset(bench)


JOBS = {"fresh": Provisioning(), "again": Again(), "rotate": Rotation(), "reset": Resetting()}


def torn_runs(job, profile, *, executed):
    """Cut the job off at command 0, 1, 2 ... until it is through before the cut."""
    prepared = Workshop(SimulatedTag.blank(UID))
    job.prepare(prepared, profile)
    cut_at = 0
    while True:
        workshop = deepcopy(prepared)
        link = TornLink(workshop.tag, cut_at=cut_at, executed=executed)
        try:
            job.run(workshop.bench(link), profile)
        except Ntag424Error as error:
            assert link.way.lost, error
            yield cut_at, workshop, error
        else:
            return
        cut_at += 1


def finish(workshop, job, profile):
    """Do what the program tells its user: repair; what was not begun is begun again."""
    known = workshop.journal.find(UID)
    if known is not None and known.stage in (Stage.WRITING, Stage.WRITTEN):
        return repair(workshop.bench())
    return job.run(workshop.bench(), profile)


every_tear = pytest.mark.parametrize("executed", [False, True], ids=["unsent", "unanswered"])
every_job = pytest.mark.parametrize("name", JOBS)
both_modes = pytest.mark.parametrize("mode", PROFILES)


@every_tear
@both_modes
@every_job
def test_repair_finishes_what_a_tear_at_any_command_left(name, mode, executed):
    job, profile, runs = JOBS[name], PROFILES[mode], 0
    for cut_at, workshop, _ in torn_runs(job, profile, executed=executed):
        finish(workshop, job, profile)
        assert_as_wanted(workshop, name), cut_at
        runs += 1
    assert runs > 40


def assert_as_wanted(workshop, name):
    known = workshop.journal.find(UID)
    assert [[bytes(one.key) for one in slot] for slot in known.slots] == [
        [key] for key in workshop.keys()
    ]
    assert known.attempts == (0,) * 5
    assert all(key.failures.total == 0 for key in workshop.memory.keys)
    if name == "reset":
        assert known.stage is Stage.BLANK
        assert workshop.keys() == [bytes(16)] * 5
    else:
        assert known.stage is Stage.READY
        workshop.tap()
