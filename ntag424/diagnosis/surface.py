"""One text under one template: the file it came from, and where the template has what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ntag424.diagnosis.form import FileImage, Form, in_braces
from ntag424.diagnosis.repairs import (
    ALWAYS,
    OTHERWISE,
    Forms,
    Repair,
    fitting,
    origin_of,
    reach,
    under_its_origin,
)
from ntag424.diagnosis.report import Finding, Problem
from ntag424.model import Mode, TamperStatus
from ntag424.url_template import Placeholder
from ntag424.verifier import Verifier

#: What may stand in a field whose length is not the one that is due.
_LOOSE = re.compile(r"[0-9A-Za-z]*")
_STATUSES = {status.value.decode() for status in TamperStatus}


@dataclass(frozen=True, slots=True)
class Surface:
    """A URL as it may have left the tag, and what happened to it since."""

    #: To be searched, the likeliest first.
    texts: tuple[str, ...]
    findings: tuple[Finding, ...]
    #: The form of the first text; where it has none, the one that it comes closest to.
    form: Form
    fits: bool
    #: How far the URL agrees with the template, in characters.
    reach: int


def read_surface(url: str, forms: Forms) -> Surface:
    """Undo what can be undone, and name what cannot."""
    text, findings, own_origin = url, list[Finding](), forms[0].origin
    for repair in ALWAYS:
        if repair is under_its_origin:
            own_origin = origin_of(text) or own_origin
        text = _apply(repair, text, forms, findings)
    as_named = text
    for repair in OTHERWISE:
        if fitting(text, forms) is None:
            text = _apply(repair, text, forms, findings)
    form = fitting(text, forms)
    closest = form or max(forms, key=lambda one: _closeness(text, one))
    findings += _misfit(text, closest) if form is None else _unfilled(text, form)
    # The tag itself may have another host or other names on it, and the MAC cover them.
    as_hosted = own_origin + text.removeprefix(closest.origin)
    texts = tuple(dict.fromkeys((text, as_named, as_hosted)))
    return Surface(texts, tuple(findings), closest, form is not None, reach(text, forms))


def _apply(repair: Repair, text: str, forms: Forms, findings: list[Finding]) -> str:
    mended = repair(text, forms)
    if mended is None:
        return text
    findings.extend(mended[1])
    return mended[0]


def _closeness(text: str, form: Form) -> tuple[bool, int, int]:
    """Rank a form: the text is its beginning, or else has about its length."""
    agreed = form.agreement(text)
    return agreed == len(text), -abs(len(form) - len(text)), agreed


def _misfit(text: str, form: Form) -> list[Finding]:
    """Say in what way *text*, which has not the form of the template, differs from it."""
    agreed, lacking = form.agreement(text), len(form) - len(text)
    if len(form.origin) < len(text) == agreed < len(form):
        what = f"The last {lacking} characters of the URL are missing."
        return [Finding(Problem.TRUNCATED, what)]
    if "{" in text[agreed:]:
        what = "The URL contains placeholders in braces, as they stand in a template."
        return [Finding(Problem.MIRRORS_UNTOUCHED, what)]
    lengths = _field_lengths(text, form)
    if lengths:
        return [Finding(Problem.FIELD_LENGTH, what) for what in lengths]
    return [Finding(Problem.TEXT_DIFFERS, _difference(agreed, lacking))]


def _difference(agreed: int, lacking: int) -> str:
    length = "has the length of the template's"
    if lacking:
        length = f"is {abs(lacking)} characters too {'short' if lacking > 0 else 'long'}"
    return f"From its character {agreed + 1} on the URL is not the template's, and it {length}."


def _field_lengths(text: str, form: Form) -> list[str]:
    """Find the template's literals one after the other; name the fields of a wrong length.

    Empty where the literals are not all there, in their order, with fields between.
    """
    position, found = len(form.origin), list[str]()
    for names, due, literal in _runs(form):
        # Only the last literal may be empty: then the fields reach to the end.
        start = text.find(literal, position) if literal else len(text)
        between = text[position:start]
        is_wrong = len(between) != due
        if start < 0 or not _LOOSE.fullmatch(between) or (is_wrong and not due):
            return []
        if is_wrong:
            found.append(f"At {names} there are {len(between)} characters, not {due}.")
        position = start + len(literal)
    return found if position == len(text) else []


def _runs(form: Form) -> Iterator[tuple[str, int, str]]:
    """Give the fields that stand side by side: their names, their width, the literal behind."""
    names, due = "", 0
    for place, segment in enumerate(form.segments, start=1):
        if not isinstance(segment, str):
            names += in_braces(segment.name)
            due += segment.width(form.mode)
        elif segment or place == len(form.segments):
            yield names, due, segment
            names, due = "", 0


def _cut(text: str, span: range) -> str:
    return text[span.start : span.stop]


def _unfilled(text: str, form: Form) -> list[Finding]:
    """Name the fields in which there is nothing that a tag would mirror."""
    findings = []
    mirrored = {name: span for name, span in form.spans.items() if name in _MIRRORED}
    zeros = [name for name, span in mirrored.items() if not _cut(text, span).strip("0")]
    if zeros:
        listed = " and ".join(in_braces(name) for name in zeros)
        what = f"Nothing but zeros, as they are written to a tag, stands at {listed}."
        findings.append(Finding(Problem.MIRRORS_UNTOUCHED, what))
    if form.tamper is not None and _cut(text, form.tamper) not in _STATUSES:
        what = "There is no tamper status where the template has it."
        findings.append(Finding(Problem.TAMPER_STATUS_MISSING, what))
    return findings


# A counter of zero is no sign by itself.
_MIRRORED = {Placeholder.UID.name, Placeholder.MAC.name, "PICC_DATA", "FILE_DATA"}


@dataclass(frozen=True)
class Frame:
    """Offsets are bytes from the start of the NDEF file (NT4H2421Gx §10.7.1)."""

    #: Index of the candidate.
    candidate: int
    #: Of all candidates.
    verifiers: tuple[Verifier, ...]
    #: Every form that the template gives a URL: one for each mode.
    forms: tuple[Form, ...]
    surface: Surface
    text: str

    @property
    def form(self) -> Form:
        """The form that the text has, or comes closest to."""
        return self.surface.form

    @property
    def expected_mode(self) -> Mode:
        """The mode that the template or the candidate assumes."""
        return self.verifiers[self.candidate].mode if self.form.picc is None else self.form.mode

    @cached_property
    def image(self) -> FileImage:
        """The file that the text was read from."""
        return FileImage(self.text)

    @cached_property
    def _shift(self) -> int:
        # The text may have an origin of another length, with all that follows moved.
        own = origin_of(self.text) or self.form.origin
        return self.image.shift + len(own) - len(self.form.origin)

    def offset(self, place: int) -> int:
        """Return the offset of a place in the template's form."""
        return place + self._shift

    @property
    def picc_offset(self) -> int | None:
        """Where PICCData is due."""
        return self._offset_of(self.form.picc)

    @property
    def uid_offset(self) -> int | None:
        """Where the UID is due in the clear."""
        return self._offset_of(self.form.uid)

    @property
    def counter_offset(self) -> int | None:
        """Where the counter is due in the clear."""
        return self._offset_of(self.form.counter)

    def _offset_of(self, span: range | None) -> int | None:
        return None if span is None else self.offset(span.start)

    @property
    def named_version(self) -> int | None:
        """What stands at {kv}."""
        return self.form.number_at(Placeholder.KEY_VERSION, self.surface.texts[0])

    @property
    def named_epoch(self) -> int:
        """What stands at {epoch}; 0 where nothing does."""
        return self.form.number_at(Placeholder.EPOCH, self.surface.texts[0]) or 0
