"""Several templates side by side: the URL says which one it is of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ntag424.arguments import require_type
from ntag424.errors import MalformedTapError
from ntag424.keys import require_apart
from ntag424.ndef import LONGEST_PREFIX
from ntag424.sdm import VerifiedTap
from ntag424.verifier import Verifier

#: Most templates that may share host and path.
MAX_PER_PLACE = 8


class VerifierSet:
    """Verifies the taps of tags that were written with different templates and keys.

    The verifier is picked by host and path, so what a tap costs does not depend on how
    many there are. All of them may share one ledger: their keyrings are held to
    `require_apart`. What else gives taps to that ledger must be checked together with
    them, and a fleet of static keys beside one of derived keys has a set and a ledger of
    its own.

    Raises:
        ValueError: there is no verifier; too many share host and path; one URL could be
            of two templates; or two key versions must not share a ledger.

    """

    def __init__(self, verifiers: Iterable[Verifier]) -> None:
        instead = "VerifierSet([Verifier(...), ...])"
        require_type("verifiers", verifiers, Iterable, instead=instead)
        self._by_place: dict[str, list[Verifier]] = {}
        for verifier in verifiers:
            require_type("each of verifiers", verifier, Verifier, instead=instead)
            self._by_place.setdefault(verifier.template.place, []).append(verifier)
        if not self._by_place:
            raise ValueError("a set needs at least one verifier")
        for verifier in self:
            self._check_alone(verifier)
        _check_apart(self)

    def __iter__(self) -> Iterator[Verifier]:
        for neighbours in self._by_place.values():
            yield from neighbours

    def verify(self, url: str) -> VerifiedTap:
        """Check *url*, exactly as the phone received it.

        Raises:
            MalformedTapError: it matches no template.
            TapMacError: no accepted key confirms it.

        """
        for verifier in self._near(url):
            try:
                return verifier.verify(url)
            except MalformedTapError:
                continue
        raise MalformedTapError("the URL does not match any template")

    def _near(self, url: str) -> Iterator[Verifier]:
        for place in _places(url):
            yield from self._by_place.get(place, ())

    def _check_alone(self, verifier: Verifier) -> None:
        """Refuse another verifier that could take the URLs of this one for its own."""
        template = verifier.template
        if len(self._by_place[template.place]) > MAX_PER_PLACE:
            raise ValueError(f"at most {MAX_PER_PLACE} templates may share host and path")
        for other in self._near(template.place):
            if other is not verifier and other.template.overlaps(template):
                raise ValueError(
                    f"a URL could be of both {other.template.text} and {template.text}"
                )


def _places(url: str) -> Iterator[str]:
    """List every place a template of *url* may have: its path, and each part up to a slash.

    Slashes beyond the file of a tag cannot stem from one.
    """
    path = re.split("[?#]", url[:_LONGEST], maxsplit=1)[0]
    yield path
    for slash in re.finditer("/|^[a-z0-9+.-]+:", path):
        if slash.end() < len(path):
            yield path[: slash.end()]


#: Characters of the longest URL there can be: 249 in the tag's file behind its prefix.
_LONGEST = 249 + LONGEST_PREFIX


def _check_apart(verifiers: Iterable[Verifier]) -> None:
    found = {id(verifier.keyring): verifier for verifier in verifiers}
    require_apart({verifier.template.text: verifier.keyring for verifier in found.values()})
