"""Several key versions side by side: one that is written, some that are still accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, unique
from typing import Self

from ntag424.keys._scheme import PROBE, KeyScheme, is_diversified
from ntag424.model import Generation, Key

#: Most versions that are tried where a URL does not name one.
MAX_CANDIDATES = 4


@unique
class KeyState(Enum):
    """What a key version is good for."""

    #: New tags are written with it; taps are accepted.
    ACTIVE = "active"
    #: Taps are accepted.
    ACCEPTING = "accepting"
    #: Taps are refused.
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One scheme under the ordinal, 1 to 255, that stands in the URLs of its tags."""

    ordinal: int
    scheme: KeyScheme
    state: KeyState = KeyState.ACTIVE

    def __post_init__(self) -> None:
        if self.ordinal not in range(1, 256):
            raise ValueError(f"key versions are numbered 1 to 255, not {self.ordinal}")


class Keyring:
    """Key versions, exactly one of them active.

    No two versions or epochs may ever yield the same MAC key for a tag: both stand in
    the URL outside the MAC, and rewriting them there would turn a used tap into a
    fresh one. That is checked for every epoch of every version, retired ones too.
    """

    def __init__(self, versions: Iterable[KeyVersion]) -> None:
        ordered = sorted(versions, key=lambda version: version.ordinal)
        self._versions = {version.ordinal: version for version in ordered}
        if len(self._versions) != len(ordered):
            raise ValueError("two key versions have the same ordinal")
        active = [version for version in ordered if version.state is KeyState.ACTIVE]
        if len(active) != 1:
            raise ValueError(f"a keyring has exactly one active version, not {len(active)}")
        require_apart(ordered)
        _require_one_kind(ordered)
        self.active = active[0]

    @classmethod
    def single(cls, scheme: KeyScheme, *, ordinal: int = 1) -> Self:
        """Make the keyring of one active version."""
        return cls((KeyVersion(ordinal, scheme),))

    def __iter__(self) -> Iterator[KeyVersion]:
        return iter(self._versions.values())

    def accepted(self, ordinal: int) -> KeyVersion | None:
        """Return the version called *ordinal*, if there is one and it is not retired."""
        version = self._versions.get(ordinal)
        return None if version is None or version.state is KeyState.RETIRED else version

    @property
    def candidates(self) -> tuple[KeyVersion, ...]:
        """Every accepted version, the active one first, then the newer before the older.

        Raises:
            ValueError: there are more than `MAX_CANDIDATES`; put `{kv}` into the
                template, or retire some.

        """
        accepting = [version for version in self if version.state is KeyState.ACCEPTING]
        found = (self.active, *reversed(accepting))
        if len(found) > MAX_CANDIDATES:
            raise ValueError(
                f"{len(found)} accepted key versions, but a URL that does not name its "
                f"version is tried with at most {MAX_CANDIDATES}"
            )
        return found


def require_apart(versions: Iterable[KeyVersion]) -> None:
    """Refuse versions that share a MAC key under different ordinals or epochs.

    Both stand in the URL outside the MAC: rewriting them there would turn a used tap
    into a fresh one.

    Raises:
        ValueError: two of them do; the sentence says which.

    """
    owners: dict[Key, Generation] = {}
    for version in versions:
        for epoch in version.scheme.epochs:
            generation = Generation(version.ordinal, epoch)
            key = version.scheme.tag_key(PROBE, version.scheme.file_read_number, epoch)
            owner = owners.setdefault(key, generation)
            if owner != generation:
                raise ValueError(
                    f"key versions {owner.key_version} and {version.ordinal} yield the same MAC "
                    f"key, at epochs {owner.epoch} and {epoch}"
                )


def _require_one_kind(versions: list[KeyVersion]) -> None:
    # A raw key may be what another version derives for one particular tag. No probe
    # would show that, so the two kinds are kept apart.
    if len({is_diversified(version.scheme) for version in versions}) > 1:
        raise ValueError(
            "static keys and derived keys do not go into one keyring; give the old tags "
            "a template and a keyring of their own"
        )
