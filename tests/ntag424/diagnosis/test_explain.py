"""Every mistake that people make with tags is called by its name."""

from __future__ import annotations

import pytest

from ntag424.diagnosis import Problem
from tests.ntag424.diagnosis.planted import PLANTED, explained


def each(planted):
    return pytest.mark.parametrize("planted", planted, ids=lambda planted: planted.name)


# ---- what is planted is found ---------------------------------------------------------------


@each(PLANTED)
def test_the_mistake_is_named(planted):
    assert planted.problem in [finding.problem for finding in explained(planted).findings]


def found(evidence, name):
    return getattr(evidence if hasattr(evidence, name) else evidence.sdm, name)


@each([planted for planted in PLANTED if planted.evidence is not None])
def test_the_evidence_is_what_is_on_the_tag(planted):
    evidence = explained(planted).evidence
    assert {name: found(evidence, name) for name in planted.evidence} == planted.evidence


@each([planted for planted in PLANTED if planted.evidence is None])
def test_there_is_no_evidence_where_no_mac_holds(planted):
    assert explained(planted).evidence is None


@each(PLANTED)
def test_a_url_with_a_mistake_does_not_verify(planted):
    assert not explained(planted).verifies


def test_every_problem_there_is_is_planted():
    assert {planted.problem for planted in PLANTED} == set(Problem)


@each(PLANTED)
def test_nothing_else_is_named(planted):
    named = [finding.problem for finding in explained(planted).findings]
    assert sorted(one.name for one in named) == sorted(
        one.name for one in (planted.problem, *planted.also)
    )
