"""The tear matrix: the tag leaves the reader, or the process dies, at every single command."""

from __future__ import annotations

import os
from contextlib import suppress
from copy import deepcopy
from itertools import count

import pytest
from ntag424_provisioning.engine.jobs import Origin, UrlChange, provision, repair, reset, rotate
from ntag424_provisioning.engine.workpiece import RUN_LIMIT
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Stage

from ntag424.errors import NoTagError, TransportError
from ntag424.testing import SimulatedTag
from tests.provisioning.engine.benches import (
    LRP_PROFILE,
    PROFILE,
    UID,
    MuteLink,
    TornLink,
    Workshop,
    two_versions,
)

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def fresh(workshop, profile):
    return provision(workshop.bench(), profile, origin=Origin.ANY)


class Provisioning:
    """A blank tag becomes a working one."""

    def prepare(self, workshop, profile):
        pass

    def run(self, bench, profile):
        return provision(bench, profile, origin=Origin.ANY, url_change=UrlChange.MEANT)


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


def torn_runs(job, profile, *, executed, cuts=None):
    """Cut the job off at command 0, 1, 2 ... until it is through before the cut."""
    prepared = Workshop(SimulatedTag.blank(UID))
    job.prepare(prepared, profile)
    for cut_at in count() if cuts is None else cuts:
        workshop = deepcopy(prepared)
        link = TornLink(workshop.tag, cut_at=cut_at, executed=executed)
        try:
            job.run(workshop.bench(link), profile)
        except (TransportError, InDoubtError, NoTagError):
            yield cut_at, workshop
        if not link.way.lost:
            return


def finish(workshop, job, profile, link=None):
    """Do what the program tells its user: repair; what was not begun is begun again."""
    known = workshop.journal.find(UID)
    if known is not None and known.stage in (Stage.WRITING, Stage.WRITTEN):
        return repair(workshop.bench(link))
    return job.run(workshop.bench(link), profile)


every_tear = pytest.mark.parametrize("executed", [False, True], ids=["unsent", "unanswered"])
every_job = pytest.mark.parametrize("name", JOBS)


@every_tear
@every_job
def test_repair_finishes_what_a_tear_at_any_command_left(name, executed):
    runs = 0
    for _, workshop in torn_runs(JOBS[name], PROFILE, executed=executed):
        finish(workshop, JOBS[name], PROFILE)
        assert_as_wanted(workshop, name)
        runs += 1
    assert runs > 40


# LRP takes both sides ten times as long: the nights look at every command, a gate at some.
@every_tear
@every_job
def test_repair_finishes_what_a_tear_left_in_lrp_mode(name, executed):
    cuts = None if NIGHTLY else range(int(executed) * 3, 200, 7)
    for _, workshop in torn_runs(JOBS[name], LRP_PROFILE, executed=executed, cuts=cuts):
        finish(workshop, JOBS[name], LRP_PROFILE)
        assert_as_wanted(workshop, name)


@every_tear
@every_job
def test_a_second_tear_during_the_repair_is_finished_too(name, executed):
    for cut_at, workshop in torn_runs(JOBS[name], PROFILE, executed=executed):
        second = TornLink(workshop.tag, cut_at=cut_at // 2, executed=not executed)
        with suppress(TransportError, InDoubtError, NoTagError):
            finish(workshop, JOBS[name], PROFILE, second)
        finish(workshop, JOBS[name], PROFILE)
        assert_as_wanted(workshop, name)


@every_tear
@every_job
def test_with_nothing_but_tag_and_master_keys_a_torn_tag_works_again(name, executed):
    for _, workshop in torn_runs(JOBS[name], PROFILE, executed=executed):
        workshop.journal.records.clear()
        repair(workshop.bench(), PROFILE, origin=Origin.ANY)
        assert_as_wanted(workshop, "fresh")


@every_tear
@every_job
def test_a_tag_that_does_not_tell_its_key_versions_is_finished_within_the_budget(name, executed):
    for _, workshop in torn_runs(JOBS[name], PROFILE, executed=executed):
        mute = MuteLink(workshop.tag)
        finish(workshop, JOBS[name], PROFILE, mute)
        assert mute.first_parts_without_success <= RUN_LIMIT
        assert_as_wanted(workshop, name)


def assert_as_wanted(workshop, name):
    known = workshop.journal.find(UID)
    on_the_tag = workshop.keys()
    assert [[bytes(one.key) for one in slot] for slot in known.slots] == [[k] for k in on_the_tag]
    assert known.attempts == (0,) * 5
    if name == "reset":
        assert known.stage is Stage.BLANK
        assert on_the_tag == [bytes(16)] * 5
    else:
        assert known.stage is Stage.READY
        workshop.tap()
