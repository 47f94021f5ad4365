"""What the readers of a run share: labels, the report, the counts, and when enough is enough."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from ntag424 import Ntag424Error, Uid
from ntag424.errors import ReaderError, TransportError
from ntag424_provisioning.engine.bench import Outcome, Result
from ntag424_provisioning.errors import InDoubtError, RefusedError, SetupError
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station._control import Finished
from ntag424_provisioning.station._events import (
    Duplicate,
    Event,
    FirstArticleConfirmed,
    FirstArticleWanted,
    TagAlreadyOurs,
    TagDone,
    TagDoneAfterAll,
    TagFailed,
    TagInDoubt,
    TagNotEnrolled,
    TagUndone,
)
from ntag424_provisioning.station._gate import Admission, Article, Gate
from ntag424_provisioning.station._label_book import LabelBook, LabelsUsedUpError
from ntag424_provisioning.station._labels import Entry
from ntag424_provisioning.station._post import Site
from ntag424_provisioning.station._reasons import StopReason
from ntag424_provisioning.station._report import Begun, Records
from ntag424_provisioning.station._rows import Row, RowOutcome
from ntag424_provisioning.station._settings import Provisioning, StationSettings
from ntag424_provisioning.station._tally import Streak, Tally

Events: TypeAlias = tuple[Event, ...]


class Batch:
    """The books of a run. All methods may be called from any thread."""

    def __init__(
        self, settings: StationSettings, site: Site, records: Records, labels: Mapping[Uid, str]
    ) -> None:
        history = records.history
        self.tally = Tally(history.done)
        self._stock = site.stock
        self._control = site.control
        self._times = site.times
        self._records = records
        # What was in use before this run is not made blank by one key.
        self._can_undo = isinstance(settings.task, Provisioning)
        self._labels = LabelBook(settings.task.labels, labels)
        #: Tags whose label is only theirs if they are begun.
        self._tentative: set[Uid] = set()
        wants = settings.wants_first_article(self.tally.total) and not history.is_confirmed
        self._gate = Gate(settings.target, Article.WANTED if wants else Article.CONFIRMED)
        self._streak = Streak()
        #: Whether the report says what became of every tag that was laid down.
        self._is_whole = True
        #: Why the run is to end, once what has just happened was told.
        self._ending: tuple[StopReason, Ntag424Error | None] | None = None
        self._lock = threading.RLock()
        for uid in history.open:
            self._recall(uid)

    # ---- before the work ------------------------------------------------------------------------

    def admit(self) -> Admission:
        """Ask whether a tag may be begun; what is let in has to `leave`."""
        with self._lock:
            if self._control.is_stopping:
                return Admission.OVER
            admission = self._gate.admit(self.tally.total)
        if admission is Admission.OVER:
            self._control.stop(StopReason.COMPLETE)
        return admission

    def leave(self) -> None:
        """Say that the work on a tag is over, however it went."""
        with self._lock:
            self._gate.leave()

    def begin(self, uid: Uid) -> Entry:
        """Say what the tag is to be called, and note that it was laid down.

        Raises:
            LabelsUsedUpError: no label is left; the run ends.
            RefusedError: none is left for this tag.
            VaultError, SetupError: journal or report cannot be used.

        """
        with self._lock:
            is_new = not self._labels.label_of(uid)
            try:
                entry = self._labels.assign(uid)
            except LabelsUsedUpError as error:
                self._control.stop(StopReason.LABELS, error)
                raise
            if is_new:
                self._tentative.add(uid)
            known = self._stock.journal.find(uid)
            in_use = known is not None and known.stage in (Stage.WRITTEN, Stage.READY)
            former = known.generation if known is not None and in_use else None
            try:
                self._records.begin(Begun(uid, entry.label, former))
            except SetupError as error:
                self._end(StopReason.REPORT, error)
                raise
            return entry

    def fail(self, error: Ntag424Error) -> None:
        """End the run because something could not be taken down: the next one will."""
        with self._lock:
            self._is_whole = False
            self._end(StopReason.VAULT, error)

    def close(self) -> None:
        """Let the report know that it says all there is, if it does."""
        if self._is_whole:
            self._records.settle()

    def conclude(self) -> None:
        """End the run if what was taken down last is a reason to."""
        with self._lock:
            ending = self._ending
        if ending is not None:
            self._control.stop(*ending)

    # ---- after the work -------------------------------------------------------------------------

    def done(self, reader: str, uid: Uid, result: Result, seconds: float) -> Events:
        """Take down what a tag has become."""
        with self._lock:
            self._streak.broken()
            if result.outcome is Outcome.PROVISIONED:
                return self._provisioned(reader, uid, result, seconds)
            if result.outcome is Outcome.RESET:
                return self.undone(reader, uid, result)
            self._settle_label(uid)
            label = self._labels.label_of(uid)
            if uid in self.tally.done:
                return (Duplicate(reader, uid, label),)
            if uid not in self.tally.already | self.tally.earlier:
                self._write(uid, label, RowOutcome.ALREADY, result)
            self.tally.add_already(uid)
            return (TagAlreadyOurs(reader, uid, label),)

    def undone(self, reader: str, uid: Uid, result: Result) -> Events:
        """Take down that a tag is blank again, and free its label."""
        with self._lock:
            label = self._labels.label_of(uid)
            known = self._stock.journal.find(uid)
            if known is not None and known.label:
                self._stock.journal.put(replace(known, label=""))
            self._write(uid, label, RowOutcome.UNDONE, result)
            self._tentative.discard(uid)
            self._labels.give_back(uid)
            self.tally.remove(uid)
            return (TagUndone(reader, uid, label),)

    def unfinished(self, reader: str, uid: Uid, error: Ntag424Error) -> Events:
        """Take down that a tag is not what it is to be; how far it came, the journal knows."""
        with self._lock:
            self._settle_label(uid)
            label, stage = self._labels.label_of(uid), self._stock.stage_of(uid)
            match stage:
                case Stage.WRITING:
                    self._write(uid, label, RowOutcome.IN_DOUBT, error=error)
                    self.tally.add_in_doubt(uid, label, str(error))
                    event: Event = TagInDoubt(reader, uid, label, error)
                case Stage.WRITTEN if isinstance(error, InDoubtError):
                    self._write(uid, label, RowOutcome.NOT_ENROLLED, error=error)
                    self.tally.add_not_enrolled(uid, label, str(error))
                    event = TagNotEnrolled(reader, uid, label, error)
                case _:
                    return self.untouched(reader, uid, error)
            self._count(uid, error)
            return (event,)

    def untouched(self, reader: str, uid: Uid | None, error: Ntag424Error) -> Events:
        """Take down that a tag is as it was."""
        with self._lock:
            if uid is not None:
                self._settle_label(uid)
            is_gone = isinstance(error, (TransportError, ReaderError))
            if uid is not None or not is_gone:
                self._write(uid, "", RowOutcome.FAILED, error=error)
                self.tally.add_failed(uid, str(error))
            if not is_gone:
                self._count(uid, error)
            return (TagFailed(reader, uid, error),)

    # ---- at the end -----------------------------------------------------------------------------

    def enrol_rest(self) -> Events:
        """Tell the ledger of the tags that it could not be told of, and say which it took."""
        enrolled: Events = ()
        for left in tuple(self.tally.not_enrolled.values()):
            if left.uid is None:
                continue
            try:
                result = self._stock.enrol(left.uid)
            except Ntag424Error as error:
                self.tally.add_not_enrolled(left.uid, left.label, str(error))
                continue
            self._write(left.uid, left.label, RowOutcome.DONE, result)
            self.tally.add_done(left.uid)
            enrolled += (TagDoneAfterAll(left.uid, left.label),)
        return enrolled

    # ---- the first article ----------------------------------------------------------------------

    def confirm(self, shown: FirstArticleWanted, counter: int) -> Event:
        """Let further tags in: phones have read the first."""
        with self._lock:
            self._gate.article = Article.CONFIRMED
            row = Row(self._times.now(), shown.uid, shown.label, RowOutcome.CONFIRMED)
            self._add(replace(row, generation=shown.result.generation, counter=counter))
            return FirstArticleConfirmed(shown.reader, shown.uid, shown.label, counter)

    @property
    def wants_first_article(self) -> bool:
        """Whether the first tag that is done must be confirmed before there are others."""
        return self._gate.article is not Article.CONFIRMED

    # ---- behind the scenes ----------------------------------------------------------------------

    def _provisioned(self, reader: str, uid: Uid, result: Result, seconds: float) -> Events:
        label = self._bind_label(uid)
        self._write(uid, label, RowOutcome.DONE, result, seconds=seconds)
        self.tally.add_done(uid)
        if self._can_undo:
            self._control.finished(Finished(reader, uid, label))
        events: Events = (TagDone(reader, uid, label, result, seconds),)
        if self._gate.article is Article.WANTED:
            self._gate.article = Article.SHOWN
            events += (FirstArticleWanted(reader, uid, label, result),)
        if self._gate.is_complete(self.tally.total):
            self._end(StopReason.COMPLETE)
        return events

    def _recall(self, uid: Uid) -> None:
        """Take over a tag that a former run left unfinished."""
        label = self._labels.label_of(uid)
        match self._stock.stage_of(uid):
            case Stage.WRITING:
                self.tally.add_in_doubt(uid, label, "a former run did not finish it")
            case Stage.WRITTEN:
                self.tally.add_not_enrolled(uid, label, "a former run did not enrol it")

    def _bind_label(self, uid: Uid) -> str:
        """Have the journal know the label also where the tag was begun without one."""
        self._tentative.discard(uid)
        label, known = self._labels.label_of(uid), self._stock.journal.find(uid)
        if known is not None and known.label != label:
            self._stock.journal.put(replace(known, label=label))
        return label

    def _settle_label(self, uid: Uid) -> None:
        """Take back a label that was given to a tag that was not begun then."""
        if uid not in self._tentative:
            return
        self._tentative.discard(uid)
        label, known = self._labels.label_of(uid), self._stock.journal.find(uid)
        is_held = known is not None and known.label == label
        if known is not None and is_held and known.stage is not Stage.PLANNED:
            return
        if known is not None and is_held:
            self._stock.journal.put(replace(known, label=""))
        self._labels.give_back(uid)

    def _count(self, uid: Uid | None, error: Ntag424Error) -> None:
        if self._streak.add(uid, error):
            text = f"{self._streak.length} tags in a row failed alike, the last: {error}"
            self._end(StopReason.FAILURES, RefusedError(text, error.hint))

    def _write(
        self,
        uid: Uid | None,
        label: str,
        outcome: RowOutcome,
        result: Result | None = None,
        *,
        seconds: float | None = None,
        error: Ntag424Error | None = None,
    ) -> None:
        generation = None if result is None else result.generation
        counter = None if result is None else result.counter
        why = "" if error is None else str(error)
        now = self._times.now()
        self._add(Row(now, uid, label, outcome, generation, counter, seconds, why))

    def _add(self, row: Row) -> None:
        try:
            self._records.add(row)
        except SetupError as error:
            self._is_whole = False
            self._end(StopReason.REPORT, error)

    def _end(self, reason: StopReason, error: Ntag424Error | None = None) -> None:
        self._ending = self._ending or (reason, error)
