"""One reader, tag after tag."""

from __future__ import annotations

import pytest
from ntag424_provisioning.engine.jobs import Origin
from ntag424_provisioning.engine.recognise import Recogniser
from ntag424_provisioning.errors import NotOurChipError, SetupError, VaultError, WrongKeyError
from ntag424_provisioning.model import Profile, Stage
from ntag424_provisioning.station import (
    LabelTemplate,
    Manifest,
    Provisioning,
    Report,
    Rotation,
    StopReason,
)
from ntag424_provisioning.station._events import (
    Duplicate,
    RunEnded,
    StepBegan,
    Stopping,
    TagAlreadyOurs,
    TagCame,
    TagDone,
    TagDoneAfterAll,
    TagFailed,
    TagNotEnrolled,
    TagRemoved,
)

from ntag424 import Generation, Key, Keyring, UrlTemplate
from ntag424.errors import OriginalityError
from ntag424.keys import An10922Keys
from tests.provisioning.engine.benches import PROFILE, two_versions
from tests.provisioning.station.reports import held_by, ledger_of, of_outcome, rows_of
from tests.provisioning.station.trays import ForeignChip, Hall, Laid, Tray, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")


@pytest.fixture
def hall():
    return Hall()


# ---- tags that go well ----------------------------------------------------------------------


def test_it_tells_what_happens_to_a_tag_in_its_order(hall):
    hall.run([blank(1)], count=1)
    told = [type(event) for event in hall.events if not isinstance(event, StepBegan)]
    assert told[1:] == [TagCame, TagDone, Stopping, RunEnded]


def test_it_tells_every_step(hall):
    hall.run([blank(1)])
    steps = [event.progress for event in hall.told(StepBegan)]
    assert len(steps) > 5
    assert all(step.text for step in steps)


def test_it_waits_until_a_tag_is_taken_away(hall):
    tag = blank(1)
    hall.run([Laid(tag, after=[tag, tag, tag]), blank(2)])
    assert [event.uid for event in hall.told(TagCame)] == [uid_of(1), uid_of(2)]


def test_a_tag_that_is_overlooked_once_was_not_taken_away(hall):
    tag = blank(1)
    hall.run([Laid(tag, after=[tag, None, tag, None]), blank(2)])
    assert len(hall.told(TagRemoved)) == 1
    assert hall.told(Duplicate) == []


def test_it_ends_when_as_many_are_done_as_were_asked_for(hall):
    summary = hall.run([blank(number) for number in range(5)], count=3)
    assert (summary.done, summary.reason, summary.exit) == (3, StopReason.COMPLETE, 0)
    assert len(hall.ledger.tags) == 3


def test_a_tag_laid_twice_counts_once_and_is_said_to_be(hall):
    tag = blank(1)
    summary = hall.run([tag, blank(2), tag], labels=BADGES)
    assert [(event.uid, event.label) for event in hall.told(Duplicate)] == [
        (uid_of(1), "badge-0001")
    ]
    assert (summary.done, summary.already_ours) == (2, 0)


def test_a_tag_from_an_earlier_run_is_already_ours_with_its_label(hall):
    tag = blank(1)
    hall.run([tag], labels=BADGES)
    summary = hall.run([tag, blank(2)], labels=BADGES)
    assert [event.label for event in hall.told(TagAlreadyOurs)] == ["badge-0001"]
    assert (summary.done, summary.already_ours) == (1, 1)
    assert hall.labels() == {uid_of(2): "badge-0002"}


def test_a_tag_that_is_ours_without_a_label_uses_none_up(hall):
    tag = blank(1)
    hall.run([tag])
    hall.run([tag, blank(2)], labels=BADGES)
    assert hall.labels() == {uid_of(2): "badge-0001"}


def test_labels_are_in_the_journal(hall):
    hall.run([blank(1), blank(2)], labels=BADGES)
    assert [known.label for known in hall.known()] == ["badge-0001", "badge-0002"]


def test_a_manifest_gives_each_tag_its_own_file_data(hall, tmp_path):
    template = UrlTemplate(
        "https://id.example.com/t#k={kv}{epoch}&p={picc}&{mac-input}f={file:16}&m={mac}"
    )
    path = tmp_path / "manifest.csv"
    path.write_text(f"label,uid,file_data\nanna,,{'0A' * 16}\nbert,{uid_of(1)},{'0B' * 16}\n")
    task = Provisioning(Profile(template, bytes(16)), Origin.ANY, Manifest.read(path))
    summary = hall.run([blank(1), blank(2)], task=task)
    data = {known.label: known.goal.profile.file_data for known in hall.known()}
    assert data == {"anna": b"\x0a" * 16, "bert": b"\x0b" * 16}
    assert summary.reason is StopReason.COMPLETE


def test_file_data_that_does_not_fit_is_refused_before_any_tag(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("label,file_data\nanna,0A0B\n")
    with pytest.raises(SetupError, match="anna"):
        Provisioning(PROFILE, Origin.ANY, Manifest.read(path))


def test_a_run_without_labels_left_ends_well(hall, tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("label\nanna\n")
    hall.run([blank(1)], labels=Manifest.read(path))
    summary = hall.run([blank(2)], labels=Manifest.read(path))
    assert (summary.reason, summary.done, summary.exit) == (StopReason.LABELS, 0, 0)
    assert hall.trays[0].sent == {}


def test_rotation_moves_tags_and_leaves_their_labels(hall):
    tags = [blank(1), blank(2)]
    hall.run(tags, labels=BADGES)
    hall.keyring = two_versions()
    summary = hall.run(tags, task=Rotation())
    assert summary.done == 2
    assert set(hall.generations().values()) == {Generation(2, 2)}
    assert hall.labels() == {uid_of(1): "badge-0001", uid_of(2): "badge-0002"}


# ---- tags that do not -----------------------------------------------------------------------


def test_a_foreign_chip_is_named_and_uses_no_label_up(hall):
    summary = hall.run([ForeignChip(), blank(1)], labels=BADGES)
    (failed,) = hall.told(TagFailed)
    assert isinstance(failed.error, NotOurChipError)
    assert hall.labels() == {uid_of(1): "badge-0001"}
    assert (len(summary.failed), summary.exit) == (1, 5)


def test_a_foreign_chip_is_named_also_where_nobody_can_tell_its_uid(hall):
    summary = hall.run([ForeignChip(), blank(1)], identify=Recogniser(hall.keyring))
    assert [event.uid for event in hall.told(TagFailed)] == [None]
    assert [left.uid for left in summary.failed] == [None]
    assert summary.done == 1


def test_a_chip_that_nxp_did_not_sign_is_left_alone(hall):
    hall.run([blank(1)], task=Provisioning(PROFILE, Origin.NXP, BADGES))
    (failed,) = hall.told(TagFailed)
    assert isinstance(failed.error, OriginalityError)
    assert hall.ledger.tags == {}


def test_a_tag_with_keys_of_somebody_else_is_left_alone(hall):
    tag, other = blank(1), Hall(Keyring.single(An10922Keys(Key(b"\x99" * 16))))
    other.run([tag])
    memory = tag._card.memory.keys
    hall.run([tag, blank(2)], labels=BADGES)
    (failed,) = hall.told(TagFailed)
    assert isinstance(failed.error, WrongKeyError)
    assert tag._card.memory.keys == memory
    assert hall.labels() == {uid_of(2): "badge-0001"}


def test_what_failed_and_was_done_later_did_not_fail(hall):
    tag = blank(1)
    hall.journal.require_writable = failing_once(VaultError("no room"))
    summary = hall.run([tag, blank(2), tag])
    assert len(hall.told(TagFailed)) == 1
    assert (summary.done, summary.failed, summary.exit) == (2, (), 0)


def test_five_alike_in_a_row_end_the_run(hall):
    chips = [ForeignChip(bytes([4, 9, 9, 9, 9, 9, number])) for number in range(9)]
    summary = hall.run([*chips, blank(1)])
    assert (len(hall.told(TagFailed)), summary.reason) == (5, StopReason.FAILURES)
    assert "5 tags in a row failed alike" in str(summary.error)
    assert summary.exit == 5


def test_failures_with_a_success_between_them_end_nothing(hall):
    chips = [ForeignChip(bytes([4, 9, 9, 9, 9, 9, number])) for number in range(8)]
    summary = hall.run([*chips[:4], blank(1), *chips[4:]])
    assert (len(hall.told(TagFailed)), summary.reason) == (8, StopReason.QUIT)


def test_one_tag_that_fails_often_ends_nothing(hall):
    summary = hall.run([Laid(ForeignChip(), after=[None, None]) for _ in range(9)])
    assert len(hall.told(TagFailed)) > 5
    assert summary.reason is StopReason.QUIT
    assert len(summary.failed) == 1


# ---- ledgers and disks ----------------------------------------------------------------------


def test_what_the_ledger_could_not_be_told_it_is_told_at_the_end(hall, tmp_path):
    hall.ledger.is_up = False

    def comes_back(event):
        hall.ledger.is_up |= isinstance(event, Stopping)

    with Report(tmp_path / "report.csv") as records:
        summary = hall.run([blank(1), blank(2)], labels=BADGES, records=records, listen=comes_back)
    assert len(hall.told(TagNotEnrolled)) == 2
    assert [event.label for event in hall.told(TagDoneAfterAll)] == ["badge-0001", "badge-0002"]
    assert (summary.done, summary.not_enrolled, summary.exit) == (2, (), 0)
    assert {known.stage for known in hall.known()} == {Stage.READY}
    assert ledger_of(tmp_path / "report.csv") == held_by(hall.ledger)


def test_what_the_ledger_is_told_at_the_end_has_its_template_too(hall):
    hall.ledger.is_up = False

    def comes_back(event):
        hall.ledger.is_up |= isinstance(event, Stopping)

    hall.run([blank(1)], listen=comes_back)
    assert hall.ledger.templates == {uid_of(1): PROFILE.template}


def test_what_no_ledger_was_told_is_in_doubt(hall):
    hall.ledger.is_up = False
    summary = hall.run([blank(1)])
    assert [left.uid for left in summary.not_enrolled] == [uid_of(1)]
    assert summary.exit == 6


def test_a_ledger_that_stays_away_ends_the_run(hall):
    hall.ledger.is_up = False
    summary = hall.run([blank(number) for number in range(9)])
    assert (summary.reason, len(summary.not_enrolled)) == (StopReason.FAILURES, 5)
    assert "the ledger is away" in str(summary.error)


def test_a_tag_whose_enrolment_failed_is_finished_when_it_is_laid_again(hall):
    tag = blank(1)
    hall.ledger.is_up = False
    hall.run([tag], labels=BADGES)
    hall.ledger.is_up = True
    summary = hall.run([tag], labels=BADGES)
    assert hall.labels() == {uid_of(1): "badge-0001"}
    assert (summary.done, summary.exit) == (1, 0)


def test_a_report_on_a_full_disk_ends_the_run_and_the_next_one_mends_it(hall, tmp_path):
    path = tmp_path / "report.csv"
    with Report(path) as records:
        records.add = failing_once(SetupError("no room"))
        summary = hall.run([blank(1), blank(2)], records=records, labels=BADGES)
        assert (summary.reason, summary.done, summary.exit) == (StopReason.REPORT, 1, 5)
    with Report(path) as records:
        hall.run([blank(2)], records=records, labels=BADGES)
    assert ledger_of(path) == held_by(hall.ledger)


def test_a_vault_that_fails_at_the_last_ends_the_run_with_the_tag_in_doubt(hall):
    put = hall.journal.put

    def fails_when_ready(known):
        if known.stage is Stage.READY:
            raise VaultError("no room")
        put(known)

    hall.journal.put = fails_when_ready
    summary = hall.run([blank(1)])
    assert [left.uid for left in summary.not_enrolled] == [uid_of(1)]


def test_the_report_says_what_failed_and_why(hall, tmp_path):
    with Report(tmp_path / "report.jsonl") as records:
        hall.run([ForeignChip()], records=records)
    (row,) = rows_of(tmp_path / "report.jsonl")
    assert (row["outcome"], row["label"]) == ("failed", "")
    assert "no NTAG 424 DNA" in row["error"]


def test_tags_that_were_ours_stand_in_the_report_once(hall, tmp_path):
    tag = blank(1)
    hall.run([tag], labels=BADGES)
    with Report(tmp_path / "report.csv") as records:
        hall.run([tag, tag], records=records, labels=BADGES)
    assert len(of_outcome(tmp_path / "report.csv", "already")) == 1


# ---- ending ---------------------------------------------------------------------------------


def test_quitting_ends_after_the_tag_that_is_being_worked_on(hall):
    summary = hall.run([Laid(blank(1), at_command=quitting(hall)), blank(2)])
    assert (summary.done, summary.reason, summary.exit) == (1, StopReason.QUIT, 0)


def test_ctrl_c_ends_after_the_tag_that_is_being_worked_on(hall):
    summary = hall.run(
        [Laid(blank(1), at_command=lambda index: index == 30 and hall.control.interrupt())]
    )
    assert (summary.done, summary.in_doubt, summary.exit) == (1, (), 130)


def test_ctrl_c_twice_ends_at_once_and_the_journal_knows(hall):
    tag = blank(1)

    def twice(index):
        if index in (50, 51):
            hall.control.interrupt()

    summary = hall.run([Laid(tag, at_command=twice), blank(2)], labels=BADGES)
    assert ([left.uid for left in summary.in_doubt], summary.exit) == ([uid_of(1)], 130)
    assert hall.journal.find(uid_of(1)).stage is Stage.WRITING
    assert hall.run([tag], labels=BADGES).done == 1
    assert hall.labels() == {uid_of(1): "badge-0001"}


def test_a_mistake_of_ours_is_not_hidden(hall):
    hall.journal.require_writable = failing_once(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        hall.run([blank(1)])


def test_a_display_that_fails_ends_the_run(hall):
    def broken_pipe(event):
        if isinstance(event, TagDone):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        hall.run([blank(number) for number in range(50)], listen=broken_pipe)
    assert len(hall.ledger.tags) < 50


def test_a_reader_that_goes_away_ends_its_part(hall):
    tray = BrokenTray()
    summary = hall.run_links({"reader": tray})
    assert (summary.reason, summary.exit) == (StopReason.READERS, 5)
    assert "unplugged" in str(summary.error)
    assert tray.looks == 5


class BrokenTray(Tray):
    """A reader that somebody has unplugged."""

    def __init__(self):
        super().__init__([])
        self.looks = 0

    def _connect(self):
        from ntag424.errors import ReaderServiceError

        self.looks += 1
        raise ReaderServiceError("it was unplugged")


def failing_once(error):
    errors = [error]

    def call(*_):
        if errors:
            raise errors.pop()

    return call


def quitting(hall):
    return lambda index: hall.control.quit() if index == 20 else None
