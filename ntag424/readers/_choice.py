"""One reader by its name, and never just the first of several."""

from __future__ import annotations

from collections.abc import Sequence

from ntag424.errors import ReaderChoiceError


def choose(name: str, readers: Sequence[str]) -> str:
    """Return the reader called *name*, or the only one whose name contains it in any case.

    An empty *name* fits every reader, and so chooses the only one.

    Raises:
        ReaderChoiceError: there is none, or more than one.

    """
    if name in readers:
        return name
    wanted = name.casefold()
    candidates = [reader for reader in readers if wanted in reader.casefold()]
    match candidates:
        case [only]:
            return only
        case []:
            there = _listed(readers) if readers else "none at all"
            text = f"no reader is called {name!r}; there is {there}"
            raise ReaderChoiceError(text, candidates=readers)
        case _:
            text = f"{name!r} fits several readers: {_listed(candidates)}"
            raise ReaderChoiceError(text, candidates=candidates)


def _listed(readers: Sequence[str]) -> str:
    return ", ".join(repr(reader) for reader in readers)
