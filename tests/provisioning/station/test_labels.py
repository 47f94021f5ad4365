"""Each tag has one label, and no label is that of two."""

from __future__ import annotations

import pytest
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.station import LabelTemplate, Manifest
from ntag424_provisioning.station._label_book import LabelBook, LabelsUsedUpError
from ntag424_provisioning.station._labels import Entry

from tests.provisioning.station.trays import uid_of

ONE, TWO, THREE = uid_of(1), uid_of(2), uid_of(3)


def labels(book, *uids):
    return [book.assign(uid).label for uid in uids]


def manifest(tmp_path, text):
    path = tmp_path / "manifest.csv"
    path.write_text(text, "utf-8")
    return Manifest.read(path)


# ---- templates ------------------------------------------------------------------------------


def test_a_template_counts():
    assert labels(LabelBook(LabelTemplate("badge-{n:04}"), {}), ONE, TWO) == [
        "badge-0001",
        "badge-0002",
    ]


def test_a_template_counts_from_where_it_is_told():
    assert labels(LabelBook(LabelTemplate("{n:03x}", first=255), {}), ONE, TWO) == ["0ff", "100"]


def test_a_template_may_name_the_uid():
    book = LabelBook(LabelTemplate("t-{uid}"), {})
    assert labels(book, ONE, TWO) == [f"t-{ONE}", f"t-{TWO}"]


def test_numbers_are_not_used_twice_beside_uids():
    book = LabelBook(LabelTemplate("{n}-{uid}"), {})
    assert labels(book, ONE, TWO) == [f"1-{ONE}", f"2-{TWO}"]


def test_braces_can_be_written():
    assert labels(LabelBook(LabelTemplate("{{{n}}}"), {}), ONE) == ["{1}"]


@pytest.mark.parametrize(
    "text",
    [
        "badge",
        "",
        "badge-{}",
        "badge-{0}",
        "badge-{m}",
        "badge-{n!r}",
        "badge-{n:>4}",
        "badge-{n:4}",
        "badge-{n:.2f}",
        "badge-{n:{n}}",
        "badge-{n.real}",
        "badge-{n[0]}",
        "badge-{uid:20}",
        "badge-{n}-{n}",
        "badge-{n",
        "badge-n}",
        " {n}",
        "line\n{n}",
        "{n}" + "x" * 130,
    ],
)
def test_a_template_that_promises_anything_else_is_refused(text):
    with pytest.raises(SetupError):
        LabelTemplate(text)


# ---- giving out -----------------------------------------------------------------------------


def test_a_tag_keeps_its_label():
    book = LabelBook(LabelTemplate("{n}"), {})
    assert labels(book, ONE, TWO, ONE) == ["1", "2", "1"]


def test_labels_given_before_are_not_given_again():
    book = LabelBook(LabelTemplate("badge-{n:04}"), {ONE: "badge-0002", TWO: "other"})
    assert labels(book, THREE, uid_of(4), ONE, TWO) == [
        "badge-0001",
        "badge-0003",
        "badge-0002",
        "other",
    ]


def test_a_label_that_was_given_back_comes_next():
    book = LabelBook(LabelTemplate("{n}"), {})
    labels(book, ONE, TWO, THREE)
    book.give_back(TWO)
    book.give_back(ONE)
    assert labels(book, TWO, ONE, uid_of(4)) == ["1", "2", "4"]


def test_a_label_that_two_tags_have_is_a_contradiction():
    with pytest.raises(SetupError, match="two tags"):
        LabelBook(None, {ONE: "same", TWO: "same"})


def test_without_labels_a_tag_keeps_the_one_it_has():
    assert labels(LabelBook(None, {ONE: "mine"}), ONE, TWO) == ["mine", ""]


# ---- manifests ------------------------------------------------------------------------------


def test_rows_are_used_in_their_order_and_those_with_a_uid_for_it(tmp_path):
    table = manifest(tmp_path, f"label,uid\nanna,\nbert,{TWO}\ncleo,\n")
    assert labels(LabelBook(table, {}), TWO, ONE, THREE) == ["bert", "anna", "cleo"]


def test_a_row_may_have_file_data(tmp_path):
    table = manifest(tmp_path, "file_data,label\n00FF,anna\n,bert\n")
    book = LabelBook(table, {})
    assert [book.assign(ONE), book.assign(TWO)] == [Entry("anna", b"\0\xff"), Entry("bert")]


def test_a_tag_that_comes_again_has_the_data_of_its_row(tmp_path):
    table = manifest(tmp_path, "label,file_data\nanna,01\nbert,02\n")
    book = LabelBook(table, {TWO: "bert"})
    assert [book.assign(TWO), book.assign(ONE)] == [Entry("bert", b"\2"), Entry("anna", b"\1")]


def test_it_is_said_that_every_row_is_used(tmp_path):
    book = LabelBook(manifest(tmp_path, "label\nanna\n"), {})
    book.assign(ONE)
    with pytest.raises(LabelsUsedUpError):
        book.assign(TWO)


def test_while_rows_for_other_tags_are_left_only_this_tag_is_refused(tmp_path):
    book = LabelBook(manifest(tmp_path, f"label,uid\nanna,{ONE}\n"), {})
    with pytest.raises(RefusedError, match=f"no row for tag {TWO}") as caught:
        book.assign(TWO)
    assert not isinstance(caught.value, LabelsUsedUpError)


def test_a_row_for_a_tag_that_has_another_label_is_a_contradiction(tmp_path):
    table = manifest(tmp_path, f"label,uid\nanna,{ONE}\n")
    with pytest.raises(SetupError, match="other already"):
        LabelBook(table, {ONE: "other"})


def test_a_row_whose_label_another_tag_has_is_refused(tmp_path):
    book = LabelBook(manifest(tmp_path, f"label,uid\nanna,{ONE}\n"), {TWO: "anna"})
    with pytest.raises(RefusedError, match=f"that of tag {TWO}"):
        book.assign(ONE)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "first row"),
        ("name\nanna\n", "first row"),
        ("label,label\nanna,anna\n", "first row"),
        ("label,colour\nanna,red\n", "first row"),
        ("label,uid\nanna\n", "row 2"),
        ("label,uid\nanna,04\n", "row 2"),
        ("label,uid\nok,\n,\nno\tgood,\n", "row 4"),
        ("label,file_data\nanna,0\n", "row 2"),
        ("label\nanna\nanna\n", "the same label"),
        (f"label,uid\nanna,{ONE}\nbert,{ONE}\n", "the same tag"),
        ('label\n"anna\n', "no CSV"),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_its_row(tmp_path, text, what):
    with pytest.raises(SetupError, match=what):
        manifest(tmp_path, text)


def test_a_manifest_that_is_missing_is_said_to_be(tmp_path):
    with pytest.raises(SetupError, match="cannot be read"):
        Manifest.read(tmp_path / "none.csv")


def test_what_a_spreadsheet_writes_is_read(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"\xef\xbb\xbfLabel;".replace(b";", b",") + b"UID\r\nanna,\r\n\r\n")
    assert Manifest.read(path).size == 1
