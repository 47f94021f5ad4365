"""The keyring as TOML: one table per key version."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from ntag424 import Key, Keyring, KeyState, KeyVersion
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    KeyScheme,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
)
from ntag424_service.errors import SettingsError


def _key(value: object) -> Key:
    if not isinstance(value, str):
        raise ValueError("a key is written as 32 hex digits")  # noqa: TRY004  pydantic's way
    return Key.from_hex(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not re.fullmatch("(?:[0-9A-Fa-f]{2})*", value, re.ASCII):
        raise ValueError("write bytes as hex digits, without separators")
    return bytes.fromhex(value)


def _master(value: object) -> Key | bytes:
    secret = _bytes(value)
    if len(secret) < 16:
        raise ValueError("a master key has at least 16 bytes, 32 hex digits")
    return Key(secret) if len(secret) == 16 else secret


_Key: TypeAlias = Annotated[Key, PlainValidator(_key)]
_Hex: TypeAlias = Annotated[bytes, PlainValidator(_bytes)]
_Master: TypeAlias = Annotated[Key | bytes, PlainValidator(_master)]


class _Version(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    ordinal: int = Field(ge=1, le=255)
    state: Literal["active", "accepting", "retired"] = "active"


class _Derived(_Version):
    master_key: _Key


class _An10922(_Derived):
    scheme: Literal["an10922"]
    system_id: _Hex = b""

    def keys(self) -> KeyScheme:
        return An10922Keys(self.master_key, system_id=self.system_id)


class _Hkdf(_Derived):
    scheme: Literal["hkdf"]
    salt: _Hex = b""

    def keys(self) -> KeyScheme:
        return HkdfKeys(self.master_key, salt=self.salt)


class _SentryHkdf(_Derived):
    scheme: Literal["sentry-hkdf"]
    salt: str
    info: str = "ntag424-static-key"

    def keys(self) -> KeyScheme:
        return SentryHkdfKeys(self.master_key, salt=self.salt, info=self.info)


class _SentryEv2(_Derived):
    scheme: Literal["sentry-ev2"]
    key_version: int | None = None

    def keys(self) -> KeyScheme:
        return SentryEv2Keys(self.master_key, self.key_version)


class _Boltcard(_Version):
    scheme: Literal["boltcard"]
    issuer_key: _Key
    version: int = Field(default=1, ge=0, lt=1 << 32)

    def keys(self) -> KeyScheme:
        return BoltcardKeys(self.issuer_key, self.version)


class _SdmBackend(_Version):
    scheme: Literal["sdm-backend"]
    master_key: _Master

    def keys(self) -> KeyScheme:
        return SdmBackendKeys(self.master_key)


class _SdmBackendLegacy(_Version):
    scheme: Literal["sdm-backend-legacy"]
    master_key: _Master

    def keys(self) -> KeyScheme:
        return SdmBackendLegacyKeys(self.master_key)


class _Static(_Version):
    scheme: Literal["static"]
    file_read: _Key
    meta_read: _Key | None = None

    def keys(self) -> KeyScheme:
        return StaticKeys(file_read=self.file_read, meta_read=self.meta_read)


_AnyVersion: TypeAlias = (
    _An10922
    | _Hkdf
    | _SentryHkdf
    | _SentryEv2
    | _Boltcard
    | _SdmBackend
    | _SdmBackendLegacy
    | _Static
)


class _KeyringFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: list[Annotated[_AnyVersion, Field(discriminator="scheme")]] = Field(min_length=1)


def read_keyring(setting: str, text: str, *, allow_zero_keys: bool) -> Keyring:
    """Read a keyring from TOML.

    Raises:
        SettingsError: it is malformed, contradicts itself, or has an all-zero key.
            Names the place in the file, never what stands there.

    """
    versions = _parse(setting, text).version
    if not allow_zero_keys:
        _refuse_zero_keys(setting, versions)
    try:
        return Keyring(
            KeyVersion(version.ordinal, version.keys(), KeyState(version.state))
            for version in versions
        )
    except ValueError as error:
        raise SettingsError(setting, str(error), _HINT) from None


#: What may be repeated of a file: every name that the format knows.
_NAMES = {"version"}.union(
    *(
        {*kind.model_fields, *get_args(kind.model_fields["scheme"].annotation)}
        for kind in get_args(_AnyVersion)
    )
)
_HINT = "See docs/reference/settings.md for the form of a keyring file."


def _parse(setting: str, text: str) -> _KeyringFile:
    try:
        return _KeyringFile.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise SettingsError(setting, _complaint(error), _HINT) from None
    except (ValueError, RecursionError):
        # Not its own message: that quotes the file.
        raise SettingsError(setting, "is not valid TOML", _HINT) from None


def _complaint(error: ValidationError) -> str:
    """Say what is wrong first, and where, in words of the format: a name may be a key too."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part in _NAMES or isinstance(part, int))
    match first["type"]:
        case "extra_forbidden":
            message = "there is an unknown member"
        case "union_tag_invalid":
            message = f"unknown scheme; there are {first['ctx']['expected_tags']}"
        case _:
            message = first["msg"]
    return f"{place}: {message}" if place else message


def _refuse_zero_keys(setting: str, versions: Sequence[_Version]) -> None:
    for version in versions:
        for name, value in version:
            if isinstance(value, Key) and value.is_zero:
                raise SettingsError(
                    setting,
                    f"version {version.ordinal}: {name} is all zero, as tags leave the factory",
                    "Draw a key with `openssl rand -hex 16`; NTAG424_DEV=1 allows zeros on this "
                    "machine only.",
                )
