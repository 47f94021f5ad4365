"""What a simulated tag may be called: nothing that leads out of its folder."""

from __future__ import annotations

import pytest
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.sim import Shelf, tag_name, tag_pattern

WRONG = [
    "",
    ".",
    "..",
    "../alice",
    "a/b",
    "/etc",
    "a.json",
    "a b",
    "-a",
    "a\n",
    "ä",
    "a\0",
    "a" * 65,
]


@pytest.mark.parametrize("name", ["a", "A-1", "tag_0001", "_", "0", "a" * 64])
def test_letters_digits_dash_and_underscore_are_a_name(name):
    assert tag_name(name) == name


@pytest.mark.parametrize("name", [*WRONG, "a*", "a?"])
def test_nothing_else_is_a_name(name):
    with pytest.raises(SetupError):
        tag_name(name)


@pytest.mark.parametrize("pattern", ["a", "*", "T-*", "T-000?", "?"])
def test_a_pattern_has_stars_and_question_marks_too(pattern):
    assert tag_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", [*WRONG, "[ab]", "../*", "*/*"])
def test_nothing_else_is_a_pattern(pattern):
    with pytest.raises(SetupError):
        tag_pattern(pattern)


@pytest.mark.parametrize("use", ["take", "facts", "remove"])
def test_a_path_is_refused_whatever_is_done_with_it(use, tmp_path):
    shelf = Shelf(tmp_path / "sim")
    with pytest.raises(SetupError):
        getattr(shelf, use)("../outside")
