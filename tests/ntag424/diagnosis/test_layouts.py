"""Whatever the layout: one mistake is one finding, of the right kind and numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ntag424.diagnosis import explain
from tests.ntag424.diagnosis.mistakes import KINDS, layouts

#: Layouts that each kind of mistake is made in: few in a gate, over 300 in a nightly run.
LAYOUTS = 6 if settings().max_examples <= 100 else settings().max_examples // 6
many_layouts = settings(
    max_examples=LAYOUTS,
    # Most mistakes are not possible in every layout.
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def numbers(findings):
    return [int(number) for one in findings for number in re.findall(r"\b\d+\b", one.text)]


@each_kind
@many_layouts
@given(st.data())
def test_one_mistake_is_one_finding_of_the_right_kind_and_numbers(kind, data):
    mistaken = data.draw(kind())
    findings = explain(mistaken.url, [mistaken.verifier]).findings
    told = [one.problem for one in findings], numbers(findings)
    assert told == ([mistaken.problem], mistaken.numbers)


@many_layouts
@given(st.sampled_from(KINDS).flatmap(lambda kind: kind()))
def test_the_offsets_that_are_found_are_those_in_the_settings_of_the_tag(mistaken):
    assume(mistaken.settings is not None)
    found = explain(mistaken.url, [mistaken.verifier]).evidence.sdm
    assert (found.mirror, found.mac_offset) == (
        mistaken.settings.mirror,
        mistaken.settings.mac_offset,
    )


@many_layouts
@given(layouts())
def test_a_healthy_tap_of_any_layout_has_no_finding(layout):
    explanation = explain(layout.tag.url(), [layout.verifier])
    assert (explanation.verifies, explanation.findings) == (True, ())


@many_layouts
@given(st.sampled_from(KINDS).flatmap(lambda kind: kind()))
def test_explain_never_says_verifies_where_verify_says_no(mistaken):
    explanation = explain(mistaken.url, [mistaken.verifier])
    said = str(explanation).startswith("The URL verifies")
    assert (explanation.verifies, said) == (False, False)
