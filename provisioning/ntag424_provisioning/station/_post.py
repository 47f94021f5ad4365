"""What a reader's worker works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ntag424 import Keyring, Uid
from ntag424_provisioning.engine.bench import Outcome, Result
from ntag424_provisioning.engine.journal import Journal
from ntag424_provisioning.enrolment import Enroller
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.links import Link
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station._control import Control

#: Seconds in which a worker that waits looks whether it is still to.
SLICE = 0.5
#: Seconds between two looks at a tag that is there and should not be.
LOOK = 0.3


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """Clocks, and how to wait."""

    #: Seconds that only ever grow.
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Stock:
    """What all readers share; each part of it must stand being used by several threads."""

    journal: Journal
    keyring: Keyring
    enroller: Enroller

    def stage_of(self, uid: Uid) -> Stage:
        """Return how far a tag has come, by the journal."""
        known = self.journal.find(uid)
        return Stage.BLANK if known is None else known.stage

    def enrol(self, uid: Uid) -> Result:
        """Enrol a tag that is written and proven, without having it at hand.

        Where tags are enrolled later, by an export, nothing is left to be done.

        Raises:
            EnrolmentError: it still cannot be done.
            InDoubtError: it is not written and proven.

        """
        known = self.journal.find(uid)
        if known is None or known.generation is None or known.stage is not Stage.WRITTEN:
            raise InDoubtError(f"tag {uid} is not finished")
        if self.enroller.enrol(uid, known.generation, known.counter, known.template):
            self.journal.put(replace(known, stage=Stage.READY))
        return Result(uid, Outcome.PROVISIONED, known.generation, known.counter)


@dataclass(frozen=True, slots=True)
class Site:
    """What is the same at all readers of a run."""

    stock: Stock
    control: Control
    times: Times


@dataclass(frozen=True, slots=True)
class Post:
    """One reader, and all that its worker needs."""

    reader: str
    link: Link
    site: Site

    @property
    def stock(self) -> Stock:
        """See `Site`."""
        return self.site.stock

    @property
    def control(self) -> Control:
        """See `Site`."""
        return self.site.control

    @property
    def times(self) -> Times:
        """See `Site`."""
        return self.site.times
