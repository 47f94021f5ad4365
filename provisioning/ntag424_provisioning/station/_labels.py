"""Where names for tags come from: a text with a number in it, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from string import Formatter
from typing import Protocol

from ntag424 import Uid
from ntag424_provisioning.errors import SetupError

_HINT = 'For example --label "badge-{n:04}"; {uid} is the UID of the tag.'
_NUMBER_FORMAT = re.compile("(0[1-9][0-9]?)?[dXx]?")
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one tag beforehand."""

    label: str
    #: Plaintext of `{file:N}` for this tag alone.
    file_data: bytes | None = None


class LabelSource(Protocol):
    """Gives each tag one entry. Those for any tag are numbered: a number is used once."""

    @property
    def size(self) -> int | None:
        """How many entries there are; None if there is no end."""
        ...

    def own(self, uid: Uid) -> Entry | None:
        """Return what is meant for this tag and for no other."""
        ...

    def named(self, label: str) -> Entry | None:
        """Return the entry with this label, if that says more than its name."""
        ...

    def numbers(self) -> Iterator[int]:
        """Give the numbers of the entries for any tag, rising."""
        ...

    def number_of(self, label: str) -> int | None:
        """Return the number of the entry that *label* came from, if it came from here."""
        ...

    def entry(self, number: int, uid: Uid) -> Entry:
        """Return an entry for any tag, for this tag."""
        ...


class LabelTemplate:
    """A text with `{n}`, `{n:04}` or `{uid}` in it; n counts from *first*.

    Raises:
        SetupError: it has other fields, or is the same for every tag.

    """

    size = None

    def __init__(self, text: str, *, first: int = 1) -> None:
        pieces = _parse(text)
        self._text = text
        self._first = first
        self._counts = any(field == "n" for _, field, _ in pieces)
        self._pattern = re.compile("".join(_pattern(*piece) for piece in pieces))
        if all(field is None for _, field, _ in pieces):
            raise SetupError(f"the label {text!r} is the same for every tag", _HINT)
        require_label(self._filled(first, Uid(bytes(7))))

    def own(self, uid: Uid) -> Entry | None:
        """See `LabelSource.own`."""
        return None if self._counts else Entry(self._filled(0, uid))

    def named(self, label: str) -> Entry | None:  # noqa: ARG002 - it says no more of any
        """See `LabelSource.named`."""
        return None

    def numbers(self) -> Iterator[int]:
        """See `LabelSource.numbers`."""
        return count(self._first)

    def number_of(self, label: str) -> int | None:
        """See `LabelSource.number_of`."""
        match = self._pattern.fullmatch(label)
        found = {} if match is None else match.groupdict()
        if "d" in found:
            return int(found["d"])
        return int(found["x"], 16) if "x" in found else None

    def entry(self, number: int, uid: Uid) -> Entry:
        """See `LabelSource.entry`."""
        return Entry(self._filled(number, uid))

    def _filled(self, number: int, uid: Uid) -> str:
        return self._text.format(n=number, uid=str(uid))


def require_label(label: str) -> None:
    """Check that a label can be printed, and stand in a line of a report.

    Raises:
        SetupError: it cannot.

    """
    if not label or label != label.strip() or not label.isprintable():
        raise SetupError(f"{label!r} is no label", "A label is one line without spaces around it.")
    if len(label) > _LONGEST:
        raise SetupError(f"the label {label[:20]}… is longer than {_LONGEST} characters")


def _parse(text: str) -> list[tuple[str, str | None, str]]:
    """Split into literal, field and format, and refuse whatever a label has no use for."""
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise SetupError(f"the label {text!r} cannot be read: {error}", _HINT) from None
    for _, field, spec, conversion in pieces:
        plain_uid = field == "uid" and not spec
        number = field == "n" and _NUMBER_FORMAT.fullmatch(spec or "") is not None
        if conversion or not (field is None or plain_uid or number):
            raise SetupError(f"the label {text!r} has a field that is not known here", _HINT)
    if [field for _, field, _, _ in pieces].count("n") > 1:
        raise SetupError(f"the label {text!r} counts twice", _HINT)
    return [(literal, field, spec or "") for literal, field, spec, _ in pieces]


def _pattern(literal: str, field: str | None, spec: str) -> str:
    if field is None:
        return re.escape(literal)
    if field == "uid":
        return re.escape(literal) + "[0-9A-F]{14}"
    digits = "(?P<x>[0-9A-Fa-f]{1,9})" if spec[-1:] in "xX" and spec else "(?P<d>[0-9]{1,9})"
    return re.escape(literal) + digits
