"""The first tag of many goes to two phones before there are many.

Everything up to here was proven by the reader. Whether a phone's browser opens the URL,
and hands it over whole, only a phone can tell; a mistake in it would be on every tag.
"""

from __future__ import annotations

from typing import Protocol

from ntag424 import CountedTap, VerificationError, Verifier
from ntag424_provisioning.station._events import FirstArticleWanted

#: They read tags in different ways, and open URLs in different browsers.
PHONES = ("iPhone", "Android phone")


class Operator(Protocol):
    """Whoever stands at the station, with two phones."""

    def ask_for_tap(self, shown: FirstArticleWanted, phone: str, problem: str) -> str | None:
        """Ask for the URL that *phone* opened; *problem* is what was wrong with the last.

        Returns None to give up.
        """
        ...


def inspect(shown: FirstArticleWanted, verifier: Verifier, operator: Operator) -> int | None:
    """Return the highest counter that the phones showed; None if it was given up."""
    highest = shown.result.counter
    for phone in PHONES:
        problem = ""
        while True:
            url = operator.ask_for_tap(shown, phone, problem)
            if url is None:
                return None
            try:
                tap = verifier.verify(url.strip()).counted()
            except VerificationError as error:
                problem = f"{error}. {error.hint}"
                continue
            problem = _problem(tap, shown, highest)
            if not problem:
                highest = tap.counter
                break
    return highest


def _problem(tap: CountedTap, shown: FirstArticleWanted, highest: int) -> str:
    if tap.uid != shown.uid:
        return f"This is tag {tap.uid}. Tap {shown.uid}."
    if tap.generation != shown.result.generation:
        return "This is from a former life of the tag. Tap it again."
    if tap.counter <= highest:
        return f"Its counter {tap.counter} was there before. Tap it again."
    return ""
