"""A reader made of software, on which simulated tags are laid one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ntag424.errors import NoTagError, TransportError
from ntag424.readers import Identify, TagLink
from ntag424.transport import Transport
from ntag424_provisioning.sim._shelf import Shelf
from ntag424_provisioning.sim._taken import TakenTag

#: Pause in seconds between two looks for a tag that is not there.
_PAUSE = 0.1


class SimLink(TagLink):
    """A `Link` to the tags of *shelf* that are called *names*, in this order.

    A tag stays until it is released, lost contact or not; then the next one is laid
    down, and after the last one none. While it is there no other program can use it.
    """

    def __init__(self, shelf: Shelf, names: Iterable[str], identify: Identify | None) -> None:
        super().__init__(identify)
        self._shelf = shelf
        self._coming = iter(names)
        self._name: str | None = None
        self._taken: TakenTag | None = None

    def __repr__(self) -> str:
        return f"SimLink({self._name!r})"

    def release_tag(self) -> None:
        """Power the tag down and forget it: the next one may be any other."""
        super().release_tag()
        self._name = None

    def _connect(self) -> None:
        if self._taken is None:
            self._taken = self._next()
        try:
            self._taken.power_cycle()
        except TransportError as error:
            raise TransportError(str(error), outcome_unknown=False) from error

    def _next(self) -> TakenTag:
        if self._name is None:
            self._name = next(self._coming, None)
        if self._name is None:
            raise NoTagError("there are no more simulated tags")
        try:
            return self._shelf.take(self._name)
        except NoTagError:
            self._name = None
            raise

    def _disconnect(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.put_back()

    def _give_back(self) -> None:
        self._disconnect()

    def _exchange(self, octets: bytes) -> bytes:
        if self._taken is None:
            raise TransportError("there is no tag", outcome_unknown=False)
        return self._taken.exchange(octets)

    def _uid(self, reader: Transport) -> bytes | None:  # noqa: ARG002 - the anticollision tells it
        return None if self._taken is None else self._taken.anticollision_uid

    def _await_change(self, seconds: float) -> None:
        time.sleep(min(seconds, _PAUSE))
