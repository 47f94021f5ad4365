"""The key versions of a vault, and every change to them: values in, values out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from ntag424 import Keyring, KeyState, KeyVersion
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.vault._master_keys import MasterKeys

_LAST_ORDINAL = 255


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One key version as the vault keeps it; its `repr` shows no key."""

    #: 1 to 255: `{kv}` of its tags.
    ordinal: int
    state: KeyState
    keys: MasterKeys
    #: UNIX time in seconds.
    created_at: int
    #: Whether somebody has shown to hold a recovery sheet with it.
    is_backed_up: bool = False

    @property
    def scheme_name(self) -> str:
        """The scheme, as files call it."""
        return self.keys.name

    @property
    def fingerprint(self) -> str:
        """See `MasterKeys.fingerprint`."""
        return self.keys.fingerprint

    def record(self) -> dict[str, object]:
        """Return what `from_record` reads: keys too, to be sealed at once."""
        return {
            "ordinal": self.ordinal,
            "state": self.state.value,
            "scheme": self.keys.name,
            "members": self.keys.members(),
            "created_at": self.created_at,
            "is_backed_up": self.is_backed_up,
        }

    @classmethod
    def from_record(cls, record: dict[str, object]) -> Self:
        """Undo `record`."""
        match record:
            case {
                "ordinal": int(ordinal),
                "state": str(state),
                "scheme": str(scheme),
                "members": dict(members),
                "created_at": int(created_at),
                "is_backed_up": bool(is_backed_up),
            }:
                keys = MasterKeys.of_members(scheme, members)
                return cls(ordinal, KeyState(state), keys, created_at, is_backed_up)
        raise ValueError("this is no record of a key version")


#: In the order in which they came, so the last one is the newest.
Versions: TypeAlias = tuple[StoredVersion, ...]
#: A change to them; raises what forbids it.
Change: TypeAlias = Callable[[Versions], Versions]


def write_versions(versions: Versions) -> bytes:
    """Write everything down, keys too: to be sealed at once."""
    return json.dumps([version.record() for version in versions]).encode()


def read_versions(text: bytes) -> Versions:
    """Undo `write_versions`.

    Raises:
        ValueError: it was not written by it.

    """
    return tuple(StoredVersion.from_record(record) for record in json.loads(text))


def keyring_of(versions: Versions) -> Keyring:
    """Make the library's keyring of them.

    Raises:
        SetupError: there are none.
        RefusedError: they contradict one another.

    """
    if not versions:
        raise SetupError("the vault has no keys", 'Draw some: "ntag424 keys rotate".')
    try:
        return Keyring(KeyVersion(v.ordinal, v.keys.scheme, v.state) for v in versions)
    except ValueError as error:
        raise RefusedError(str(error), "Keep these keys in vaults of their own.") from error


def find(versions: Versions, ordinal: int) -> StoredVersion:
    """Return the version called *ordinal*.

    Raises:
        SetupError: there is none.

    """
    for version in versions:
        if version.ordinal == ordinal:
            return version
    raise SetupError(f"there is no key version {ordinal}", 'See "ntag424 keys show".')


def adding(keys: MasterKeys, now: int) -> Change:
    """Take *keys* in: taps are accepted, new tags are not written with them, but the first."""

    def change(versions: Versions) -> Versions:
        ordinal = 1 + max((version.ordinal for version in versions), default=0)
        if ordinal > _LAST_ORDINAL:
            raise RefusedError("there is no ordinal left for a key version", "Make a new vault.")
        state = KeyState.ACCEPTING if versions else KeyState.ACTIVE
        return (*versions, StoredVersion(ordinal, state, keys, now))

    return change


def rotating(keys: MasterKeys, now: int) -> Change:
    """Write new tags with *keys* from now on; the former version is still accepted."""

    def change(versions: Versions) -> Versions:
        added = adding(keys, now)(versions)
        return setting_state(added[-1].ordinal, KeyState.ACTIVE)(added)

    return change


def setting_state(ordinal: int, state: KeyState) -> Change:
    """Change one version's state; another one that was active is accepted from now on."""

    def change(versions: Versions) -> Versions:
        former = find(versions, ordinal)
        if former.state is KeyState.ACTIVE and state is not KeyState.ACTIVE:
            text = f"key version {ordinal} is the active one"
            raise RefusedError(text, 'Make another one first: "ntag424 keys rotate".')
        return tuple(_state_beside(version, ordinal, state) for version in versions)

    return change


def _state_beside(version: StoredVersion, ordinal: int, state: KeyState) -> StoredVersion:
    if version.ordinal == ordinal:
        return replace(version, state=state)
    if state is KeyState.ACTIVE and version.state is KeyState.ACTIVE:
        return replace(version, state=KeyState.ACCEPTING)
    return version


def restoring(found: Sequence[StoredVersion]) -> Change:
    """Take in keys from elsewhere; what is there already stays as it is."""

    def change(versions: Versions) -> Versions:
        elsewhere = {version.ordinal: version for version in found}
        kept = tuple(_known_elsewhere(version, elsewhere) for version in versions)
        present = {version.ordinal for version in versions}
        added = tuple(
            replace(version, state=_modest(version.state) if kept else version.state)
            for version in found
            if version.ordinal not in present
        )
        return kept + added

    return change


def _known_elsewhere(version: StoredVersion, elsewhere: dict[int, StoredVersion]) -> StoredVersion:
    other = elsewhere.get(version.ordinal)
    if other is None:
        return version
    if other.fingerprint != version.fingerprint:
        raise RefusedError(
            f"key version {version.ordinal} of the vault has other keys",
            "Nothing was changed. Take these keys into a vault of their own, with --vault.",
        )
    return replace(version, is_backed_up=version.is_backed_up or other.is_backed_up)


def _modest(state: KeyState) -> KeyState:
    """Return the state beside an active version, which a vault keeps."""
    return KeyState.ACCEPTING if state is KeyState.ACTIVE else state


def confirming(versions: Versions) -> Versions:
    """Count every version as backed up: the sheet that shows the newest shows all."""
    return tuple(replace(version, is_backed_up=True) for version in versions)
