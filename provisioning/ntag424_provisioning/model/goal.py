"""What is being done to a tag: written down before it begins, so that it can be finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypedDict

from ntag424 import Generation, Uid
from ntag424.keys import KeyScheme
from ntag424.model import Mode
from ntag424_provisioning.model.image import FACTORY_IMAGE, TagImage
from ntag424_provisioning.model.profile import Profile, ProfileRecord


class GoalRecord(TypedDict):
    """A goal as it is stored."""

    profile: ProfileRecord | None
    generation: list[int]


@dataclass(frozen=True, slots=True)
class Goal:
    """A tag is to live as *profile* says, in *generation*; without a profile it is to be blank."""

    profile: Profile | None
    #: The life that begins; of a tag that becomes blank, the one that ends.
    generation: Generation

    @property
    def is_reset(self) -> bool:
        """Whether the tag is to be as NXP delivered it."""
        return self.profile is None

    def image(self, uid: Uid, scheme: KeyScheme, mode: Mode) -> TagImage:
        """Return what the tag is to hold; see `Profile.image`."""
        if self.profile is None:
            return FACTORY_IMAGE
        return self.profile.image(uid, scheme, self.generation, mode)

    def record(self) -> GoalRecord:
        """Return what `from_record` reads."""
        return {
            "profile": None if self.profile is None else self.profile.record(),
            "generation": list(bytes(self.generation)),
        }

    @classmethod
    def from_record(cls, record: GoalRecord) -> Self:
        """Undo `record`."""
        profile = record["profile"]
        return cls(
            None if profile is None else Profile.from_record(profile),
            Generation.from_bytes(bytes(record["generation"])),
        )
