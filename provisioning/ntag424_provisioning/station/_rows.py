"""One line of a report, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Protocol

from ntag424 import Generation, Uid

COLUMNS = (
    "time",
    "uid",
    "label",
    "outcome",
    "key_version",
    "epoch",
    "counter",
    "seconds",
    "error",
)


@unique
class RowOutcome(StrEnum):
    """What a line of a report says of a tag; the last that is not about phones counts."""

    #: Written, proven, enrolled.
    DONE = "done"
    #: It was what it is to be, before it stood in this report.
    ALREADY = "already"
    #: It is as it was.
    FAILED = "failed"
    #: Begun and not finished.
    IN_DOUBT = "in-doubt"
    #: Written and proven; no ledger knows it.
    NOT_ENROLLED = "not-enrolled"
    #: Blank again, its label free.
    UNDONE = "undone"
    #: Two phones have read it.
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that became of one tag."""

    time: datetime
    #: None where it could not be told.
    uid: Uid | None
    label: str
    outcome: RowOutcome
    generation: Generation | None = None
    counter: int | None = None
    seconds: float | None = None
    error: str = ""

    def cells(self) -> dict[str, str | int | float | None]:
        """Return what stands under each of `COLUMNS`."""
        generation = self.generation
        return {
            "time": self.time.isoformat(timespec="seconds"),
            "uid": None if self.uid is None else str(self.uid),
            "label": self.label,
            "outcome": self.outcome.value,
            "key_version": None if generation is None else generation.key_version,
            "epoch": None if generation is None else generation.epoch,
            "counter": self.counter,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": " ".join(self.error.split()),
        }

    @classmethod
    def from_cells(cls, cells: Mapping[str, object]) -> Row:
        """Undo `cells`, also where everything has become text.

        Raises:
            ValueError, KeyError: they are none of a row.

        """
        text = {name: "" if cells[name] is None else str(cells[name]) for name in COLUMNS}
        generation = None
        if text["key_version"] and text["epoch"]:
            generation = Generation(int(text["key_version"]), int(text["epoch"]))
        return cls(
            datetime.fromisoformat(text["time"]),
            Uid.from_hex(text["uid"]) if text["uid"] else None,
            text["label"],
            RowOutcome(text["outcome"]),
            generation,
            int(text["counter"]) if text["counter"] else None,
            float(text["seconds"]) if text["seconds"] else None,
            text["error"],
        )


class RowFormat(Protocol):
    """How rows are lines. No line has a line break inside."""

    @property
    def header(self) -> str:
        """The first line, with its end; empty if there is none."""
        ...

    def line(self, row: Row) -> str:
        """Return *row* as a line, with its end."""
        ...

    def row(self, line: str) -> Row:
        """Undo `line`.

        Raises:
            ValueError, KeyError: it is none.

        """
        ...


class CsvRows:
    """Comma-separated, one header line."""

    header = ",".join(COLUMNS) + "\n"

    def line(self, row: Row) -> str:
        """See `RowFormat.line`."""
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerow(row.cells().values())
        return written.getvalue()

    def row(self, line: str) -> Row:
        """See `RowFormat.row`."""
        try:
            (cells,) = csv.reader([line], strict=True)
        except csv.Error as error:
            raise ValueError(str(error)) from None
        return Row.from_cells(dict(zip(COLUMNS, cells, strict=True)))


class JsonRows:
    """One JSON object for each line."""

    header = ""

    def line(self, row: Row) -> str:
        """See `RowFormat.line`."""
        return json.dumps(row.cells()) + "\n"

    def row(self, line: str) -> Row:
        """See `RowFormat.row`."""
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one answer to all that is wrong
        return Row.from_cells(record)


#: By the end of a file's name.
FORMATS: Mapping[str, RowFormat] = {".csv": CsvRows(), ".jsonl": JsonRows()}
