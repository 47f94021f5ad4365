"""A workplace: everything that a job on a tag needs, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TypeAlias

from ntag424 import Generation, Keyring, Uid
from ntag424_provisioning.engine.journal import Journal
from ntag424_provisioning.enrolment import Enroller
from ntag424_provisioning.links import Link


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that begins."""

    #: 1 to *of*.
    step: int
    of: int
    text: str


#: Is told of every step that begins; whatever it raises ends the job as a lost tag would.
Watcher: TypeAlias = Callable[[Progress], None]


def nobody(_: Progress) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One reader with a tag on it, the journal, the keys, and the ledger."""

    link: Link
    journal: Journal
    keyring: Keyring
    enroller: Enroller
    watch: Watcher = field(default=nobody)


@unique
class Outcome(StrEnum):
    """What became of a tag."""

    #: It was written, proven and enrolled.
    PROVISIONED = "provisioned"
    #: It was all that already; nothing was sent that changes it.
    UNCHANGED = "unchanged"
    #: It is as NXP delivered it.
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Result:
    """How a job ended, if it did not raise."""

    uid: Uid
    outcome: Outcome
    #: The life that the tag is in; of a tag that was reset, the one that ended.
    generation: Generation
    #: Highest read counter seen; everything up to it is used up.
    counter: int
    #: The last proof tap, spent; None after a reset.
    url: str | None = field(default=None, repr=False)
    #: Of a tag that was reset: a ledger knows, and accepts none of its former taps.
    is_retired: bool = False
