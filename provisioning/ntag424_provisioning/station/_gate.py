"""Lets a tag in when it may be begun: never more than were asked for, and first only one."""

from __future__ import annotations

from enum import Enum, unique


@unique
class Admission(Enum):
    """Whether a tag that lies on a reader may be begun."""

    GO = "go"
    #: Not before another tag is finished, or looked at.
    HOLD = "hold"
    OVER = "over"


@unique
class Article(Enum):
    """How far the first tag of many has come."""

    WANTED = "wanted"
    #: It is done, and phones are to read it.
    SHOWN = "shown"
    #: They have, or need not.
    CONFIRMED = "confirmed"


class Gate:
    """Counts the tags that are being worked on. Its owner locks."""

    def __init__(self, target: int | None, article: Article) -> None:
        self.article = article
        self._target = target
        self._working = 0

    def is_complete(self, total: int) -> bool:
        """Whether as many are done as were asked for."""
        return self._target is not None and total >= self._target

    def admit(self, total: int) -> Admission:
        """Let one in, if *total* are done; it has to `leave`."""
        if self.is_complete(total):
            return Admission.OVER
        is_full = self._target is not None and total + self._working >= self._target
        is_alone = self.article is Article.WANTED and self._working > 0
        if is_full or is_alone or self.article is Article.SHOWN:
            return Admission.HOLD
        self._working += 1
        return Admission.GO

    def leave(self) -> None:
        """Say that the work on a tag is over."""
        self._working -= 1
