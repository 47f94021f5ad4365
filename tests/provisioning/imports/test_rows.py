"""Files are cut into rows, and what breaks their form is told by its place."""

from __future__ import annotations

import json

import pytest
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.imports import BadRow, Row, read_rows

SECRET = "5EC12E7C0FFEE5EC12E7C0FFEE5EC12E"


def rows(text):
    return read_rows(text.encode())


def cells(text):
    return [(row.place, row.cells) for row in rows(text)]


def test_csv_has_a_header_line():
    assert cells("uid,last_ctr\n04A39493CC8680,7\n") == [
        ("line 2", {"uid": "04A39493CC8680", "last_ctr": "7"})
    ]


def test_names_of_columns_are_known_in_any_case():
    assert cells("UID, Last_Ctr\na,7\n")[0][1] == {"uid": "a", "last_ctr": "7"}


def test_lines_are_numbered_as_an_editor_does():
    assert [row.place for row in rows('uid,name\n\na,"two\nlines"\nb,c\n')] == ["line 4", "line 5"]


def test_a_list_of_uids_needs_no_header():
    assert cells("04A39493CC8680\n\n0425607a8f6980\n") == [
        ("line 1", {"uid": "04A39493CC8680"}),
        ("line 3", {"uid": "0425607a8f6980"}),
    ]


def test_the_mark_that_windows_puts_first_is_no_part_of_the_text():
    assert read_rows(b"\xef\xbb\xbfuid\na\n")[0].cells == {"uid": "a"}


@pytest.mark.parametrize("text", ["uid,k0\na\n", "uid,k0\na,b,c\n"])
def test_a_line_with_other_cells_than_the_header_is_bad(text):
    assert [type(row) for row in rows(text)] == [BadRow]


@pytest.mark.parametrize(
    "text",
    [
        '[{"uid":"a","k0":1}]',
        '{"uid":"a","k0":1}',
        '{"uid":"a",\n "k0":1}\n',
        '{"UID":"a","K0":1}\n',
        '{"results":[{"uid":"a","k0":1}],"success":true}',
        '[{"results":[{"uid":"a","k0":1}],"success":true}]',
    ],
    ids=["list", "object", "object over lines", "other case", "D1", "wrangler"],
)
def test_json_may_be_a_list_an_object_or_an_answer_of_a_database(text):
    assert [row.cells for row in rows(text)] == [{"uid": "a", "k0": "1"}]


def test_json_may_have_an_object_a_line():
    text = '{"uid":"a"}\n\n{"uid":"b"}\n'
    assert cells(text) == [("line 1", {"uid": "a"}), ("line 3", {"uid": "b"})]


def test_what_json_can_say_becomes_text():
    text = json.dumps({"a": True, "b": False, "c": None, "d": 7, "e": 1.5, "f": [], "g": "x"})
    assert cells(text)[0][1] == {"a": "Y", "b": "N", "c": "", "d": "7", "e": "", "f": "", "g": "x"}


@pytest.mark.parametrize("line", ["{", '{"uid":"a","uid":"b"}', "7", "[]", "x"])
def test_a_line_that_is_no_json_object_is_bad(line):
    first, second = rows('{"uid":"a"}\n' + line + "\n")
    assert (type(first), type(second), second.place) == (Row, BadRow, "line 2")


def test_an_entry_that_is_no_object_is_bad():
    assert rows('[{"uid":"a"},7]')[1] == BadRow("entry 2", "it is not a JSON object")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no tag"),
        (b"\n\n", "no tag"),
        (b"uid,k0\n", "no tag"),
        (b"[]", "no tag"),
        (b"\xff\xfe", "not UTF-8"),
        (b'uid,k0\na,"' + SECRET.encode(), "line 2 of the file is not CSV"),
        (b'uid,k0\na,"b"' + SECRET.encode() + b"\n", "line 2 of the file is not CSV"),
        (b"uid,uid\na,b\n", "same name"),
    ],
)
def test_a_file_of_no_known_form_is_refused_without_its_content(content, message):
    with pytest.raises(SetupError, match=message) as refused:
        read_rows(content)
    assert SECRET not in f"{refused.value}{refused.value.hint}"


def test_json_that_is_too_deep_is_one_bad_row():
    assert [type(row) for row in rows("[" * 100_000)] == [BadRow]


def test_no_row_shows_its_cells():
    assert SECRET not in repr(rows(f"uid,k0\na,{SECRET}\n"))
