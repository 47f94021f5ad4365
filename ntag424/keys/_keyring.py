"""Several key versions side by side: one that is written, some that are still accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from ntag424.arguments import require_each, require_type
from ntag424.keys._apart import require_apart
from ntag424.keys._scheme import KeyScheme
from ntag424.keys._version import KeyState, KeyVersion
from ntag424.model import Generation

#: Most versions that are tried where a URL does not name one.
MAX_CANDIDATES = 4


class Keyring:
    """Key versions, exactly one of them active.

    No two versions or epochs may ever yield the same MAC key for a tag: both stand in
    the URL outside the MAC, and rewriting them there would turn a used tap into a
    fresh one. That is checked by `require_apart`, as it is for several keyrings.
    """

    def __init__(self, versions: Iterable[KeyVersion]) -> None:
        found = _listed(versions)
        ordered = sorted(found, key=lambda version: version.ordinal)
        self._versions = {version.ordinal: version for version in ordered}
        if len(self._versions) != len(ordered):
            raise ValueError("two key versions have the same ordinal")
        active = [version for version in ordered if version.state is KeyState.ACTIVE]
        if len(active) != 1:
            raise ValueError(f"a keyring has exactly one active version, not {len(active)}")
        require_apart({"this keyring": ordered})
        self.active = active[0]
        self._named = tuple(self._by_name(ordinal) for ordinal in range(256))

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

    def named(self, generation: Generation) -> tuple[KeyScheme, Generation, bool]:
        """Return the keys that a URL names by *generation*, and whether they are accepted.

        Where they are not, scheme and generation are stand-ins, found by the very same
        steps: checking a tap against them takes as long, so the time tells nothing.
        """
        version, is_accepted = self._named[generation.key_version]
        epochs = version.scheme.epochs
        has_epoch = generation.epoch in epochs
        found = Generation(version.ordinal, generation.epoch if has_epoch else epochs.start)
        return version.scheme, found, is_accepted & has_epoch

    def _by_name(self, ordinal: int) -> tuple[KeyVersion, bool]:
        version = self.accepted(ordinal)
        return (self.active, False) if version is None else (version, True)

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


def _listed(versions: Iterable[KeyVersion]) -> list[KeyVersion]:
    instead = "Keyring([KeyVersion(1, scheme), ...]), or Keyring.single(scheme)"
    require_type("versions", versions, Iterable, instead=instead)
    found = list(versions)
    require_each("versions", found, KeyVersion, instead=instead)
    return found
