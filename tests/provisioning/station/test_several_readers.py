"""Several readers share labels, report and ledger, and do not get in each other's way."""

from __future__ import annotations

import threading

import pytest
from ntag424_provisioning.station import FirstArticle, LabelTemplate, Report, StopReason
from ntag424_provisioning.station._events import FirstArticleConfirmed, TagCame, TagDone, TagUndone

from ntag424.errors import ReaderServiceError
from tests.provisioning.station.reports import held_by, ledger_of, of_outcome
from tests.provisioning.station.trays import Hall, Laid, Phones, Tray, blank, uid_of

BADGES = LabelTemplate("badge-{n:04}")


@pytest.fixture
def hall():
    return Hall()


def tags(first, count):
    return [blank(number) for number in range(first, first + count)]


def test_all_tags_of_all_readers_are_done_with_labels_of_their_own(hall, tmp_path):
    path = tmp_path / "report.csv"
    torn = [Laid(blank(200), 50), Laid(blank(201), 60, executed=True, meanwhile=[None])]
    trays = tags(0, 15), [*tags(100, 15), *torn], tags(300, 15)
    with Report(path) as records:
        summary = hall.run(*trays, labels=BADGES, records=records)
    assert (summary.done, summary.exit) == (47, 0)
    labels = {row["label"] for row in of_outcome(path, "done")}
    assert labels == {f"badge-{number:04}" for number in range(1, 48)}
    assert ledger_of(path) == held_by(hall.ledger)


def test_together_they_do_as_many_as_were_asked_for(hall):
    summary = hall.run(tags(0, 10), tags(100, 10), count=7)
    assert (summary.done, summary.reason) == (7, StopReason.COMPLETE)
    assert len(hall.ledger.tags) == 7


def test_events_come_one_after_the_other_in_the_thread_of_the_caller(hall):
    threads = set()
    hall.run(tags(0, 5), tags(100, 5), listen=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_a_lost_tag_holds_up_its_own_reader_only(hall):
    # The lost tag comes back when the other reader is through with all of its tags.
    through = threading.Event()
    others = [*tags(100, 4), Laid(blank(104), at_command=lambda index: index == 70)]

    def heard(event):
        if isinstance(event, TagDone) and event.uid == uid_of(104):
            through.set()

    lost = Laid(blank(1), 50, meanwhile=[lambda: through.wait(60)])
    summary = hall.run([lost], others, listen=heard)
    assert summary.done == 6
    assert hall.told(TagDone)[-1].uid == uid_of(1)


def test_skipping_gives_up_the_tag_that_was_lost_first(hall):
    with hall.control.lost("one"), hall.control.lost("two"):
        hall.control.skip()
        assert [hall.control.is_skipped(name) for name in ("one", "two")] == [True, False]
        hall.control.skip()
        assert hall.control.is_skipped("two")
    assert not hall.control.is_skipped("one")


def test_undoing_happens_at_the_reader_where_the_tag_was_done(hall):
    tag = blank(1)
    undone = Laid(tag, after=[hall.undo])
    through = threading.Event()

    def heard(event):
        if isinstance(event, TagUndone):
            through.set()

    waits = Laid(blank(100), at_command=lambda index: index == 5 and through.wait(60))
    summary = hall.run([undone], [waits], listen=heard)
    assert [event.reader for event in hall.told(TagUndone)] == ["reader 1"]
    assert (summary.done, list(hall.ledger.tags)[-1]) == (1, uid_of(100))


def test_until_the_first_article_is_confirmed_no_other_tag_is_begun(hall):
    first, others = tags(0, 3), tags(100, 3)
    summary = hall.run(
        first, others, first_article=FirstArticle.REQUIRED, operator=Phones([*first, *others])
    )
    told = [type(event) for event in hall.events]
    confirmed = told.index(FirstArticleConfirmed)
    assert told[:confirmed].count(TagDone) == 1
    assert summary.done == 6


def test_a_reader_that_is_given_up_leaves_the_others_at_work(hall):
    class Unplugged(Tray):
        def _connect(self):
            raise ReaderServiceError("it was unplugged")

    good = Tray(tags(0, 5), when_empty=hall.quit)
    summary = hall.run_links({"bad": Unplugged([]), "good": good})
    assert summary.done == 5
    assert {event.reader for event in hall.told(TagCame)} == {"good"}
