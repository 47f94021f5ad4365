"""At one reader: waits for a tag, works on it, waits until it is taken away, and again."""

from __future__ import annotations

from collections.abc import Callable

from ntag424 import Ntag424Error, Uid
from ntag424.errors import NoTagError, ReaderError, TagChangedError, TransportError
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import look_at, reset
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.station._attempt import Attempt, Job
from ntag424_provisioning.station._batch import Batch, Events
from ntag424_provisioning.station._control import Finished
from ntag424_provisioning.station._events import (
    ReaderGone,
    ReaderTrouble,
    TagCame,
    TagFailed,
    TagRemoved,
    WrongTagBack,
)
from ntag424_provisioning.station._gate import Admission
from ntag424_provisioning.station._label_book import LabelsUsedUpError
from ntag424_provisioning.station._post import LOOK, SLICE, Post
from ntag424_provisioning.station._return import AbortedError
from ntag424_provisioning.station._settings import Task, is_hidden

# How often a reader that cannot be used is tried again, and after how many seconds.
_TRIES, _TRY_AFTER = 5, 2.0
# How often contact may be lost before the tag is recognised: it was laid down slowly.
_UNREAD = 3
# A reader may overlook a tag once: only the second time it is gone.
_MISSES = 2
# A tag that stays is looked at less often, after so many looks: each powers it up, and one
# with random IDs counts it as a tap.
_SOON, _LATER = 20, 2.0


class Worker:
    """Works through the tags that are laid on one reader."""

    def __init__(self, post: Post, batch: Batch, task: Task) -> None:
        self._post = post
        self._control = post.control
        self._batch = batch
        self._task = task
        self._troubles = 0
        self._unread = 0

    def run(self) -> None:
        """Work until the run is over, or the reader cannot be used any more."""
        try:
            while not self._control.is_stopping:
                try:
                    self._turn()
                except ReaderError as error:
                    if self._is_given_up(error):
                        return
        except AbortedError:
            return
        finally:
            self._post.link.release_tag()

    def _turn(self) -> None:
        try:
            shown = self._post.link.wait_for_tag(SLICE)
        except NoTagError:
            self._troubles = self._unread = 0
            return
        except TransportError as error:
            self._tell_unread(error)
            self._post.times.pause(LOOK)
            return
        self._troubles = self._unread = 0
        target = self._control.to_undo(self._post.reader)
        if target is not None:
            self._undo(target, shown)
        elif self._is_admitted():
            try:
                self._tend(shown)
            finally:
                self._batch.leave()
            self._await_removal(shown)

    def _tell_unread(self, error: TransportError) -> None:
        """Say once of what lies there that it cannot be read, however often that is tried."""
        self._unread += 1
        if self._unread == _UNREAD:
            self._control.emit(TagFailed(self._post.reader, None, error))

    def _is_admitted(self) -> bool:
        while (admission := self._batch.admit()) is Admission.HOLD:
            self._post.times.pause(SLICE)
        return admission is Admission.GO

    # ---- a tag is there -------------------------------------------------------------------------

    def _tend(self, shown: bytes | None) -> None:
        post = self._post
        uid = None if shown is None or is_hidden(shown) else Uid(shown)
        self._control.emit(TagCame(post.reader, uid))
        try:
            uid = uid or look_at(self._bench()).known.uid
            entry = self._batch.begin(uid)
        except LabelsUsedUpError:
            return
        except Ntag424Error as failure:
            error = failure
            self._take_down(lambda: self._batch.untouched(post.reader, uid, error))
            return
        self._work(uid, entry.label, lambda bench: self._task.do(bench, entry))

    def _work(self, uid: Uid, label: str, job: Job) -> None:
        post, batch = self._post, self._batch
        began = post.times.clock()
        try:
            result = Attempt(post, uid, label).run(job)
        except AbortedError:
            left = InDoubtError(f"the run was ended while tag {uid} was being worked on")
            self._take_down(lambda: batch.unfinished(post.reader, uid, left))
            raise
        except Ntag424Error as failure:
            error = failure
            self._take_down(lambda: batch.unfinished(post.reader, uid, error))
        else:
            seconds = post.times.clock() - began
            self._take_down(lambda: batch.done(post.reader, uid, result, seconds))

    def _take_down(self, note: Callable[[], Events]) -> None:
        try:
            events = note()
        except Ntag424Error as error:
            # Only the journal can fail here; it is whole, and the next run reads it.
            self._batch.fail(error)
        else:
            for event in events:
                self._control.emit(event)
        self._batch.conclude()

    def _bench(self) -> Bench:
        stock = self._post.stock
        return Bench(self._post.link, stock.journal, stock.keyring, stock.enroller)

    # ---- a tag is to go -------------------------------------------------------------------------

    def _await_removal(self, shown: bytes | None) -> None:
        """Wait until the reader is empty, or has another tag on it."""
        misses = looks = 0
        while misses < _MISSES:
            target = self._control.to_undo(self._post.reader)
            if self._control.is_stopping or (target is not None and target.uid == shown):
                return
            # Released, the next one may be any: only so a reader of simulated tags goes on.
            self._post.link.release_tag()
            try:
                now = self._look()
            except NoTagError:
                misses += 1
            else:
                if now != shown and not (is_hidden(now) and is_hidden(shown)):
                    break
                misses = 0
            looks += 1
            self._post.times.pause(LOOK if looks < _SOON else _LATER)
        self._control.emit(TagRemoved(self._post.reader))

    def _look(self) -> bytes | None:
        """Return what is there now, however often contact is lost while it is recognised."""
        while True:
            try:
                return self._post.link.wait_for_tag(0)
            except TransportError:
                # It is there, and must not be released unseen.
                if self._control.is_stopping:
                    raise NoTagError("the run is over") from None
                self._post.times.pause(LOOK)

    # ---- undoing --------------------------------------------------------------------------------

    def _undo(self, target: Finished, shown: bytes | None) -> None:
        post = self._post
        if shown != target.uid and not (is_hidden(shown) and self._is_hidden_target(target)):
            self._control.emit(WrongTagBack(post.reader, target.uid, target.label))
            self._await_other(target)
            return
        self._control.emit(TagCame(post.reader, target.uid))
        self._work(target.uid, target.label, reset)
        self._control.undone()
        self._await_removal(shown)

    def _is_hidden_target(self, target: Finished) -> bool:
        return look_at(self._bench()).known.uid == target.uid

    def _await_other(self, target: Finished) -> None:
        """Wait until the wrong tag is gone, or is not wrong any more."""
        while self._control.to_undo(target.reader) and not self._control.is_stopping:
            try:
                self._post.link.reconnect()
            except (NoTagError, TagChangedError):
                self._post.link.release_tag()
                return
            except TransportError:
                pass
            self._post.times.pause(LOOK)

    # ---- a reader that cannot be used -----------------------------------------------------------

    def _is_given_up(self, error: ReaderError) -> bool:
        self._troubles += 1
        if self._troubles == _TRIES:
            self._control.emit(ReaderGone(self._post.reader, error))
            return True
        if self._troubles == 1:
            self._control.emit(ReaderTrouble(self._post.reader, error))
        self._post.times.pause(_TRY_AFTER)
        return False
