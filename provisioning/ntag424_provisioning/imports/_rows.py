"""Rows of whatever another system exports: CSV, JSON, a JSON object a line, or bare UIDs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ntag424_provisioning.errors import SetupError

_UID = re.compile("[0-9A-Fa-f]{14}")
_HINT = "Export CSV with a header line, JSON, or one UID a line."


@dataclass(frozen=True, slots=True)
class Row:
    """One tag as a file has it; its `repr` shows no cell, for some are keys."""

    #: Where it stands in the file, for people.
    place: str
    #: By names in lower case.
    cells: dict[str, str] = field(repr=False)

    def first(self, *names: str) -> str:
        """Return the first of these cells that is there and not empty; else nothing."""
        return next((self.cells[name] for name in names if self.cells.get(name)), "")


@dataclass(frozen=True, slots=True)
class BadRow:
    """One that cannot be imported. The reason quotes no cell but a UID."""

    place: str
    reason: str


AnyRow: TypeAlias = Row | BadRow


def read_rows(content: bytes) -> list[AnyRow]:
    """Cut a file into rows.

    Raises:
        SetupError: it has none of the forms, or no row.

    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SetupError("the file is not UTF-8 text", _HINT) from None
    rows = list(_json_rows(text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(text))
    if not rows:
        raise SetupError("there is no tag in the file", _HINT)
    return rows


def _csv_rows(text: str) -> Iterator[AnyRow]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error:  # its own words may quote the line
        raise SetupError(f"line {reader.line_num} of the file is not CSV", _HINT) from None
    if not lines:
        return
    names = ["uid"]
    if not _UID.fullmatch(lines[0][1][0]):
        names = [name.strip().lower() for name in lines.pop(0)[1]]
    if len(set(names)) != len(names):
        raise SetupError("two columns of the file have the same name", _HINT)
    for number, cells in lines:
        place = f"line {number}"
        if len(cells) == len(names):
            yield Row(place, dict(zip(names, cells, strict=True)))
        else:
            yield BadRow(place, f"it has {len(cells)} cells, and not {len(names)}")


def _json_rows(text: str) -> Iterator[AnyRow]:
    try:
        items = list(_items(_parsed(text)))
    except ValueError:
        yield from _json_lines(text)
        return
    for number, item in enumerate(items, start=1):
        yield _json_row(f"entry {number}", item)


def _json_lines(text: str) -> Iterator[AnyRow]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield _json_row(f"line {number}", _parsed(line))
        except ValueError:
            yield BadRow(f"line {number}", "it is not a JSON object")


def _items(value: object) -> Iterator[object]:
    """Give the objects of a document; `wrangler d1 execute --json` puts them into `results`."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and isinstance(item.get("results"), list):
            yield from item["results"]
        else:
            yield item


def _json_row(place: str, item: object) -> AnyRow:
    if not isinstance(item, dict):
        return BadRow(place, "it is not a JSON object")
    return Row(place, {name.lower(): _cell(value) for name, value in item.items()})


def _cell(value: object) -> str:
    match value:
        case bool():
            return "Y" if value else "N"
        case str() | int():
            return str(value)
    return ""


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("too deep") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is there twice")
    return members
