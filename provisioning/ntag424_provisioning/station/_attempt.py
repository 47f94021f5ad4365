"""Works on one tag until it is finished, also if it leaves the reader meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from ntag424 import Ntag424Error, Uid
from ntag424.errors import (
    AuthenticationDelayError,
    ProtocolError,
    ReaderError,
    TagRefusedError,
    TransportError,
)
from ntag424_provisioning.engine.bench import Bench, Outcome, Progress, Result
from ntag424_provisioning.engine.jobs import repair, reset
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station._events import LostInWork, StepBegan
from ntag424_provisioning.station._post import Post
from ntag424_provisioning.station._return import AbortedError, await_return

#: What is done to a tag.
Job: TypeAlias = Callable[[Bench], Result]

# How often a tag is begun again that was lost before anything was changed ...
_FRESH_STARTS = 3
# ... and how long its return is waited for, in seconds: it was laid down slowly.
_MOMENT = 1.0
# How often a tag is repaired at once after an answer that no tag gives.
_REPAIRS = 2


class Attempt:
    """The work on the tag *uid*, which lies on the reader of *post*."""

    def __init__(self, post: Post, uid: Uid, label: str) -> None:
        self._post = post
        self._uid = uid
        self._label = label
        stock = post.stock
        self._bench = Bench(post.link, stock.journal, stock.keyring, stock.enroller, self._watch)
        self._progress: Progress | None = None
        self._fresh_starts = 0
        self._repairs = 0

    def run(self, job: Job) -> Result:
        """Do *job*, and whatever it takes to finish it.

        Raises:
            AbortedError: it was to end at once.
            Ntag424Error: it could not be finished; the journal says how far it came.

        """
        now = job
        while True:
            try:
                result = now(self._bench)
            except Ntag424Error as error:
                # Begun, the journal says what is to be done, and that alone.
                now = repair if self._get_over(error) else job
                continue
            if now is repair and result.outcome is Outcome.RESET and job is not reset:
                # What was to be finished was making it blank, from long before.
                now = job
                continue
            return result

    def _watch(self, progress: Progress) -> None:
        if self._post.control.is_aborted:
            raise AbortedError
        self._progress = progress
        self._post.control.emit(StepBegan(self._post.reader, self._uid, progress))

    def _get_over(self, error: Ntag424Error) -> bool:
        """Make a further attempt possible, and say whether the tag was begun; else raise."""
        is_begun = self._post.stock.stage_of(self._uid) is Stage.WRITING
        cause = error.__cause__ if isinstance(error, InDoubtError) else error
        if isinstance(cause, (TransportError, ReaderError)):
            if is_begun:
                lost = LostInWork(self._post.reader, self._uid, self._label, self._progress, error)
                await_return(self._post, lost)
            else:
                self._await_moment(error)
        elif is_begun and _is_garbled(cause) and self._repairs < _REPAIRS:
            self._repairs += 1
            with suppress(TransportError, ReaderError):
                self._post.link.reconnect()
        else:
            raise error
        return is_begun

    def _await_moment(self, error: Ntag424Error) -> None:
        """Wait for a tag that was only laid down slowly; it is as it was."""
        self._fresh_starts += 1
        if self._fresh_starts > _FRESH_STARTS:
            raise error
        try:
            self._post.link.wait_for_tag(_MOMENT)
        except (TransportError, ReaderError):
            raise error from None


def _is_garbled(cause: BaseException | None) -> bool:
    """Whether the tag, or the reader, said something that another attempt may set right."""
    if isinstance(cause, AuthenticationDelayError):
        return False
    return isinstance(cause, (ProtocolError, TagRefusedError))
