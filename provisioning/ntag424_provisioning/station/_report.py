"""What became of each tag, written down as it happens, and read when a run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ntag424 import Generation, Uid
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.station._durable import DurableLines
from ntag424_provisioning.station._rows import FORMATS, Row, RowOutcome

_LAID_DOWN = ".begun"


@dataclass(frozen=True, slots=True)
class Begun:
    """A tag that was laid down when the program ended without saying what became of it."""

    uid: Uid
    label: str
    #: The life it was in; None if it was in none.
    former: Generation | None


@dataclass(slots=True)
class History:
    """What former runs left."""

    #: Each with the life that it was given.
    done: dict[Uid, Generation | None] = field(default_factory=dict)
    labels: dict[Uid, str] = field(default_factory=dict)
    #: Whatever was not finished when its last row was written.
    open: set[Uid] = field(default_factory=set)
    #: What was laid down in a run that did not come to its end.
    begun: tuple[Begun, ...] = ()
    is_confirmed: bool = False

    def add(self, row: Row) -> None:
        """Take one row into account; rows come in their order."""
        if row.outcome is RowOutcome.CONFIRMED:
            self.is_confirmed = True
            return
        if row.uid is None or row.outcome is RowOutcome.FAILED:
            return
        self.open.discard(row.uid)
        if row.outcome is RowOutcome.UNDONE:
            self.done.pop(row.uid, None)
            self.labels.pop(row.uid, None)
            return
        if row.label:
            self.labels[row.uid] = row.label
        if row.outcome is RowOutcome.DONE:
            self.done[row.uid] = row.generation
        elif row.outcome in (RowOutcome.IN_DOUBT, RowOutcome.NOT_ENROLLED):
            self.done.pop(row.uid, None)
            self.open.add(row.uid)


class Records(Protocol):
    """Whoever writes down what became of the tags."""

    @property
    def history(self) -> History:
        """What former runs left."""
        ...

    def begin(self, begun: Begun) -> None:
        """Note that work on a tag begins; on disk on return.

        Raises:
            SetupError: it could not be written; so for `add`.

        """
        ...

    def add(self, row: Row) -> None:
        """Write a row down; on disk on return."""
        ...

    def settle(self) -> None:
        """Forget what was noted by `begin`: rows say all of it."""
        ...


class NoReport:
    """Nothing is written down but the journal."""

    def __init__(self) -> None:
        self.history = History()

    def begin(self, begun: Begun) -> None:
        """See `Records.begin`."""

    def add(self, row: Row) -> None:
        """See `Records.add`."""

    def settle(self) -> None:
        """See `Records.settle`."""


class Report:
    """A file, CSV or JSON lines, and beside it one with the tags that are laid down."""

    def __init__(self, path: Path) -> None:
        """Open the report at *path*, or begin it.

        Raises:
            SetupError: it is no report, or cannot be written, or another station has it.

        """
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            raise SetupError(f"{path} is no name of a report", "Let it end in .csv or .jsonl.")
        self._form = form
        self.history = History()
        with ExitStack() as closing:
            self._lines = DurableLines(path)
            closing.callback(self._lines.close)
            self._begun = DurableLines(path.with_name(path.name + _LAID_DOWN))
            closing.callback(self._begun.close_or_remove)
            self._read()
            # Nothing was wrong: they stay open.
            closing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self, begun: Begun) -> None:
        """See `Records.begin`."""
        former = None if begun.former is None else bytes(begun.former).hex()
        record = {"uid": str(begun.uid), "label": begun.label, "former": former}
        self._begun.add(json.dumps(record) + "\n")

    def add(self, row: Row) -> None:
        """See `Records.add`."""
        self._lines.add(self._form.line(row))

    def settle(self) -> None:
        """See `Records.settle`."""
        self._begun.clear()

    def close(self) -> None:
        """Let others have it."""
        self._begun.close_or_remove()
        self._lines.close()

    def _read(self) -> None:
        header, lines = self._form.header, self._lines.recover()
        if header and not lines:
            self._lines.add(header)
        elif header and lines.pop(0) + "\n" != header:
            raise self._foreign(1)
        self._take(lines)
        try:
            self.history.begun = tuple(_begun(self._begun.recover()))
        except (ValueError, KeyError, TypeError):
            raise SetupError(
                f"{self._begun.path} was not written by a station", "Move it away."
            ) from None

    def _take(self, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines, 2 if self._form.header else 1):
            try:
                self.history.add(self._form.row(line))
            except (ValueError, KeyError):
                raise self._foreign(number) from None

    def _foreign(self, number: int) -> SetupError:
        return SetupError(
            f"line {number} of {self._lines.path} is none of a report",
            "Name a file that does not exist yet, or one that a station wrote.",
        )


def _begun(lines: Iterable[str]) -> Iterator[Begun]:
    for record in map(json.loads, lines):
        former = record["former"]
        generation = None if former is None else Generation.from_bytes(bytes.fromhex(former))
        yield Begun(Uid.from_hex(record["uid"]), record["label"], generation)
