"""What a ledger in Redis tells its witness: only what Redis has confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ntag424.model import Uid
from ntag424.replay._witness import Witness
from ntag424.replay.redis._line import Reply


@dataclass(frozen=True, slots=True)
class Change:
    """What a command changes if it does what it asks for."""

    #: Number of the bucket.
    part: int
    #: The tag whose taps up to a position are used then; None if nothing is used up.
    used: tuple[Uid, bytes] | None = None


class Observer(Protocol):
    """Is told what can be relied on."""

    def connected(self, server_ms: int) -> None:
        """Take note of a server's clock, UNIX time in ms."""
        ...

    def confirmed(self, replies: Sequence[tuple[Change, Reply]]) -> None:
        """Take note of changes; called once for all that shared a round trip."""
        ...


class NoObserver:
    """For whoever keeps no witness."""

    def connected(self, server_ms: int) -> None:
        """See `Observer.connected`."""

    def confirmed(self, replies: Sequence[tuple[Change, Reply]]) -> None:
        """See `Observer.confirmed`."""


class WitnessObserver:
    """Has a witness remember what was confirmed."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def connected(self, server_ms: int) -> None:
        """See `Observer.connected`."""
        self._witness.observe_time(server_ms)

    def confirmed(self, replies: Sequence[tuple[Change, Reply]]) -> None:
        """See `Observer.confirmed`."""
        revisions, used = _read(replies)
        if revisions:
            self._witness.observe(revisions, used)


def _read(replies: Iterable[tuple[Change, Reply]]) -> tuple[dict[int, int], dict[Uid, bytes]]:
    """Find the revision in each reply: what changes nothing tells none."""
    revisions: dict[int, int] = {}
    used: dict[Uid, bytes] = {}
    for change, reply in replies:
        words = reply.split(b" ") if isinstance(reply, bytes) else []
        if len(words) > 1:
            revisions[change.part] = max(int(words[1]), revisions.get(change.part, 0))
            if change.used is not None:
                uid, reached = change.used
                used[uid] = max(reached, used.get(uid, b""))
    return revisions, used
