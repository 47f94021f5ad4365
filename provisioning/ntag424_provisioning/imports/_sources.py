"""From what the operator says of another system to a source that reads its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum, unique
from pathlib import Path

from ntag424 import Key, Keyring, KeyVersion
from ntag424.keys import (
    KeyScheme,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
)
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.imports._boltcard import Boltcards
from ntag424_provisioning.imports._derived import SdmBackendTags, SentryTags
from ntag424_provisioning.imports._found import RowError, Source, uid_of
from ntag424_provisioning.imports._rows import Row, read_rows
from ntag424_provisioning.imports._sentry_digests import SentryDigests
from ntag424_provisioning.private_files import read_private

_MOST_BYTES = 32 * 1024 * 1024


@unique
class Origin(StrEnum):
    """Systems that tags are taken in from."""

    BOLTCARD = "boltcard"
    SDM_BACKEND = "sdm-backend"
    SENTRY = "sentry"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What may be said beside a file; each is for some systems only."""

    key_version: int | None = None
    version_byte: int | None = None
    decrypt_key_file: Path | None = None
    uids: Path | None = None
    account_key_file: Path | None = None

    def require_apt(self, origin: Origin) -> None:
        """Refuse what says nothing of *origin*: it would be ignored.

        Raises:
            SetupError: something does.

        """
        for field in fields(self):
            if getattr(self, field.name) is not None and field.name not in _APT[origin]:
                name = field.name.replace("_", "-")
                raise SetupError(f"--{name} says nothing of {origin}", "Leave it out.")


_DERIVED = frozenset({"key_version", "version_byte"})
_APT: Mapping[Origin, frozenset[str]] = {
    Origin.BOLTCARD: frozenset({"decrypt_key_file"}),
    Origin.SDM_BACKEND: _DERIVED,
    Origin.SENTRY: _DERIVED | {"uids", "account_key_file"},
}
_SCHEMES: Mapping[Origin, tuple[type[KeyScheme], ...]] = {
    Origin.SDM_BACKEND: (SdmBackendKeys, SdmBackendLegacyKeys),
    Origin.SENTRY: (SentryHkdfKeys, SentryEv2Keys),
}


def open_source(origin: Origin, options: SourceOptions, keyring: Keyring) -> Source:
    """Make what reads the rows of *origin*.

    Raises:
        SetupError: an option is missing, wrong, or not for this system.

    """
    options.require_apt(origin)
    if origin is Origin.BOLTCARD:
        return Boltcards(_decrypt_key(options.decrypt_key_file))
    version = _version(origin, options.key_version, keyring)
    if origin is Origin.SDM_BACKEND:
        return SdmBackendTags(version, options.version_byte)
    return SentryTags(version, options.version_byte, _digests(options))


def read_file(path: Path) -> bytes:
    """Return the content of an exported file.

    Raises:
        SetupError: it cannot be read, or is too large.

    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}"
        raise SetupError(text, "Check the path, and who may read it.") from error
    if len(content) > _MOST_BYTES:
        raise SetupError(f"{path} is larger than 32 MiB", "Split it.")
    return content


def _version(origin: Origin, ordinal: int | None, keyring: Keyring) -> KeyVersion:
    apt = [version for version in keyring if isinstance(version.scheme, _SCHEMES[origin])]
    if ordinal is not None:
        apt = [version for version in apt if version.ordinal == ordinal]
    if len(apt) == 1:
        return apt[0]
    if apt:
        listed = ", ".join(str(version.ordinal) for version in apt)
        text = f"the vault has several key versions of {origin}: {listed}"
        raise SetupError(text, "Say which one the tags have, with --key-version.")
    raise SetupError(
        f"the vault has no such key version of {origin}",
        "Take the master key of that system into the vault first.",
    )


def _decrypt_key(path: Path | None) -> Key | None:
    if path is None:
        return None
    text = _hex(path, "decrypt key file", 32, "AES_DECRYPT_KEY, 32 hex digits")
    return Key(text)


def _digests(options: SourceOptions) -> SentryDigests | None:
    if options.uids is None and options.account_key_file is None:
        return None
    if options.uids is None or options.account_key_file is None:
        raise SetupError("--uids and --account-key-file go together", "Give both, or neither.")
    key = _hex(options.account_key_file, "account key file", 64, "64 hex digits")
    try:
        uids = [
            uid_of(row.first("uid") if isinstance(row, Row) else "")
            for row in read_rows(read_file(options.uids))
        ]
    except RowError as error:
        raise SetupError(f"{options.uids} is no list of UIDs: {error}", "One a line.") from None
    return SentryDigests(key, uids)


def _hex(path: Path, name: str, digits: int, form: str) -> bytes:
    text = read_private(path, name).decode("ascii", "replace").strip()
    if not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", text, re.ASCII):
        raise SetupError(f"the {name} {path} does not hold what it should", f"Put in {form}.")
    return bytes.fromhex(text)
