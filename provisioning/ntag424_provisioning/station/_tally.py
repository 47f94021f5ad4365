"""Counts tags, each of them once, and remembers those that need attention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ntag424 import Ntag424Error, Uid
from ntag424_provisioning.station._summary import Remaining

#: So many failures of one kind in a row are no accident.
ALIKE = 5


class Tally:
    """What became of every tag, by its UID: what came last counts."""

    def __init__(self, earlier: Iterable[Uid]) -> None:
        self.earlier = set(earlier)
        self.done: set[Uid] = set()
        self.already: set[Uid] = set()
        self.in_doubt: dict[Uid, Remaining] = {}
        self.not_enrolled: dict[Uid, Remaining] = {}
        self._failed: dict[Uid, Remaining] = {}
        self._nameless: list[Remaining] = []

    @property
    def total(self) -> int:
        """How many are done, in this run and before."""
        return len(self.earlier | self.done)

    @property
    def failed(self) -> tuple[Remaining, ...]:
        """What is as it was and was not done later."""
        return (*self._failed.values(), *self._nameless)

    def add_done(self, uid: Uid) -> None:
        """Take down that it works."""
        self._forget(uid)
        self.done.add(uid)

    def add_already(self, uid: Uid) -> None:
        """Take down that it worked before."""
        self._forget(uid)
        self.already.add(uid)

    def remove(self, uid: Uid) -> None:
        """Take down that it does not, or not any more."""
        self._forget(uid)
        self.done.discard(uid)
        self.earlier.discard(uid)

    def add_failed(self, uid: Uid | None, why: str) -> None:
        """Take down that it is as it was."""
        if uid is None:
            self._nameless.append(Remaining(None, "", why))
        elif uid not in self.done | self.earlier:
            self._failed[uid] = Remaining(uid, "", why)

    def add_in_doubt(self, uid: Uid, label: str, why: str) -> None:
        """Take down that it was begun and is not finished."""
        self.remove(uid)
        self.in_doubt[uid] = Remaining(uid, label, why)

    def add_not_enrolled(self, uid: Uid, label: str, why: str) -> None:
        """Take down that it works, and that no ledger knows it."""
        self.remove(uid)
        self.not_enrolled[uid] = Remaining(uid, label, why)

    def _forget(self, uid: Uid) -> None:
        for place in (self.in_doubt, self.not_enrolled, self._failed):
            place.pop(uid, None)


@dataclass(slots=True)
class Streak:
    """Failures of one kind in a row, each tag once."""

    kind: str = ""
    length: int = 0
    last: Uid | None = None

    def broken(self) -> None:
        """Something succeeded."""
        self.kind, self.length, self.last = "", 0, None

    def add(self, uid: Uid | None, error: Ntag424Error) -> bool:
        """Say whether there are too many now."""
        cause = error.__cause__
        kind = type(cause if isinstance(cause, Ntag424Error) else error).__name__
        if kind != self.kind:
            self.kind, self.length, self.last = kind, 0, None
        if uid is None or uid != self.last:
            self.length += 1
        self.last = uid
        return self.length >= ALIKE
