"""Displays show what happened, and nothing that is secret."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import ntag424_provisioning
import pytest
from ntag424_provisioning.station import LabelTemplate, summary_text
from ntag424_provisioning.station import _events as events
from ntag424_provisioning.station._json_display import JsonDisplay, record_of
from ntag424_provisioning.station._plain_display import Bell, PlainDisplay
from ntag424_provisioning.station._rich_display import RichDisplay
from ntag424_provisioning.station._score import Score
from ntag424_provisioning.station._words import line
from rich.console import Console

from tests.provisioning.station.trays import ForeignChip, Hall, Laid, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")


@pytest.fixture(scope="module")
def eventful():
    """Have a run in which everything happens."""
    hall = Hall()
    tag, undone = blank(1), blank(2)
    lost = Laid(blank(3), 50, meanwhile=[None, blank(4), None])
    skipped = Laid(blank(5), 50, meanwhile=[hall.skip])
    dropped = Laid(blank(6), after=[hall.undo, None, hall.undo])
    unknown = Laid(blank(7), at_command=lambda _: setattr(hall.ledger, "is_up", False))
    laid = [tag, Laid(undone, after=[hall.undo]), tag, ForeignChip(), lost, skipped, dropped]

    def comes_back(event):
        hall.ledger.is_up |= isinstance(event, events.Stopping)

    hall.run([*laid, unknown], labels=BADGES, listen=comes_back, batch="monday", count=500)
    return hall


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def shown(display_of, hall):
    stream = io.StringIO()
    display = display_of(stream)
    for event in hall.events:
        display(event)
    return stream.getvalue()


def taps(hall):
    """What nobody may see: URLs of taps, as the events carry them."""
    return [event.result.url for event in hall.told(events.TagDone)]


# ---- lines ----------------------------------------------------------------------------------


def test_a_plain_display_writes_whole_lines_without_colours_and_movements(eventful):
    text = shown(lambda stream: PlainDisplay(stream, Clock()), eventful)
    assert text.endswith("\n")
    assert "\x1b" not in text
    assert "\r" not in text


@pytest.mark.parametrize(
    "promise",
    [
        "batch monday, reader 1, 500 in all: first tag, please",
        f"✓ badge-0001  {uid_of(1)}",
        f"↷ badge-0001  {uid_of(1)}  laid down twice, counted once",
        f"? lay back badge-0002  {uid_of(2)} on reader 1: it is made blank",
        f"↶ badge-0002  {uid_of(2)}  is blank again, its label free",
        "✗ 04FFFFFFFFFF01  is as it was: this is no NTAG 424 DNA",
        "Lay an NTAG 424 DNA, or an NTAG 424 DNA TagTamper, on the reader.",
        f"! badge-0002  {uid_of(3)}  put it back, nothing is lost: it was removed too early at",
        "removed too early at step 3 of 7, key 3",
        f"lay back badge-0002  {uid_of(3)}: this is another tag, and nothing was sent to it",
        f"! badge-0003  {uid_of(5)}  is not finished",
        "stays as it is",
        "next tag, please",
        f"! badge-0005  {uid_of(7)}  works, but is not enrolled: the ledger is away.",
        f"✓ badge-0005  {uid_of(7)}  done after all",
    ],
)
def test_a_plain_display_says(eventful, promise):
    assert promise in shown(lambda stream: PlainDisplay(stream, Clock()), eventful)


@pytest.mark.parametrize(
    "kind", [PlainDisplay, JsonDisplay, RichDisplay], ids=lambda k: k.__name__
)
def test_no_display_shows_a_tap(eventful, kind):
    assert all("m=" in url for url in taps(eventful))
    text = shown(lambda stream: display(kind, stream), eventful)
    assert [url for url in taps(eventful) if url.split("m=")[1] in text] == []


def display(kind, stream):
    if kind is JsonDisplay:
        return JsonDisplay(stream)
    if kind is PlainDisplay:
        return PlainDisplay(stream, Clock())
    return RichDisplay(Console(file=stream, force_terminal=True), Clock())


# ---- JSON -----------------------------------------------------------------------------------


def test_every_event_is_one_object_with_its_name(eventful):
    records = [json.loads(text) for text in shown(JsonDisplay, eventful).splitlines()]
    assert len(records) == len(eventful.events)
    assert [records[0]["event"], records[-1]["event"]] == ["run-began", "run-ended"]


def test_a_tag_that_is_done_says_its_life(eventful):
    record = record_of(eventful.told(events.TagDone)[0])
    del record["seconds"]
    assert record == {
        "event": "tag-done",
        "reader": "reader 1",
        "uid": str(uid_of(1)),
        "label": "badge-0001",
        "key_version": 1,
        "epoch": 1,
        "counter": 2,
    }


def test_a_failure_says_what_and_what_to_do(eventful):
    record = record_of(eventful.told(events.TagFailed)[0])
    assert record["error"].startswith("this is no NTAG 424 DNA")
    assert record["hint"].startswith("Lay an NTAG 424 DNA")


def test_the_last_object_says_how_it_ended(eventful):
    record = record_of(eventful.events[-1])
    assert (record["done"], record["already_ours"], record["exit"]) == (4, 0, 6)
    assert [left["uid"] for left in record["in_doubt"]] == [str(uid_of(5))]
    assert record["reason"] == "quit"


def test_a_step_is_named(eventful):
    record = record_of(eventful.told(events.StepBegan)[0])
    assert set(record) == {"event", "reader", "uid", "step", "of", "text"}


# ---- the end --------------------------------------------------------------------------------


def test_the_summary_names_every_tag_that_needs_somebody(eventful):
    text = summary_text(eventful.told(events.RunEnded)[0].summary)
    assert "done          4, in" in text
    assert "  04FFFFFFFFFF01  this is no NTAG 424 DNA" in text
    assert f"  badge-0003  {uid_of(5)}  tag {uid_of(5)} is not finished" in text
    assert 'run "ntag424 repair"' in text


# ---- bells ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rings"),
    [
        (events.TagDone, 1),
        (events.Duplicate, 1),
        (events.TagUndone, 1),
        (events.TagFailed, 2),
        (events.TagInDoubt, 2),
        (events.TagNotEnrolled, 2),
        (events.LostInWork, 2),
        (events.WrongTagBack, 2),
        (events.TagCame, 0),
        (events.StepBegan, 0),
        (events.RunEnded, 0),
        (events.Stopping, 0),
    ],
)
def test_it_rings_once_for_go_on_and_twice_for_look(eventful, kind, rings):
    stream = io.StringIO()
    Bell(stream)(eventful.told(kind)[0])
    assert stream.getvalue() == "\a" * rings


# ---- counting -------------------------------------------------------------------------------


def done_at(score, clock, number, seconds):
    clock.now += seconds
    score.hear(events.TagDone("reader", uid_of(number), "", None, 0.5))


def test_the_rate_and_the_time_left_follow_from_the_tags_of_late():
    clock = Clock()
    score = Score(clock)
    score.hear(events.RunBegan("", ("reader",), 10, 100))
    for number in range(30):
        done_at(score, clock, number, 12)
    assert (score.done, round(score.per_hour)) == (40, 300)
    assert round(score.seconds_left) == 60 * 12


def test_nobody_can_tell_how_long_it_takes_before_the_first_is_done():
    score = Score(Clock())
    score.hear(events.RunBegan("", ("reader",), 0, 100))
    assert (score.per_hour, score.seconds_left) == (0, None)


def test_what_was_undone_is_not_counted(eventful):
    score = Score(Clock())
    for event in eventful.events:
        score.hear(event)
    assert (score.done, score.troubled) == (4, 2)


# ---- the screen -----------------------------------------------------------------------------


def screen_of(hall, width, height):
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True
    )
    display = RichDisplay(console, Clock())
    for event in hall.events:
        display(event)
    with console.capture() as captured:
        console.print(display)
    return re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()


def test_a_screen_shows_counts_the_bar_and_what_happened_last(eventful):
    text = "\n".join(screen_of(eventful, 100, 30))
    assert "monday  reader 1" in text
    assert "✓ 4   ✗ 2   ↷ 0 already ours" in text
    assert "4/500" in text
    assert "put it back, nothing is lost" in text
    assert "[q] stop after this" in text


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (40, 12), (20, 6), (5, 3), (1, 1)])
def test_a_screen_fits_whatever_size_it_has(eventful, size):
    width, height = size
    lines = screen_of(eventful, width, height)
    assert max(len(text) for text in lines) <= width
    assert len(lines) <= height


def test_what_happened_last_is_what_is_left_on_a_small_screen(eventful):
    lines = screen_of(eventful, 80, 8)
    last = [line(event) for event in eventful.events if line(event)][-1]
    assert any(text.strip() == last[:80].strip() for text in lines)


def test_what_is_to_be_done_at_a_reader_is_never_cut_off():
    hall = Hall()
    hall.run([ForeignChip()])
    text = " ".join(each.strip() for each in screen_of(hall, 60, 24))
    assert "Lay an NTAG 424 DNA, or an NTAG 424 DNA TagTamper, on the reader." in text


def test_several_readers_have_a_line_each():
    hall = Hall()
    hall.run([blank(1)], [blank(2)])
    *_, one, two, _ = screen_of(hall, 80, 24)
    assert ("reader 1:" in one, "reader 2:" in two) == (True, True)


def test_nothing_is_loaded_for_drawing_where_nothing_is_drawn():
    script = "import sys, ntag424_provisioning.station.seating; sys.exit('rich' in sys.modules)"
    room = Path(ntag424_provisioning.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(room), *sys.path])}
    assert (
        subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode
        == 0
    )
