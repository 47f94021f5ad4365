"""What this process saw accepted: a second memory, in case Redis loses its own."""

from __future__ import annotations

from ntag424.model import Uid

_MOST_TAGS = 1 << 16


class HighWater:
    """The highest accepted position of the tags that tapped last."""

    def __init__(self) -> None:
        self._marks: dict[Uid, bytes] = {}

    def of(self, uid: Uid) -> bytes:
        """Return the highest position seen accepted, empty if none."""
        return self._marks.get(uid, b"")

    def raise_to(self, uid: Uid, position: bytes) -> None:
        """Remember that *position* was accepted."""
        highest = max(position, self._marks.pop(uid, b""))
        self._marks[uid] = highest  # last in the order: the first is forgotten
        if len(self._marks) > _MOST_TAGS:
            del self._marks[next(iter(self._marks))]
