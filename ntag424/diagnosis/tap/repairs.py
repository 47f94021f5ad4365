"""What happens to a URL between the tag and the operator, and how it is undone.

Every repair takes a text and the forms that it should have, and returns the text that
it would mend it to, and what it says about that; or nothing, if there is nothing to mend.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ntag424.diagnosis.tap.form import Form
from ntag424.diagnosis.tap.report import Finding, Problem

# A piece is one parameter, or a path, with the character that leads it in.
_PIECES = re.compile(r"[?#&;]?[^?#&;]+|[?#&;]")


def _pieces(text: str) -> list[str]:
    return _PIECES.findall(text)


def _name(piece: str) -> str:
    """Return the name of a parameter, without what leads it in; of a path, the path."""
    return piece.lstrip("?#&;").partition("=")[0]


def _both(text: str, form: Form) -> tuple[list[str], list[str]]:
    return _pieces(text[len(form.origin) :]), _pieces(form.literals)


def added_parameters_cut(text: str, form: Form) -> str | None:
    """Leave only the parameters whose names are the template's, in the URL's order."""
    found, due = _both(text, form)
    names = [_name(piece) for piece in due]
    kept = [piece for piece in found if _name(piece) in names or not _name(piece)]
    return None if len(kept) != len(due) else _rebuilt(kept, due, form)


def put_in_order(text: str, form: Form) -> str | None:
    """Give the parameters in the template's order, without any it does not have."""
    found, due = _both(text, form)
    by_name = {_name(piece): piece for piece in reversed(found)}
    if len(due) < 3 or any(_name(piece) not in by_name for piece in due):
        return None
    return _rebuilt([by_name[_name(piece)] for piece in due], due, form)


def renamed(text: str, form: Form) -> str | None:
    """Give the parameters the template's names, in the URL's order."""
    found, due = _both(text, form)
    if len(found) != len(due):
        return None
    renamed_pieces = []
    for piece, model in zip(found, due, strict=True):
        _, equals, value = piece.partition("=")
        renamed_pieces.append(f"{_name(model)}={value}" if equals else piece)
    return _rebuilt(renamed_pieces, due, form)


def _rebuilt(pieces: list[str], due: list[str], form: Form) -> str:
    """Lead every piece in as the template does."""
    return form.origin + "".join(
        _lead(model) + piece.lstrip("?#&;") for piece, model in zip(pieces, due, strict=True)
    )


def _lead(piece: str) -> str:
    return piece[: len(piece) - len(piece.lstrip("?#&;"))]


Forms: TypeAlias = Sequence[Form]
Repair: TypeAlias = Callable[[str, Forms], tuple[str, tuple[Finding, ...]] | None]

# White space and what no URL shows: zero-width characters, soft hyphens, byte order marks.
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\x00-\x1f]+")
_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*"
_ORIGIN = re.compile(rf"(?:({_SCHEME}):)?//+([^/?#]*)")
# A third slash may be the path of an app's URL, and there may be no more than the scheme.
_APP_ORIGIN = re.compile(rf"(?:({_SCHEME}):)?//([^/?#]*)")
_SCHEME_ALONE = re.compile(rf"({_SCHEME}):()")
_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])")
_OPENERS = "\"'<(["
_CLOSERS = "\"'>)].,;\u2026"


def reach(text: str, forms: Forms) -> int:
    """Count how far *text* agrees with the best of *forms*, but for case and origin."""
    return max(form.agreement(_under(form.origin, text)) for form in forms)


def fitting(text: str, forms: Forms) -> Form | None:
    """Return the form that *text* has, if any, whatever the case of its letters."""
    return next((form for form in forms if form.fits(text)), None)


def origin_of(text: str, due: str) -> str | None:
    """Return what *text* has in place of the origin that is *due*, as it stands there."""
    found = _origin_in(text, due)
    return None if found is None else found.group()


def _origin_in(text: str, due: str) -> re.Match[str] | None:
    if due.startswith(("https:", "http:")):
        return _ORIGIN.match(text)
    scheme, slashes, host = re.split("(:(?://)?)", due, maxsplit=1)
    # Mirrors may stand in the authority of an app's URL: what is due ends before them.
    exact = re.compile(f"({re.escape(scheme)}){slashes}({re.escape(host)})", re.IGNORECASE)
    return exact.match(text) or (_APP_ORIGIN if host else _SCHEME_ALONE).match(text)


def _under(origin: str, text: str) -> str:
    found = _origin_in(text, origin)
    if found is not None:
        return origin + text[found.end() :]
    bare = origin.partition("://")[2]
    return origin + text[len(bare) :] if text[: len(bare)].lower() == bare.lower() else text


def _mended(text: str, problem: Problem, what: str) -> tuple[str, tuple[Finding, ...]]:
    return text, (Finding(problem, what),)


def without_white_space(text: str, _forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Take white space out, around the URL and within it."""
    bare = _INVISIBLE.sub("", text)
    if bare == text:
        return None
    count = len(text) - len(bare)
    return _mended(bare, Problem.WHITE_SPACE, f"The URL contains white space ({count} in all).")


def unescaped(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Decode what was percent-encoded or written for HTML, if that brings it closer."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("&amp;", "&")
    if plain == text or max(reach(plain, forms), _inner(plain, forms)) <= reach(text, forms):
        return None
    return _mended(plain, Problem.ESCAPED, "The URL was encoded once more on its way.")


def _inner(text: str, forms: Forms) -> int:
    """Count how far the URL agrees that stands within *text*."""
    return max(
        (
            reach(text[start:], forms)
            for form in forms
            if (start := text.lower().find(form.origin.lower(), 1)) > 0
        ),
        default=0,
    )


def taken_out(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Drop what stands in front of the URL, and the quotes and brackets around it."""
    start = max(text.lower().find(forms[0].origin.lower()), 0)
    inner = text[start:] if start else text.lstrip(_OPENERS)
    bare = inner.rstrip(_CLOSERS)
    if reach(bare, forms) == reach(inner, forms):
        inner = bare
    if inner == text:
        return None
    return _mended(inner, Problem.SURROUNDED, "The URL stands within some other text.")


def under_its_origin(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Give the URL the origin of the template."""
    origin = forms[0].origin
    mended = _under(origin, text)
    if mended == text:
        return None
    found = _origin_in(text, origin)
    due_host = origin.partition("://")[2]
    due_scheme = origin.partition(":")[0]
    scheme, host = (found[1], found[2]) if found else (None, due_host)
    findings = []
    if scheme is None or scheme.lower() != due_scheme:
        written = origin.removesuffix(due_host)
        what = f"The URL does not begin with {written}, as the template does."
        findings.append(Finding(Problem.SCHEME_DIFFERS, what))
    if host.lower() != due_host.lower():
        what = f"The URL does not name the template's host, {due_host}."
        findings.append(Finding(Problem.HOST_DIFFERS, what))
    if not findings:
        what = "Scheme and host are not written as in the template, in lower case."
        findings.append(Finding(Problem.CASE_CHANGED, what))
    return mended, tuple(findings)


def cut_to_form(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Drop what was appended."""
    # The longest first: the form of one mode is no beginning of the other's.
    for form in sorted(forms, key=len, reverse=True):
        if len(text) > len(form) == form.agreement(text) and text[len(form)] in "&?#/;=":
            what = "Something was appended to the URL."
            return _mended(text[: len(form)], Problem.APPENDED, what)
    return None


def without_added_parameters(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Drop parameters that the template does not have."""
    mended = _first_fitting(added_parameters_cut, text, forms)
    if mended is None:
        return None
    return _mended(mended, Problem.APPENDED, "Parameters were added that the template lacks.")


def in_order(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Put the parameters into the order of the template."""
    mended = _first_fitting(put_in_order, text, forms)
    if mended is None:
        return None
    what = "The parameters stand in another order than in the template."
    return _mended(mended, Problem.PARAMETERS_REORDERED, what)


def under_their_names(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Give the parameters the names of the template."""
    mended = _first_fitting(renamed, text, forms)
    if mended is None:
        return None
    what = "The parameters do not have the names that the template gives them."
    return _mended(mended, Problem.PARAMETERS_RENAMED, what)


def _first_fitting(mend: Callable[[str, Form], str | None], text: str, forms: Forms) -> str | None:
    for form in forms:
        mended = mend(text, form)
        if mended is not None and form.fits(mended):
            return mended
    return None


def in_its_case(text: str, forms: Forms) -> tuple[str, tuple[Finding, ...]] | None:
    """Give every letter the case that is due; in a text that is not whole, only whole parts."""
    whole = fitting(text, forms)
    form = whole or max(forms, key=lambda form: form.agreement(text))
    agreed = form.agreement(text)
    mended = form.in_its_case(text[:agreed]) + text[agreed:]
    if mended == text or not (whole or _is_in_one_case(text[:agreed], mended, form)):
        return None
    return _mended(mended, Problem.CASE_CHANGED, "Letters of the URL have changed their case.")


def _is_in_one_case(text: str, mended: str, form: Form) -> bool:
    """Tell whether a tool changed the case; mirrors written over text change single letters."""
    parts = [span for span in form.spans.values() if span.stop <= len(text)]
    cut = [text[span.start : span.stop] for span in parts]
    if any(part not in (part.upper(), part.lower()) for part in cut):
        return False
    start = len(form.origin)
    written = _without(parts, text)[start:]
    return written == _without(parts, mended)[start:] or written in (
        written.upper(),
        written.lower(),
    )


def _without(parts: list[range], text: str) -> str:
    """Blank the fields out."""
    for span in parts:
        text = text[: span.start] + " " * len(span) + text[span.stop :]
    return text


#: In the order they are undone: the last that happened to the URL first.
ALWAYS: tuple[Repair, ...] = (
    without_white_space,
    unescaped,
    taken_out,
    under_its_origin,
    in_its_case,
)
#: Alternatives, where the URL has not the form of the template after that.
OTHERWISE: tuple[Repair, ...] = (
    cut_to_form,
    without_added_parameters,
    in_order,
    under_their_names,
)
