"""What is known of one tag. Before a key changes, what is known widens; afterwards it narrows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Self, TypeAlias

from ntag424 import Generation, Key, Uid, UrlTemplate
from ntag424.model import MAX_READ_COUNTER
from ntag424_provisioning.model.goal import Goal
from ntag424_provisioning.model.image import FACTORY_KEY, SlotKey

#: For each of the five slots the keys that may be in it; where there is one, it is there.
Slots: TypeAlias = tuple[tuple[SlotKey, ...], ...]

#: Attempts with one key until somebody allows more. From 50 in a row on the tag makes its
#: host wait, and a thousand lock the key for good.
ATTEMPTS = 20
_DECREMENT = 10


@unique
class Stage(StrEnum):
    """How far a tag has come."""

    #: As NXP delivered it.
    BLANK = "blank"
    #: It has a goal; nothing was sent yet that changes it.
    PLANNED = "planned"
    #: Begun, not finished: `repair`.
    WRITING = "writing"
    #: It does what it should; no ledger knows that yet.
    WRITTEN = "written"
    #: In use.
    READY = "ready"


@dataclass(frozen=True, slots=True)
class KnownTag:
    """One tag, its keys, its lives, and what is being done to it.

    It holds keys: it is stored sealed, and its `repr` shows none.
    """

    uid: Uid
    slots: Slots
    stage: Stage = Stage.BLANK
    #: What it was, or is to be, made into last; None if this program never wrote it.
    goal: Goal | None = None
    #: The changing command that was last on its way; for people.
    about: str = ""
    #: Per slot, authentications without success, as the tag itself counts them.
    attempts: tuple[int, ...] = (0,) * 5
    #: How many attempts with one slot may be spent.
    allowance: int = ATTEMPTS
    label: str = ""
    #: Highest read counter seen in this life.
    counter: int = 0
    #: UNIX time in seconds of the last change.
    changed_at: int = 0

    def __post_init__(self) -> None:
        if len(self.slots) != 5 or not all(self.slots):
            raise ValueError("five slots, and at least one key that may be in each")
        if len(self.attempts) != 5 or not 0 <= self.counter <= MAX_READ_COUNTER:
            raise ValueError("five counts of attempts, and a read counter up to FFFFFFh")

    @classmethod
    def blank(cls, uid: Uid) -> Self:
        """Know a tag as NXP delivers it."""
        return cls(uid, ((FACTORY_KEY,),) * 5)

    @property
    def generation(self) -> Generation | None:
        """The last life it was given, ended or not; the next one must be higher."""
        return None if self.goal is None else self.goal.generation

    @property
    def template(self) -> UrlTemplate | None:
        """That of the URL it was given; None if this program gave it none."""
        return (
            None if self.goal is None or self.goal.profile is None else self.goal.profile.template
        )

    def widen(self, number: int, new: SlotKey) -> KnownTag:
        """From now on slot *number* may hold *new* instead of what it held."""
        others = tuple(key for key in self.slots[number] if key != new)
        return self.with_slot(number, (*others, new))

    def narrow(self, number: int, found: SlotKey) -> KnownTag:
        """Slot *number* holds *found*, and nothing else."""
        return self.with_slot(number, (found,))

    def attempting(self, number: int) -> KnownTag:
        """Count an authentication with slot *number* that is about to begin."""
        return self._with_attempts(number, self.attempts[number] + 1)

    def authenticated(self, number: int) -> KnownTag:
        """Take ten off, as a success does on the tag (NT4H2421Gx §9.1.5)."""
        return self._with_attempts(number, max(0, self.attempts[number] - _DECREMENT))

    def with_slot(self, number: int, keys: tuple[SlotKey, ...]) -> KnownTag:
        """Slot *number* holds one of *keys*, the likeliest last."""
        slots = (*self.slots[:number], keys, *self.slots[number + 1 :])
        return replace(self, slots=slots)

    def _with_attempts(self, number: int, count: int) -> KnownTag:
        attempts = (*self.attempts[:number], count, *self.attempts[number + 1 :])
        return replace(self, attempts=attempts)

    def to_json(self) -> bytes:
        """Write everything down, keys too: to be sealed at once."""
        record = {
            "uid": str(self.uid),
            "slots": [[[bytes(k.key).hex(), k.version] for k in slot] for slot in self.slots],
            "stage": self.stage.value,
            "goal": None if self.goal is None else self.goal.record(),
            "about": self.about,
            "attempts": self.attempts,
            "allowance": self.allowance,
            "label": self.label,
            "counter": self.counter,
            "changed_at": self.changed_at,
        }
        return json.dumps(record).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Undo `to_json`.

        Raises:
            ValueError, KeyError, TypeError: it was not written by it.

        """
        record = json.loads(text)
        return cls(
            uid=Uid.from_hex(record["uid"]),
            slots=tuple(
                tuple(SlotKey(Key.from_hex(key), version) for key, version in slot)
                for slot in record["slots"]
            ),
            stage=Stage(record["stage"]),
            goal=None if record["goal"] is None else Goal.from_record(record["goal"]),
            about=record["about"],
            attempts=tuple(record["attempts"]),
            allowance=record["allowance"],
            label=record["label"],
            counter=record["counter"],
            changed_at=record["changed_at"],
        )
