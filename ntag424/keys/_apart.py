"""What one ledger may accept side by side: no tap is of two generations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ntag424.keys._scheme import PROBE, is_diversified
from ntag424.keys._version import KeyVersion
from ntag424.model import Generation, Key


@dataclass(frozen=True, slots=True)
class _Listed:
    """A key version, and the name of where it is listed."""

    place: str
    version: KeyVersion

    def beside(self, other: _Listed) -> str:
        one, two = self.version.ordinal, other.version.ordinal
        if self.place == other.place:
            return f"key versions {one} and {two} of {self.place}"
        return f"key version {one} of {self.place} and key version {two} of {other.place}"


def require_apart(places: Mapping[str, Iterable[KeyVersion]]) -> None:
    """Refuse key versions that one ledger must not accept side by side.

    *places* are all keyrings whose taps go to that ledger, by a name that people know
    each by: a setting, a template. Whatever lets a tap choose between them, be it the
    URL or the route it is sent to, stands outside the MAC, so

    * no MAC key stands for two generations, in whichever places: choosing the other
      one would turn a used tap into a fresh one. One key under the same ordinal and
      epoch in two places is one generation, and the ledger accepts its tap once.
    * static keys do not stand beside derived ones: a raw key may be what another
      version derives for one particular tag, which cannot be found out beforehand.

    Every epoch of every version counts, also of retired ones: their taps are used taps.

    Raises:
        ValueError: two of them must not; the sentence names both, and their places.

    """
    listed = [_Listed(place, version) for place, found in places.items() for version in found]
    _require_one_generation(listed)
    _require_one_kind(listed)


def _require_one_generation(listed: Iterable[_Listed]) -> None:
    # All schemes treat all UIDs alike: what is apart for one UID is so for every one.
    owners: dict[Key, tuple[_Listed, Generation]] = {}
    for found in listed:
        scheme = found.version.scheme
        for epoch in scheme.epochs:
            generation = Generation(found.version.ordinal, epoch)
            key = scheme.tag_key(PROBE, scheme.file_read_number, epoch)
            owner, owned = owners.setdefault(key, (found, generation))
            if owned != generation:
                raise ValueError(
                    f"{owner.beside(found)} yield the same MAC key, "
                    f"at epochs {owned.epoch} and {epoch}"
                )


def _require_one_kind(listed: Iterable[_Listed]) -> None:
    first: dict[bool, _Listed] = {}
    for found in listed:
        first.setdefault(is_diversified(found.version.scheme), found)
    if len(first) > 1:
        raise ValueError(
            f"{first[False].beside(first[True])} are static keys and derived keys, "
            f"which do not share a ledger"
        )
