"""Before there are many tags, two phones have read the first."""

from __future__ import annotations

import pytest
from ntag424_provisioning.errors import RefusedError
from ntag424_provisioning.station import FirstArticle, Report, Rotation, StopReason
from ntag424_provisioning.station._events import (
    FirstArticleConfirmed,
    FirstArticleWanted,
    TagCame,
    TagDone,
)

from ntag424.ndef import read_uri
from tests.provisioning.engine.benches import two_versions
from tests.provisioning.station.trays import Hall, Phones, blank, uid_of
from tests.support import forged

TAGS = [1, 2, 3]


@pytest.fixture
def hall():
    return Hall()


@pytest.fixture
def tags():
    return [blank(number) for number in TAGS]


def run(hall, tags, operator, **settings):
    settings = {"first_article": FirstArticle.REQUIRED} | settings
    return hall.run(tags, operator=operator, **settings)


class Says:
    """An operator who gives these answers, and then gives up."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def ask_for_tap(self, shown, phone, problem):
        self.asked.append((phone, problem))
        answer = self.answers.pop(0) if self.answers else None
        return answer() if callable(answer) else answer


def tapping(tag):
    return lambda: read_uri(tag.tap())


def test_two_phones_are_asked_for_one_after_the_other(hall, tags):
    phones = Phones(tags)
    summary = run(hall, tags, phones)
    assert phones.asked == [("iPhone", ""), ("Android phone", "")]
    assert summary.done == 3


def test_it_is_the_first_tag_that_was_done(hall, tags):
    hall.run(tags[:1])
    run(hall, tags, Phones(tags))
    assert [event.uid for event in hall.told(FirstArticleWanted)] == [uid_of(2)]


def test_no_other_tag_is_begun_before(hall, tags):
    run(hall, tags, Phones(tags))
    told = [type(event) for event in hall.events]
    assert told[: told.index(FirstArticleConfirmed)].count(TagDone) == 1


def test_given_up_the_run_ends_with_the_reason(hall, tags):
    summary = run(hall, tags, Says(None))
    assert (summary.done, summary.reason, summary.exit) == (1, StopReason.FIRST_ARTICLE, 5)
    assert len(hall.ledger.tags) == 1


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda tags, hall: "https://id.example.com/t", "template"),
        (lambda tags, hall: forged(read_uri(tags[0].tap())), "does not verify"),
        (lambda tags, hall: "", "template"),
    ],
    ids=["cut off", "changed", "empty"],
)
def test_a_url_that_does_not_verify_is_asked_for_again(hall, tags, wrong, problem):
    operator = Says(lambda: wrong(tags, hall), *[tapping(tags[0])] * 2)
    summary = run(hall, tags, operator)
    assert [phone for phone, _ in operator.asked] == ["iPhone", "iPhone", "Android phone"]
    assert problem in operator.asked[1][1]
    assert summary.done == 3


def test_a_tap_of_another_tag_does_not_count(hall, tags):
    other = blank(9)
    hall.run([other])
    operator = Says(tapping(other), *[tapping(tags[0])] * 2)
    run(hall, tags, operator)
    assert f"This is tag {uid_of(9)}" in operator.asked[1][1]


def test_the_reader_s_own_tap_does_not_count(hall, tags):
    operator = Says(lambda: hall.told(TagDone)[0].result.url, *[tapping(tags[0])] * 2)
    run(hall, tags, operator)
    assert "was there before" in operator.asked[1][1]


def test_one_tap_does_not_count_for_two_phones(hall, tags):
    urls = []

    def once():
        urls.append(read_uri(tags[0].tap()))
        return urls[0]

    operator = Says(once, lambda: urls[0], tapping(tags[0]))
    run(hall, tags, operator)
    assert [phone for phone, _ in operator.asked] == ["iPhone", "Android phone", "Android phone"]
    assert "was there before" in operator.asked[2][1]


def test_spaces_around_a_pasted_url_do_not_matter(hall, tags):
    operator = Says(*[lambda: f"  {read_uri(tags[0].tap())}\r\n"] * 2)
    assert run(hall, tags, operator).done == 3


def test_with_nobody_there_it_is_refused_before_any_tag(hall, tags):
    with pytest.raises(RefusedError, match="must be confirmed"):
        run(hall, tags, None)
    assert hall.ledger.tags == {}


def test_with_nobody_there_it_may_be_skipped(hall, tags):
    assert hall.run(tags).done == 3


@pytest.mark.parametrize(("count", "asks"), [(10, 0), (11, 2), (None, 2)])
def test_only_a_run_of_more_than_ten_asks(hall, tags, count, asks):
    phones = Phones(tags)
    run(hall, tags, phones, count=count)
    assert len(phones.asked) == asks


def test_a_run_that_goes_on_does_not_ask_again(hall, tags, tmp_path):
    with Report(tmp_path / "report.csv") as records:
        run(hall, tags[:2], Phones(tags), records=records)
    again = Phones(tags)
    with Report(tmp_path / "report.csv") as records:
        summary = run(hall, tags[2:], again, records=records)
    assert (again.asked, summary.done) == ([], 1)


def test_a_run_that_ended_before_it_was_confirmed_asks_again(hall, tags, tmp_path):
    with Report(tmp_path / "report.csv") as records:
        run(hall, tags, Says(None), records=records)
    again = Phones(tags)
    with Report(tmp_path / "report.csv") as records:
        run(hall, tags[1:], again, records=records)
    assert len(again.asked) == 2


def test_tags_that_phones_have_read_for_long_are_moved_without_asking(hall, tags):
    hall.run(tags)
    hall.keyring = two_versions()
    assert run(hall, tags, None, task=Rotation()).done == 3
    assert len(hall.told(TagCame)) == 3
