"""A URL as a sequence of parameters, compared with the template's."""

from __future__ import annotations

import re

from ntag424.diagnosis._form import Form

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
