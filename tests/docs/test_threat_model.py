"""The page of attacks names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_the_test_is_there(file, test):
    text = (ROOT / file).read_text()
    assert f"def {test}(" in text if test else "def test_" in text


def test_every_attack_is_on_the_page():
    attacks = {f"tests/attacks/{path.name}" for path in (ROOT / "tests/attacks").glob("test_*.py")}
    assert attacks <= {file for file, _ in NAMED}
