"""A tag leaves the reader in the middle of the work: it is not lost, and no other is touched."""

from __future__ import annotations

import pytest
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import reset
from ntag424_provisioning.engine.recognise import Recogniser
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station import LabelTemplate, Report
from ntag424_provisioning.station._events import (
    LostInWork,
    TagDone,
    TagFailed,
    TagInDoubt,
    WrongTagBack,
)

from ntag424.errors import ReaderServiceError, TransportError
from tests.provisioning.engine.benches import TornLink
from tests.provisioning.station.reports import rows_of
from tests.provisioning.station.trays import Hall, Laid, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")
# Before the 25th command nothing is changed, and after the 40th something is.
EARLY, LATE = 10, 50


@pytest.fixture
def hall():
    return Hall()


@pytest.mark.parametrize("executed", [False, True], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("cut_at", range(0, 86, 5))
def test_wherever_it_is_torn_away_it_is_finished_when_it_is_back(hall, cut_at, executed):
    summary = hall.run([Laid(blank(1), cut_at, executed), blank(2)], labels=BADGES)
    assert (summary.done, summary.exit) == (2, 0)
    assert hall.labels() == {uid_of(1): "badge-0001", uid_of(2): "badge-0002"}


def test_it_is_said_which_tag_is_to_be_put_back_and_where_the_work_stood(hall):
    hall.run([Laid(blank(1), LATE)], labels=BADGES)
    (lost,) = hall.told(LostInWork)
    assert (lost.uid, lost.label) == (uid_of(1), "badge-0001")
    assert lost.progress.step > 1


def test_it_is_waited_for(hall):
    summary = hall.run([Laid(blank(1), LATE, meanwhile=[None] * 50)])
    assert summary.done == 1


def test_another_tag_is_sent_nothing_and_said_once(hall):
    other = blank(2)
    hall.run([Laid(blank(1), LATE, meanwhile=[None, other, other, other, None])])
    assert [event.uid for event in hall.told(WrongTagBack)] == [uid_of(1)]
    assert set(hall.trays[0].sent) == {uid_of(1)}


def test_another_tag_that_comes_again_is_said_again(hall):
    hall.run([Laid(blank(1), LATE, meanwhile=[blank(2), None, blank(3)])])
    assert len(hall.told(WrongTagBack)) == 2


def test_another_tag_is_recognised_by_what_its_chip_says(hall):
    other = blank(2)
    recognised = 4
    laid = Laid(blank(1), LATE + recognised, meanwhile=[other])
    summary = hall.run([laid], identify=Recogniser(hall.keyring))
    assert len(hall.told(WrongTagBack)) == 1
    assert other._card.memory == blank(2)._card.memory
    assert summary.done == 1


def test_a_swap_without_a_gap_is_noticed(hall):
    other = blank(2)
    summary = hall.run([Laid(blank(1), LATE, executed=True, meanwhile=[other])])
    assert len(hall.told(WrongTagBack)) == 1
    assert (summary.done, hall.trays[0].sent[bytes(uid_of(2))]) == (1, 0)


@pytest.mark.parametrize("cut_at", range(4))
def test_torn_away_while_it_is_recognised_it_is_not_overlooked(hall, cut_at):
    laid = [blank(1), Laid(blank(2), cut_at), blank(3)]
    assert hall.run(laid, identify=Recogniser(hall.keyring)).done == 3


def test_before_anything_was_changed_the_next_tag_may_come(hall):
    summary = hall.run([Laid(blank(1), EARLY, meanwhile=[None]), blank(2)], labels=BADGES)
    assert [event.uid for event in hall.told(TagFailed)] == [uid_of(1)]
    assert hall.told(LostInWork) == []
    assert hall.labels() == {uid_of(2): "badge-0001"}
    assert [left.uid for left in summary.failed] == [uid_of(1)]


def test_a_planned_tag_that_was_never_begun_leaves_its_label_to_others(hall):
    # Between the plan in the journal and the first change lie authentication and reading.
    planned = 27
    hall.run([Laid(blank(1), planned, meanwhile=[None]), blank(2)], labels=BADGES)
    assert hall.journal.find(uid_of(1)).stage is Stage.PLANNED
    assert hall.labels() == {uid_of(2): "badge-0001"}
    hall.run([blank(1)], labels=BADGES)
    assert hall.journal.find(uid_of(1)).label == "badge-0002"


def test_skipped_it_is_in_doubt_and_the_next_tag_comes(hall, tmp_path):
    skip = Laid(blank(1), LATE, meanwhile=[None, hall.skip])
    with Report(tmp_path / "report.csv") as records:
        summary = hall.run([skip, blank(2)], labels=BADGES, records=records)
    assert [left.uid for left in summary.in_doubt] == [uid_of(1)]
    assert (summary.done, summary.exit) == (1, 6)
    assert len(hall.told(TagInDoubt)) == 1
    assert hall.labels() == {uid_of(2): "badge-0002"}
    told = [(row["outcome"], row["label"]) for row in rows_of(tmp_path / "report.csv")]
    assert told == [("in-doubt", "badge-0001"), ("done", "badge-0002")]


def test_skipped_and_laid_again_it_is_finished_with_its_label(hall):
    tag = blank(1)
    skip = Laid(tag, LATE, meanwhile=[hall.skip])
    summary = hall.run([skip, blank(2), tag], labels=BADGES)
    assert (summary.done, summary.in_doubt) == (2, ())
    assert hall.labels() == {uid_of(1): "badge-0001", uid_of(2): "badge-0002"}


def test_skipping_without_a_lost_tag_does_nothing(hall):
    def skips(index):
        if index == EARLY:
            hall.control.skip()

    summary = hall.run([Laid(blank(1), LATE, meanwhile=[None, None], at_command=skips)])
    assert summary.done == 1


def test_ctrl_c_once_still_waits_for_the_lost_tag(hall):
    lost = Laid(blank(1), LATE, meanwhile=[hall.interrupt, None, None])
    summary = hall.run([lost, blank(2)])
    assert (summary.done, summary.in_doubt, summary.exit) == (1, (), 130)


def test_ctrl_c_twice_leaves_the_lost_tag_in_the_journal(hall):
    twice = [hall.interrupt] * 2
    summary = hall.run([Laid(blank(1), LATE, meanwhile=[*twice, None]), blank(2)])
    assert ([left.uid for left in summary.in_doubt], summary.exit) == ([uid_of(1)], 130)


def test_a_reader_that_fails_meanwhile_is_tried_until_it_works(hall):
    def breaks():
        raise ReaderServiceError("pcscd was restarted")

    summary = hall.run([Laid(blank(1), LATE, meanwhile=[breaks, breaks, breaks])])
    assert summary.done == 1


def test_a_card_that_cannot_be_read_is_said_once_and_counts_as_nothing(hall):
    class Unreadable:
        anticollision_uid = bytes(4)

        def power_cycle(self):
            raise TransportError("protocol mismatch", outcome_unknown=False)

    unreadable = Unreadable()
    summary = hall.run([Laid(blank(1), after=[None, None, *[unreadable] * 9, None])])
    assert [event.uid for event in hall.told(TagFailed)] == [None]
    assert (summary.failed, summary.exit) == ((), 0)


def test_a_tag_whose_reset_was_never_finished_becomes_a_working_one(hall):
    tag = blank(1)
    hall.run([tag], labels=BADGES)
    tag.power_cycle()
    with pytest.raises(InDoubtError):
        reset(Bench(TornLink(tag, cut_at=55), hall.journal, hall.keyring, hall.ledger))
    recognised_early = 5
    summary = hall.run([Laid(tag, recognised_early, meanwhile=[None, None])], labels=BADGES)
    assert len(hall.told(LostInWork)) == 1
    assert (summary.done, hall.labels()) == (1, {uid_of(1): "badge-0001"})


def test_a_garbled_answer_is_repaired_at_once(hall):
    summary = hall.run([Laid(blank(1), garbles=lambda index, _: index == LATE)])
    assert (summary.done, hall.told(LostInWork)) == (1, [])


def test_a_tag_that_garbles_every_answer_of_a_kind_is_given_up(hall):
    change_key = 0xC4
    summary = hall.run([Laid(blank(1), garbles=lambda _, octets: octets[1] == change_key)])
    assert [left.uid for left in summary.in_doubt] == [uid_of(1)]
    assert hall.told(TagDone) == []
