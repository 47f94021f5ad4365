"""Never more tags than were asked for, and before the first was looked at only one."""

from __future__ import annotations

from ntag424_provisioning.station._gate import Admission, Article, Gate


def test_all_come_in_where_there_is_no_end():
    gate = Gate(None, Article.CONFIRMED)
    assert [gate.admit(total) for total in (0, 0, 100)] == [Admission.GO] * 3


def test_what_is_being_worked_on_counts():
    gate = Gate(3, Article.CONFIRMED)
    assert [gate.admit(1) for _ in range(3)] == [Admission.GO, Admission.GO, Admission.HOLD]


def test_a_tag_that_failed_makes_room():
    gate = Gate(1, Article.CONFIRMED)
    gate.admit(0)
    gate.leave()
    assert gate.admit(0) is Admission.GO


def test_when_enough_are_done_it_is_over():
    assert Gate(3, Article.CONFIRMED).admit(3) is Admission.OVER


def test_the_first_article_is_worked_on_alone():
    gate = Gate(None, Article.WANTED)
    assert [gate.admit(0), gate.admit(0)] == [Admission.GO, Admission.HOLD]


def test_a_first_article_that_failed_is_followed_by_another():
    gate = Gate(None, Article.WANTED)
    gate.admit(0)
    gate.leave()
    assert gate.admit(0) is Admission.GO


def test_while_the_first_article_is_looked_at_nothing_comes_in():
    gate = Gate(None, Article.WANTED)
    gate.admit(0)
    gate.article = Article.SHOWN
    gate.leave()
    assert gate.admit(1) is Admission.HOLD
    gate.article = Article.CONFIRMED
    assert gate.admit(1) is Admission.GO
