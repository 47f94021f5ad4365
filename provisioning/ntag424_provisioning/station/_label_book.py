"""Who has which label: each tag one, and no label twice."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from ntag424 import Uid
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.station._labels import Entry, LabelSource


class LabelsUsedUpError(RefusedError):
    """There is no label left for any tag: the end of a run."""

    hint = "For more tags add rows to the manifest, and start the station again."


class LabelBook:
    """Gives labels out, and remembers to whom.

    *given* are those that tags have from before, of this batch or of another.

    Raises:
        SetupError: a label was given to two tags, or *source* has another one for a tag
            than the one it has.

    """

    def __init__(self, source: LabelSource | None, given: Mapping[Uid, str]) -> None:
        self._source = source
        self._label_of: dict[Uid, str] = {}
        self._owner: dict[str, Uid] = {}
        self._used: set[int] = set()
        self._returned: list[int] = []
        self._fresh: Iterator[int] = iter(()) if source is None else source.numbers()
        for uid, label in given.items():
            self._require_no_contradiction(uid, label)
            self._note(uid, label)

    def label_of(self, uid: Uid) -> str:
        """Return the label of a tag, empty if it has none."""
        return self._label_of.get(uid, "")

    def assign(self, uid: Uid) -> Entry:
        """Return what the tag has, or give it what is next.

        Raises:
            LabelsUsedUpError: nothing is left.
            RefusedError: nothing is left for this tag.

        """
        if uid in self._label_of:
            label = self._label_of[uid]
            named = None if self._source is None else self._source.named(label)
            return named or Entry(label)
        if self._source is None:
            return Entry("")
        entry = self._source.own(uid) or self._next(self._source, uid)
        if self._owner.get(entry.label, uid) != uid:
            other = self._owner[entry.label]
            raise RefusedError(f"the label {entry.label} of tag {uid} is that of tag {other}")
        self._note(uid, entry.label)
        return entry

    def give_back(self, uid: Uid) -> None:
        """Free the label of a tag, for the tag that comes next."""
        label = self._label_of.pop(uid, None)
        if label is None:
            return
        del self._owner[label]
        number = None if self._source is None else self._source.number_of(label)
        if number is not None and number in self._used:
            self._used.remove(number)
            heapq.heappush(self._returned, number)

    def _next(self, source: LabelSource, uid: Uid) -> Entry:
        for number in self._numbers():
            entry = source.entry(number, uid)
            if number not in self._used and entry.label not in self._owner:
                return entry
        given = sum(1 for label in self._owner if source.named(label) is not None)
        if given == source.size:
            raise LabelsUsedUpError("every label of the manifest is given to a tag")
        raise RefusedError(
            f"the manifest has no row for tag {uid}",
            "The rows that are left are for other tags.",
        )

    def _numbers(self) -> Iterator[int]:
        while self._returned:
            yield heapq.heappop(self._returned)
        yield from self._fresh

    def _note(self, uid: Uid, label: str) -> None:
        self._label_of[uid] = label
        self._owner[label] = uid
        number = None if self._source is None else self._source.number_of(label)
        if number is not None:
            self._used.add(number)

    def _require_no_contradiction(self, uid: Uid, label: str) -> None:
        other = self._owner.get(label)
        if other is not None:
            text = f"the label {label} was given to two tags, {other} and {uid}"
            raise SetupError(text, "Is this the report of tags that are in another vault?")
        own = None if self._source is None else self._source.own(uid)
        if own is None or own.label == label or self._source is None:
            return
        if self._source.named(own.label) is not None:
            raise SetupError(
                f"tag {uid} is {label} already, and the manifest calls it {own.label}",
                "Give its row the label that the tag has.",
            )
