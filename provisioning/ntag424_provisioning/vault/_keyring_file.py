"""The keyring file of the service: written from a vault, and taken into one."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable

from ntag424 import KeyState
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.vault._master_keys import MasterKeys
from ntag424_provisioning.vault._sheet import Sheet
from ntag424_provisioning.vault._versions import StoredVersion, Versions

_TABLE = "[[version]]"
_HINT = "See docs/reference/settings.md for the form of a keyring file."


def keyring_toml(versions: Iterable[StoredVersion]) -> str:
    """Return the keyring file for the service: every key in the clear."""
    return "\n".join(version.keys.toml(version.ordinal, version.state) for version in versions)


def read_keys(text: str) -> Versions:
    """Read a recovery sheet, the text of its QR code, or a keyring file.

    Raises:
        SetupError: it is none of them, or wrong. Says where, never what stands there.

    """
    if any(line.strip() == _TABLE for line in text.splitlines()):
        return _read_keyring(text)
    return Sheet.read(text).versions


def _read_keyring(text: str) -> Versions:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        # Not its own message: that quotes the file.
        raise SetupError("the keyring file is not valid TOML", _HINT) from None
    match document:
        case {"version": list(tables), **others} if not others:
            now = int(time.time())
            found = (table if isinstance(table, dict) else {} for table in tables)
            return tuple(_version(number, table, now) for number, table in enumerate(found, 1))
    # Not which: a name may be a key that slipped into the wrong place.
    raise SetupError("the keyring file has an unknown member beside its versions", _HINT)


def _version(number: int, table: dict[str, object], now: int) -> StoredVersion:
    match table:
        case {"ordinal": int(ordinal), "scheme": str(scheme), **members}:
            pass
        case _:
            raise SetupError(f"version table {number} has no ordinal, or no scheme", _HINT)
    if ordinal not in range(1, 256):
        raise SetupError(f"version table {number}: an ordinal is 1 to 255", _HINT)
    try:
        state = KeyState(members.pop("state", KeyState.ACTIVE.value))
    except ValueError:  # whose own message quotes the file
        raise SetupError(f"version table {number}: there is no such state", _HINT) from None
    try:
        return StoredVersion(ordinal, state, MasterKeys.of_members(scheme, members), now)
    except ValueError as error:
        raise SetupError(f"version table {number}: {error}", _HINT) from None
