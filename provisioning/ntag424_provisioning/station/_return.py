"""Waits for a tag that was begun and left the reader: for it, and for no other."""

from __future__ import annotations

from ntag424.errors import NoTagError, ReaderError, TagChangedError, TransportError
from ntag424_provisioning.station._events import LostInWork, ReaderTrouble, WrongTagBack
from ntag424_provisioning.station._post import LOOK, SLICE, Post

# Seconds between two attempts to use a reader that cannot be used.
_TROUBLE = 1.0


class AbortedError(Exception):
    """The operator wants to end at once."""


def await_return(post: Post, lost: LostInWork) -> None:
    """Come back when the tag has.

    Raises:
        AbortedError: it was to end at once.
        Ntag424Error: the operator gave it up for now; it is the one in *lost*.

    """
    post.control.emit(lost)
    waiting = _Waiting(post, lost)
    with post.control.lost(post.reader):
        while not waiting.is_over():
            pass


class _Waiting:
    """One look after the other; what is there is told once, not with every look."""

    def __init__(self, post: Post, lost: LostInWork) -> None:
        self._post = post
        self._lost = lost
        self._has_wrong = False
        self._has_trouble = False

    def is_over(self) -> bool:
        """Look for at most a moment."""
        control = self._post.control
        if control.is_aborted:
            raise AbortedError
        if control.is_skipped(self._post.reader):
            raise self._lost.error
        try:
            # Another tag is a TagChangedError, and is sent nothing.
            self._post.link.wait_for_tag(SLICE)
        except NoTagError:
            self._has_wrong = self._has_trouble = False
        except TagChangedError:
            self._tell_wrong()
        except TransportError:
            self._post.times.pause(LOOK)
        except ReaderError as error:
            self._tell_trouble(error)
        else:
            return True
        return False

    def _tell_wrong(self) -> None:
        if not self._has_wrong:
            self._has_wrong = True
            lost = self._lost
            self._post.control.emit(WrongTagBack(lost.reader, lost.uid, lost.label))
        self._post.times.pause(LOOK)

    def _tell_trouble(self, error: ReaderError) -> None:
        if not self._has_trouble:
            self._has_trouble = True
            self._post.control.emit(ReaderTrouble(self._post.reader, error))
        self._post.times.pause(_TROUBLE)
