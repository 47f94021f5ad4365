"""Begins where a former run ended, in whatever way it did: the journal knows what became."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ntag424 import Uid
from ntag424_provisioning.model import KnownTag, Stage
from ntag424_provisioning.station._post import Stock, Times
from ntag424_provisioning.station._report import Begun, History, Records
from ntag424_provisioning.station._rows import Row, RowOutcome


def resume(records: Records, stock: Stock, times: Times) -> None:
    """Write the rows that a former run did not come to write.

    Raises:
        VaultError: the journal cannot be read.
        SetupError: the report cannot be written.

    """
    history = records.history
    for begun in _to_be_looked_at(history):
        known = stock.journal.find(begun.uid)
        outcome = None if known is None else _outcome(known, begun, history)
        if known is not None and outcome is not None:
            label = known.label or begun.label
            row = Row(times.now(), known.uid, label, outcome, known.generation, known.counter)
            records.add(row)
            history.add(row)
    records.settle()


def labels_given(history: History, known: Iterable[KnownTag]) -> dict[Uid, str]:
    """Return the labels of all tags that have one, by report and journal."""
    return history.labels | {tag.uid: tag.label for tag in known if tag.label}


def _to_be_looked_at(history: History) -> Iterator[Begun]:
    yield from history.begun
    for uid in list(history.open):
        yield Begun(uid, history.labels.get(uid, ""), None)


def _outcome(known: KnownTag, begun: Begun, history: History) -> RowOutcome | None:
    """Say what became of a tag, if the report does not."""
    is_open = known.uid in history.open
    is_told = known.generation in (begun.former, history.done.get(known.uid)) and not is_open
    match known.stage:
        case Stage.READY if not is_told:
            return RowOutcome.DONE
        case Stage.WRITING if not is_open:
            return RowOutcome.IN_DOUBT
        case Stage.WRITTEN if not (is_open or is_told):
            return RowOutcome.NOT_ENROLLED
        case Stage.BLANK if is_open or known.uid in history.done:
            return RowOutcome.UNDONE
        case _:
            return None
