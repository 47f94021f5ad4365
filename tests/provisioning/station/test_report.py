"""The report holds what happened, whole lines of it, whatever ended the program."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.station import Report
from ntag424_provisioning.station._durable import DurableLines
from ntag424_provisioning.station._report import Begun
from ntag424_provisioning.station._rows import Row, RowOutcome

from ntag424 import Generation
from tests.provisioning.station.reports import rows_of
from tests.provisioning.station.trays import uid_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, TWO = uid_of(1), uid_of(2)

both_forms = pytest.mark.parametrize("name", ["report.csv", "report.jsonl"])


def row(uid, outcome=RowOutcome.DONE, label="", **more):
    return Row(NOON, uid, label, outcome, **more)


def write(path, *rows):
    with Report(path) as report:
        for each in rows:
            report.add(each)


def history(path):
    with Report(path) as report:
        return report.history


@both_forms
def test_a_row_says_all_of_it(tmp_path, name):
    path = tmp_path / name
    write(path, row(ONE, label='a "b", c', generation=Generation(2, 3), counter=7, seconds=0.5))
    told = {column: str(cell) for column, cell in rows_of(path)[0].items()}
    assert told | {"error": ""} == {
        "time": "2026-11-21T12:00:00+00:00",
        "uid": str(ONE),
        "label": 'a "b", c',
        "outcome": "done",
        "key_version": "2",
        "epoch": "3",
        "counter": "7",
        "seconds": "0.5",
        "error": "",
    }


@both_forms
def test_what_was_written_is_read(tmp_path, name):
    path = tmp_path / name
    write(path, row(ONE, label="anna", generation=Generation(1, 1)), row(TWO, label="bert"))
    found = history(path)
    assert found.labels == {ONE: "anna", TWO: "bert"}
    assert found.done == {ONE: Generation(1, 1), TWO: None}


@both_forms
def test_a_report_that_goes_on_has_one_header(tmp_path, name):
    path = tmp_path / name
    write(path, row(ONE))
    write(path, row(TWO))
    assert [told["uid"] for told in rows_of(path)] == [str(ONE), str(TWO)]


@both_forms
def test_a_line_that_was_torn_is_cut_off(tmp_path, name):
    path = tmp_path / name
    write(path, row(ONE), row(TWO))
    path.write_bytes(path.read_bytes()[:-9])
    write(path, row(TWO, label="again"))
    assert [told["label"] for told in rows_of(path)] == ["", "again"]


def test_a_header_that_was_torn_is_written_again(tmp_path):
    path = tmp_path / "report.csv"
    path.write_text("time,uid,la")
    write(path, row(ONE))
    assert [told["uid"] for told in rows_of(path)] == [str(ONE)]


@both_forms
def test_errors_of_several_lines_stay_in_theirs(tmp_path, name):
    path = tmp_path / name
    write(path, row(ONE, RowOutcome.FAILED, error="first\nsecond\u2028third"))
    assert [told["error"] for told in rows_of(path)] == ["first second third"]


def test_what_was_undone_is_not_done_and_its_label_free(tmp_path):
    path = tmp_path / "report.csv"
    write(path, row(ONE, label="anna"), row(ONE, RowOutcome.UNDONE, label="anna"))
    found = history(path)
    assert (found.done, found.labels) == ({}, {})


def test_what_failed_later_is_still_done(tmp_path):
    path = tmp_path / "report.csv"
    write(path, row(ONE, label="anna"), row(ONE, RowOutcome.FAILED))
    assert list(history(path).done) == [ONE]


@pytest.mark.parametrize("outcome", [RowOutcome.IN_DOUBT, RowOutcome.NOT_ENROLLED])
def test_what_is_not_finished_is_open_until_it_is(tmp_path, outcome):
    path = tmp_path / "report.csv"
    write(path, row(ONE, outcome, label="anna"))
    assert history(path).open == {ONE}
    write(path, row(ONE, label="anna"))
    assert history(path).open == set()


def test_what_was_laid_down_is_remembered_until_it_is_settled(tmp_path):
    path = tmp_path / "report.csv"
    with Report(path) as report:
        report.begin(Begun(ONE, "anna", Generation(1, 2)))
    assert history(path).begun == (Begun(ONE, "anna", Generation(1, 2)),)
    with Report(path) as report:
        report.settle()
    assert history(path).begun == ()
    assert [each.name for each in tmp_path.iterdir()] == ["report.csv"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("report.csv", "name,age\nanna,3\n"),
        ("report.csv", "time,uid,label,outcome,key_version,epoch,counter,seconds,error\nx\n"),
        ("report.csv", 'time,uid,label,outcome,key_version,epoch,counter,seconds,error\n"\n'),
        ("report.jsonl", "[]\n"),
        ("report.jsonl", '{"uid": "04"}\n'),
        ("report.jsonl", "\n"),
        ("report.jsonl", "\xff\n"),
    ],
)
def test_a_file_that_is_no_report_is_left_alone(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, "latin-1")
    with pytest.raises(SetupError):
        Report(path)
    assert path.read_text("latin-1") == text


@pytest.mark.parametrize("name", ["report.txt", "report", ".csv/report.csv"])
def test_a_name_that_is_none_of_a_report_is_refused(tmp_path, name):
    with pytest.raises(SetupError):
        Report(tmp_path / name)


def test_two_stations_do_not_write_one_report(tmp_path):
    path = tmp_path / "report.csv"
    with Report(path), pytest.raises(SetupError, match="another station"):
        Report(path)


def test_a_report_that_was_refused_can_be_opened_by_others(tmp_path):
    path = tmp_path / "report.csv"
    path.write_text("none\n")
    for _ in range(2):
        with pytest.raises(SetupError, match="line 1"):
            Report(path)


def test_a_note_beside_the_report_that_is_none_is_left_alone(tmp_path):
    path = tmp_path / "report.csv"
    path.with_name("report.csv.begun").write_text("{}\n")
    with pytest.raises(SetupError, match="not written by a station"):
        Report(path)
    assert path.with_name("report.csv.begun").read_text() == "{}\n"


def test_a_full_disk_is_said():
    # Every write to it fails as on a full disk.
    lines = DurableLines(Path("/dev/full"))
    with pytest.raises(SetupError, match="No space left"):
        lines.add("a line\n")
    lines.close()
