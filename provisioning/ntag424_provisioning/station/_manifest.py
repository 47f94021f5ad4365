"""Labels from a table that somebody made beforehand, for any tag or for certain ones."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from ntag424 import Uid
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.station._labels import Entry, require_label

_COLUMNS = ("label", "uid", "file_data")
_HINT = "A manifest is CSV: a first row label[,uid][,file_data], then one row for each tag."
_BYTES = re.compile("(?:[0-9A-Fa-f]{2})*", re.ASCII)


class Manifest:
    """Rows with a UID are for that tag; the others are used in their order.

    Raises:
        SetupError: two rows have the same label, or the same UID.

    """

    def __init__(self, rows: Sequence[tuple[Entry, Uid | None]]) -> None:
        self._named = {entry.label: entry for entry, _ in rows}
        self._own = {uid: entry for entry, uid in rows if uid is not None}
        self._any = [entry for entry, uid in rows if uid is None]
        self._numbers = {entry.label: number for number, entry in enumerate(self._any)}
        if len(self._named) != len(rows):
            raise SetupError("two rows of the manifest have the same label", _HINT)
        if len(self._own) + len(self._any) != len(rows):
            raise SetupError("two rows of the manifest are for the same tag", _HINT)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a CSV file.

        Raises:
            SetupError: it cannot be read, or is no manifest; the message names the row.

        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return cls(list(_rows(csv.reader(file, strict=True))))
        except OSError as error:
            raise SetupError(f"the manifest {path} cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise SetupError(f"the manifest {path} is no CSV in UTF-8: {error}", _HINT) from error

    @property
    def size(self) -> int:
        """See `LabelSource.size`."""
        return len(self._named)

    def entries(self) -> Iterator[tuple[Entry, Uid | None]]:
        """Give every row, those for certain tags first."""
        yield from ((entry, uid) for uid, entry in self._own.items())
        yield from ((entry, None) for entry in self._any)

    def own(self, uid: Uid) -> Entry | None:
        """See `LabelSource.own`."""
        return self._own.get(uid)

    def named(self, label: str) -> Entry | None:
        """See `LabelSource.named`."""
        return self._named.get(label)

    def numbers(self) -> Iterator[int]:
        """See `LabelSource.numbers`."""
        return iter(range(len(self._any)))

    def number_of(self, label: str) -> int | None:
        """See `LabelSource.number_of`."""
        return self._numbers.get(label)

    def entry(self, number: int, uid: Uid) -> Entry:  # noqa: ARG002 - it is for any
        """See `LabelSource.entry`."""
        return self._any[number]


def _rows(lines: Iterator[list[str]]) -> Iterator[tuple[Entry, Uid | None]]:
    header = [name.strip().lower() for name in next(lines, [])]
    if "label" not in header or len(set(header)) != len(header) or set(header) - set(_COLUMNS):
        raise SetupError("the first row of the manifest does not name its columns", _HINT)
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise SetupError(f"row {number} of the manifest has {len(cells)} cells", _HINT)
        try:
            yield _row(dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        except (SetupError, ValueError) as error:
            raise SetupError(f"row {number} of the manifest: {error}", _HINT) from None


def _row(cells: dict[str, str]) -> tuple[Entry, Uid | None]:
    label, uid, file_data = (cells.get(column, "") for column in _COLUMNS)
    require_label(label)
    if not _BYTES.fullmatch(file_data):
        raise ValueError("file_data is written as hex digits")
    entry = Entry(label, bytes.fromhex(file_data) if file_data else None)
    return entry, Uid.from_hex(uid) if uid else None
