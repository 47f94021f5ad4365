"""A run that was killed goes on where it stopped: same journal, same report, nothing twice."""

from __future__ import annotations

import pytest
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import repair
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station import LabelTemplate, Manifest, Report, StopReason
from ntag424_provisioning.station._events import RunBegan
from ntag424_provisioning.station._report import Begun

from tests.provisioning.engine.benches import MemoryJournal, TornLink
from tests.provisioning.station.reports import held_by, ledger_of, of_outcome
from tests.provisioning.station.trays import Hall, Laid, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")
TAGS = 2


class Killed(BaseException):
    """The process is gone."""


class Fuse:
    """Kills the process at the operation *at* that is to reach the disk, before it or after."""

    def __init__(self, at, *, executed):
        self.left = at
        self.executed = executed

    def __call__(self, operation):
        def fused(*arguments):
            self.left -= 1
            if self.left == -1 and not self.executed:
                raise Killed
            operation(*arguments)
            if self.left == -1:
                raise Killed

        return fused


def drop(records):
    """Leave the files as a process that was killed does."""
    records._lines.close()
    records._begun.close()


def killed_run(tmp_path, at, *, executed):
    """Run until the fuse blows; return what is left, or None if nothing blew it."""
    hall, fuse = Hall(), Fuse(at, executed=executed)
    tags = [blank(number) for number in range(TAGS)]
    records = Report(tmp_path / f"{at}-{executed}.csv")
    hall.journal.put = fuse(hall.journal.put)
    records.add, records.begin = fuse(records.add), fuse(records.begin)
    try:
        hall.run(tags, labels=BADGES, records=records)
    except Killed:
        del hall.journal.put
    else:
        return None
    finally:
        drop(records)
    return hall, tags, records._lines.path


@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
def test_killed_at_any_write_the_next_run_finishes_all_and_reports_it(tmp_path, executed):
    for at in range(1000):
        left = killed_run(tmp_path, at, executed=executed)
        if left is None:
            break
        hall, tags, path = left
        with Report(path) as records:
            hall.run([], labels=BADGES, records=records)
        assert ledger_of(path) == ready(hall), at
        with Report(path) as records:
            hall.run(tags, labels=BADGES, records=records)
        assert ledger_of(path) == held_by(hall.ledger), at
        assert [row["uid"] for row in of_outcome(path, "done")] == [str(uid_of(0)), str(uid_of(1))]
        assert {known.label for known in hall.known()} == {"badge-0001", "badge-0002"}
    assert at > 20


def ready(hall):
    """What the ledger holds of the tags that are finished by the journal."""
    done = {str(known.uid) for known in hall.known() if known.stage is Stage.READY}
    return {uid: held for uid, held in held_by(hall.ledger).items() if uid in done}


@pytest.fixture
def hall():
    return Hall()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.csv"


def run(hall, path, laid, **settings):
    with Report(path) as records:
        return hall.run(laid, records=records, **{"labels": BADGES} | settings)


def test_labels_go_on_where_they_stopped(hall, path):
    run(hall, path, [blank(1), blank(2)])
    run(hall, path, [blank(3)])
    assert hall.labels() == {uid_of(3): "badge-0003"}


def test_labels_go_on_by_the_journal_alone(hall):
    hall.run([blank(1), blank(2)], labels=BADGES)
    hall.run([blank(3)], labels=BADGES)
    assert hall.labels() == {uid_of(3): "badge-0003"}


def test_labels_go_on_by_the_report_alone(hall, path):
    run(hall, path, [blank(1), blank(2)])
    hall.journal = MemoryJournal()
    run(hall, path, [blank(3)])
    assert hall.labels() == {uid_of(3): "badge-0003"}


def test_tags_of_the_former_run_count(hall, path):
    run(hall, path, [blank(1), blank(2)])
    summary = run(hall, path, [blank(3), blank(4)], count=3)
    assert hall.told(RunBegan)[0].earlier == 2
    assert (summary.done, summary.earlier, summary.reason) == (1, 2, StopReason.COMPLETE)


def test_a_run_that_is_complete_begins_no_tag(hall, path):
    run(hall, path, [blank(1)])
    summary = run(hall, path, [blank(2)], count=1)
    assert (summary.done, summary.reason) == (0, StopReason.COMPLETE)
    assert len(hall.ledger.tags) == 1


def test_a_tag_of_the_former_run_is_already_ours_and_in_the_report_once(hall, path):
    tag = blank(1)
    run(hall, path, [tag])
    summary = run(hall, path, [tag])
    assert (summary.done, summary.already_ours) == (0, 1)
    assert [row["outcome"] for row in of_outcome(path, "done")] == ["done"]
    assert of_outcome(path, "already") == []


def test_rows_of_a_manifest_go_on(hall, path, tmp_path):
    table = tmp_path / "manifest.csv"
    table.write_text("label\nanna\nbert\ncleo\n")
    run(hall, path, [blank(1)], labels=Manifest.read(table))
    run(hall, path, [blank(2)], labels=Manifest.read(table))
    assert hall.labels() == {uid_of(2): "bert"}


def test_a_tag_in_doubt_stays_so_until_somebody_brings_it(hall, path):
    tag = blank(1)
    run(hall, path, [Laid(tag, 50, meanwhile=[hall.skip])])
    summary = run(hall, path, [blank(2)])
    assert [left.uid for left in summary.in_doubt] == [uid_of(1)]
    summary = run(hall, path, [tag])
    assert (summary.done, summary.in_doubt, summary.exit) == (1, (), 0)
    assert hall.labels() == {uid_of(1): "badge-0001"}


def test_a_tag_that_was_repaired_elsewhere_is_done(hall, path):
    tag = blank(1)
    run(hall, path, [Laid(tag, 50, meanwhile=[hall.skip])])
    tag.power_cycle()
    repair(Bench(TornLink(tag), hall.journal, hall.keyring, hall.ledger))
    summary = run(hall, path, [])
    assert (summary.earlier, summary.in_doubt, summary.exit) == (1, (), 0)
    assert ledger_of(path) == held_by(hall.ledger)


def test_what_no_ledger_was_told_it_is_told_by_the_next_run(hall, path):
    hall.ledger.is_up = False
    run(hall, path, [blank(1)])
    hall.ledger.is_up = True
    summary = run(hall, path, [])
    assert (summary.done, summary.exit) == (1, 0)
    assert ledger_of(path) == held_by(hall.ledger)


def test_a_run_that_enrols_nobody_goes_on_as_well(hall, path):
    hall.ledger = Later()
    tag = blank(1)
    run(hall, path, [tag])
    summary = run(hall, path, [tag, blank(2)])
    assert (summary.done, summary.earlier, summary.already_ours, summary.exit) == (1, 1, 1, 0)
    assert len(of_outcome(path, "done")) == 2


def test_a_run_that_enrols_nobody_and_was_killed_reports_what_was_done(hall, path):
    hall.ledger = Later()
    with Report(path) as records:
        hall.run([blank(1)], records=records, labels=BADGES)
        begun = Begun(uid_of(1), "badge-0001", None)
    path.write_text(path.read_text().split("\n")[0] + "\n")
    with Report(path) as records:
        records.begin(begun)
    summary = run(hall, path, [])
    assert (summary.done, summary.not_enrolled, summary.exit) == (1, (), 0)
    assert [row["label"] for row in of_outcome(path, "done")] == ["badge-0001"]


def test_killed_before_anything_was_done_to_a_tag_of_ours_it_is_not_called_done(hall, path):
    hall.run([blank(1)], labels=BADGES)
    with Report(path) as records:
        records.begin(Begun(uid_of(1), "badge-0001", hall.generations()[uid_of(1)]))
    summary = run(hall, path, [])
    assert (summary.earlier, of_outcome(path, "done")) == (0, [])


def test_a_report_of_other_tags_with_the_same_labels_is_refused(hall, path):
    run(hall, path, [blank(1)])
    other = Hall()
    other.run([blank(2)], labels=BADGES)
    with pytest.raises(SetupError, match="two tags"):
        run(other, path, [blank(3)])
