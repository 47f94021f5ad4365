"""One text under one template: the file it came from, and where the template has what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from ntag424.diagnosis.tap.form import FILE_DATA, PICC_DATA, FileImage, Form, in_braces
from ntag424.diagnosis.tap.repairs import (
    ALWAYS,
    OTHERWISE,
    Forms,
    Repair,
    fitting,
    origin_of,
    reach,
    under_its_origin,
)
from ntag424.diagnosis.tap.report import Finding, Problem
from ntag424.diagnosis.tap.setups import Setup, due_setup, other_setups
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
            own_origin = origin_of(text, forms[0].origin) or own_origin
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
        if form.has_fragment_at(agreed):
            what += " They are all from # on: what passed the URL on drops fragments."
        return [Finding(Problem.TRUNCATED, what)]
    if "{" in text[agreed:]:
        what = "The URL contains placeholders in braces, as they stand in a template."
        return [Finding(Problem.MIRRORS_UNTOUCHED, what)]
    lengths = _field_lengths(text, form)
    if lengths:
        return [Finding(Problem.FIELD_LENGTH, what) for what in lengths]
    return [Finding(Problem.TEXT_DIFFERS, _difference(agreed + form.shift, lacking))]


def _difference(offset: int, lacking: int) -> str:
    length = "has the length of the template's"
    if lacking:
        length = f"is {abs(lacking)} characters too {'short' if lacking > 0 else 'long'}"
    return f"From offset {offset} of the file on the URL is not the template's, and it {length}."


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
_MIRRORED = {Placeholder.UID.name, Placeholder.MAC.name, PICC_DATA, FILE_DATA}


# ---- frames ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """One text, and what the tag that sent it would mirror where."""

    #: Index of the candidate.
    candidate: int
    #: Of all candidates.
    verifiers: tuple[Verifier, ...]
    #: The form that the text has, or comes closest to.
    form: Form
    text: str
    #: What is expected: by the template, or with one mistake that foretells the text.
    setup: Setup
    #: What is said of the text before any key is tried.
    findings: tuple[Finding, ...]
    #: Whether the text has the form of the template.
    fits: bool

    @property
    def is_foretold(self) -> bool:
        """Whether the text is what a tag sends that is set up with one mistake."""
        return self.setup.finding is not None

    @cached_property
    def image(self) -> FileImage:
        """The file that the text was read from."""
        return FileImage(self.text, self.form)

    def offset(self, place: int) -> int:
        """Return the offset of a place in the template's form."""
        return place + _shift(self.form, self.text)


def frames(url: str, verifiers: tuple[Verifier, ...]) -> list[Frame]:
    """Put the URL under every template, the one it agrees best with first."""
    found: list[tuple[tuple[int, ...], Frame]] = []
    for index, verifier in enumerate(verifiers):
        forms = tuple(Form(verifier.template.text, mode) for mode in Mode)
        if forms[0].picc is None:
            # The modes do not differ in form; the verifier says which one is due.
            forms = tuple(form for form in forms if form.mode is verifier.mode)
        surface = read_surface(url, forms)
        found += [
            ((place, not surface.fits, len(surface.findings), -surface.reach), frame)
            for place, frame in enumerate(_frames(url, forms, surface, (index, verifiers)))
        ]
    return [frame for _, frame in sorted(found, key=itemgetter(0))]


def _frames(
    url: str, forms: Forms, surface: Surface, whose: tuple[int, tuple[Verifier, ...]]
) -> Iterator[Frame]:
    form, mended = surface.form, surface.texts[0]
    for text in surface.texts:
        setup = due_setup(form, _shift(form, text), mended)
        yield Frame(*whose, form, text, setup, surface.findings, surface.fits)
    fits = fitting(url, forms) is not None
    for setup, finding in other_setups(forms, url):
        yield Frame(*whose, form, url, setup, (finding,), fits)


def _shift(form: Form, text: str) -> int:
    # The text may have an origin of another length, with all that follows moved.
    own = origin_of(text, form.origin) or form.origin
    return FileImage(text, form).shift + len(own) - len(form.origin)
