"""The page about the station shows what happens, and leaves nothing out."""

from __future__ import annotations

import re

import pytest
from ntag424_provisioning.station import _events as events
from ntag424_provisioning.station._json_display import record_of
from ntag424_provisioning.station._rows import COLUMNS, RowOutcome

from tests.docs import messages
from tests.docs.blocks import ROOT
from tests.docs.shells import Shells, commands, marked, prints

PAGE = ROOT / "docs/howto/station.md"


def table(head):
    """Give the first cells of the table with this head."""
    text = PAGE.read_text("utf-8").split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def kinds(kind=events.Event):
    for each in kind.__subclasses__():
        if "Never emitted itself." not in each.__doc__:
            yield each
        yield from kinds(each)


def test_what_is_shown_happens(tmp_path):
    typed = [each for block in marked(PAGE, "shells") for each in commands(block)]
    assert len(typed) > 5
    unlike = []
    with Shells(tmp_path) as shells:
        for prompt, command, promised in typed:
            printed, code = shells.run(prompt, command)
            if not prints(promised, printed) or code != 0:
                unlike.append((command, code, printed))
    assert unlike == []


def test_every_column_is_explained():
    assert table("column") == list(COLUMNS)


def test_every_outcome_is_explained():
    assert table("outcome") == list(RowOutcome)


def test_every_event_is_explained():
    names = re.compile("(?<!^)(?=[A-Z])")
    assert set(table("event")) == {names.sub("-", each.__name__).lower() for each in kinds()}


def test_the_record_of_an_event_is_called_as_on_the_page():
    assert record_of(events.NothingToUndo()) == {"event": "nothing-to-undo"}


@pytest.mark.parametrize("line", table("line"))
def test_every_line_on_the_page_is_one_that_the_program_says(line):
    assert messages.says(line)
