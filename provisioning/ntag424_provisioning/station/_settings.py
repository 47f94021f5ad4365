"""What is to be done with every tag of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, unique
from typing import TypeAlias

from ntag424 import Uid
from ntag424_provisioning.engine.bench import Bench, Result
from ntag424_provisioning.engine.jobs import Origin, UrlChange, provision, rotate
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.model import Profile
from ntag424_provisioning.station._labels import Entry, LabelSource
from ntag424_provisioning.station._manifest import Manifest

#: A run of more tags than this begins with one that phones have read.
FEW = 10


@unique
class FirstArticle(Enum):
    """Whether the first tag of many is tried on phones before there are many."""

    REQUIRED = "required"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Blank tags become working ones, each with a label of *labels*.

    Raises:
        SetupError: a row of the manifest has file data that the profile has no room for.

    """

    profile: Profile
    origin: Origin = Origin.NXP
    labels: LabelSource | None = None
    #: Tags that work with another URL fail, unless that is meant.
    url_change: UrlChange = UrlChange.REFUSED

    def __post_init__(self) -> None:
        if isinstance(self.labels, Manifest):
            for entry, _ in self.labels.entries():
                self.profile_of(entry)

    def profile_of(self, entry: Entry) -> Profile:
        """Return the profile of one tag."""
        if entry.file_data is None:
            return self.profile
        try:
            return replace(self.profile, file_data=entry.file_data)
        except ValueError as error:
            text = f"the manifest's file_data of {entry.label} does not fit: {error}"
            raise SetupError(text, "{file:N} in the template takes N bytes.") from None

    def do(self, bench: Bench, entry: Entry) -> Result:
        """Do it to the tag on the reader."""
        profile = self.profile_of(entry)
        return provision(
            bench,
            profile,
            label=entry.label,
            origin=self.origin,
            url_change=self.url_change,
        )


@dataclass(frozen=True, slots=True)
class Rotation:
    """Tags in use move to the active key version, with the profiles and labels they have."""

    labels: None = None

    def do(self, bench: Bench, entry: Entry) -> Result:  # noqa: ARG002 - it has one already
        """Do it to the tag on the reader."""
        return rotate(bench)


Task: TypeAlias = Provisioning | Rotation


@dataclass(frozen=True, slots=True)
class StationSettings:
    """A run: what is done, to how many, and what it is called."""

    task: Task
    #: How many are to be done, those of former runs with the same report among them.
    count: int | None = None
    batch: str = ""
    first_article: FirstArticle = FirstArticle.REQUIRED

    @property
    def target(self) -> int | None:
        """How many tags there can be at most."""
        size = None if self.task.labels is None else self.task.labels.size
        limits = [limit for limit in (self.count, size) if limit is not None]
        return min(limits, default=None)

    def wants_first_article(self, earlier: int) -> bool:
        """Whether a phone must read the first tag, if *earlier* tags are done already."""
        if self.first_article is FirstArticle.SKIPPED or isinstance(self.task, Rotation):
            return False
        return self.target is None or self.target - earlier > FEW


def is_hidden(uid: bytes | None) -> bool:
    """Whether what a reader shows is no tag's name for life."""
    return uid is None or len(uid) != len(bytes(Uid(bytes(7))))
