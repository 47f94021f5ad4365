"""Undoing the last tag: it is blank again, and its label is the next one's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station import LabelTemplate, Report, Rotation
from ntag424_provisioning.station._events import (
    LostInWork,
    NothingToUndo,
    TagCame,
    TagDone,
    TagFailed,
    TagUndone,
    UndoAsked,
    UndoDropped,
    WrongTagBack,
)

from ntag424 import Generation
from tests.provisioning.engine.benches import two_versions
from tests.provisioning.station.reports import rows_of
from tests.provisioning.station.trays import Hall, Laid, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")


@pytest.fixture
def hall():
    return Hall()


def keys(tag):
    return [bytes(key.value) for key in tag._card.memory.keys]


def test_the_tag_that_still_lies_there_is_blank_again(hall):
    tag = blank(1)
    summary = hall.run([Laid(tag, after=[hall.undo])], labels=BADGES)
    assert [event.uid for event in hall.told(UndoAsked)] == [uid_of(1)]
    assert [event.uid for event in hall.told(TagUndone)] == [uid_of(1)]
    assert keys(tag) == [bytes(16)] * 5
    assert hall.journal.find(uid_of(1)).stage is Stage.BLANK
    assert (summary.done, summary.exit) == (0, 0)


def test_its_label_is_that_of_the_next_tag(hall):
    hall.run([Laid(blank(1), after=[hall.undo]), blank(2)], labels=BADGES)
    assert hall.labels()[uid_of(2)] == "badge-0001"
    assert hall.journal.find(uid_of(1)).label == ""


def test_the_tag_is_waited_for(hall):
    tag = blank(1)
    laid = Laid(tag, after=[hall.undo, None, None])
    hall.run([laid], labels=BADGES)
    assert keys(tag) == [bytes(16)] * 5


def test_another_tag_is_not_made_blank_and_not_written(hall):
    other = blank(2)
    laid = Laid(blank(1), after=[hall.undo, None, other, other, None, None])
    hall.run([laid], labels=BADGES)
    assert [event.uid for event in hall.told(WrongTagBack)] == [uid_of(1)]
    assert other._card.memory == blank(2)._card.memory
    assert len(hall.told(TagUndone)) == 1


def test_pressed_twice_it_stays_as_it_is(hall):
    laid = Laid(blank(1), after=[hall.undo, None, hall.undo])
    summary = hall.run([laid, blank(2)], labels=BADGES)
    assert len(hall.told(UndoDropped)) == 1
    assert summary.done == 2


def test_the_tag_that_is_done_when_the_key_is_pressed_is_meant(hall):
    first, second = blank(1), blank(2)

    def pressed(index):
        if index == 20:
            hall.undo()

    summary = hall.run([first, Laid(second, at_command=pressed), first], labels=BADGES)
    assert [event.uid for event in hall.told(TagUndone)] == [uid_of(1)]
    assert (keys(first), summary.done) == ([bytes(16)] * 5, 1)


def test_what_was_undone_cannot_be_undone_again(hall):
    again = Laid(blank(2), at_command=lambda index: index == 5 and hall.undo())
    hall.run([Laid(blank(1), after=[hall.undo]), again], labels=BADGES)
    assert len(hall.told(TagUndone)) == 1
    assert len(hall.told(NothingToUndo)) == 1


def test_there_may_be_nothing_to_undo(hall):
    hall.run([Laid(blank(1), at_command=lambda index: index == 5 and hall.undo())])
    assert len(hall.told(NothingToUndo)) == 1
    assert len(hall.told(TagDone)) == 1


def test_a_tag_lost_while_it_is_undone_is_blank_when_it_is_back(hall):
    tag = blank(1)
    one_run = 86
    laid = Laid(tag, one_run + 55, after=[hall.undo], meanwhile=[None, None])
    hall.run([laid], labels=BADGES)
    assert len(hall.told(LostInWork)) == 1
    assert keys(tag) == [bytes(16)] * 5
    assert len(hall.told(TagUndone)) == 1


def test_it_can_be_written_again_and_begins_another_life(hall, tmp_path):
    tag = blank(1)
    path = tmp_path / "report.csv"
    with Report(path) as records:
        laid = [Laid(tag, after=[hall.undo]), blank(2), tag]
        summary = hall.run(laid, labels=BADGES, records=records)
    told = [(row["outcome"], row["label"], row["epoch"]) for row in rows_of(path)]
    assert told == [
        ("done", "badge-0001", "1"),
        ("undone", "badge-0001", "1"),
        ("done", "badge-0001", "1"),
        ("done", "badge-0002", "2"),
    ]
    assert summary.done == 2


def test_a_tag_that_was_moved_to_another_key_version_is_not_made_blank(hall):
    tag = blank(1)
    hall.run([tag], labels=BADGES)
    hall.keyring = two_versions()
    hall.run([Laid(tag, after=[hall.undo])], task=Rotation())
    assert len(hall.told(NothingToUndo)) == 1
    assert hall.generations() == {uid_of(1): Generation(2, 2)}


def test_a_tag_that_cannot_be_made_blank_is_as_it_was_and_no_longer_waited_for(hall):
    tag = blank(1)
    laid = Laid(tag, after=[hall.undo, lambda: spoil(tag)])
    hall.run([laid, blank(2)], labels=BADGES)
    assert [event.uid for event in hall.told(TagFailed)] == [uid_of(1)]
    assert [event.uid for event in hall.told(TagCame)][-1] == uid_of(2)


def spoil(tag):
    """Have somebody else change the keys meanwhile."""
    memory = tag._card.memory
    others = tuple(replace(key, value=b"\x99" * 16) for key in memory.keys)
    tag._card.memory = replace(memory, keys=others)
