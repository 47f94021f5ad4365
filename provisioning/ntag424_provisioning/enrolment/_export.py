"""The tags of a vault as others may see them: never with a key."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass

from ntag424 import Generation, Keyring
from ntag424.replay import Enrolment
from ntag424_provisioning.model import KnownTag, Stage

_COLUMNS = ("uid", "key_version", "epoch", "counter", "label", "stage")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class ListedTag:
    """One line of an inventory."""

    known: KnownTag
    #: None where taps of the tag verify under no key version of the vault.
    generation: Generation | None

    @classmethod
    def of(cls, known: KnownTag, keyring: Keyring) -> ListedTag:
        """Find out under which generation the tag lives."""
        if known.goal is not None and (known.goal.is_reset or known.stage is Stage.BLANK):
            return cls(known, None)
        return cls(known, known.generation or _foreign_generation(known, keyring))

    def record(self) -> dict[str, object]:
        """Return what is told of the tag."""
        generation = self.generation
        return {
            "uid": str(self.known.uid),
            "key_version": None if generation is None else generation.key_version,
            "epoch": None if generation is None else generation.epoch,
            "counter": self.known.counter,
            "label": self.known.label,
            "stage": self.known.stage.value,
        }

    def enrolment(self) -> Enrolment | None:
        """Return what a ledger is to know of it; None if it is not ready to be used."""
        if self.generation is None or self.known.stage not in (Stage.WRITTEN, Stage.READY):
            return None
        return Enrolment(
            self.known.uid,
            self.generation,
            self.known.counter,
            self.known.label,
            "" if self.known.template is None else self.known.template.text,
        )


def as_csv(tags: Iterable[ListedTag]) -> str:
    """Write an inventory that spreadsheets open, and take no label for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for tag in tags:
        record = tag.record()
        writer.writerow(_cell(record[column]) for column in _COLUMNS)
    return text.getvalue()


def as_jsonl(tags: Iterable[ListedTag]) -> str:
    """Write an inventory of one JSON object a line."""
    return "".join(json.dumps(tag.record()) + "\n" for tag in tags)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # Tabs and line breaks may begin another cell, and with it a formula.
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _foreign_generation(known: KnownTag, keyring: Keyring) -> Generation | None:
    """Find the key version whose MAC key the tag came with, from whoever wrote it."""
    for version in keyring:
        number = version.scheme.file_read_number
        key = version.scheme.tag_key(known.uid, number)
        if any(held.key == key for held in known.slots[number]):
            return Generation(version.ordinal, 0)
    return None
