"""Settings come from the environment, once, and are checked before anything is served."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ntag424 import Mode, UrlTemplate
from ntag424_service.errors import SettingsError

T = TypeVar("T")
PREFIX = "NTAG424_"
#: Read by the library when it is imported; no setting of the service.
_LIBRARY_SETTINGS = ("NTAG424_CRYPTO",)
#: Those of the command line `ntag424`, which may be set in the same shell.
_COMMAND_LINE = frozenset(
    PREFIX + name
    for name in (
        "CREDENTIAL_FILE",
        "ENROL",
        "HOME",
        "KEY_FILE",
        "PASSPHRASE_FILE",
        "READER",
        "URL",
    )
)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)


def _listed(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _is_template(text: str) -> str:
    if not UrlTemplate(text).is_redeemable:
        raise ValueError("taps that do not show both UID and counter cannot be redeemed")
    return text


def _is_network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    # A network of everybody would let everybody choose his source.
    if network is None or not network.prefixlen:
        raise ValueError("name addresses or networks of proxies: 192.0.2.7,2001:db8:1::/64")
    return str(network)


def _is_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("an origin is scheme, host and port: https://app.example.com")
    return text


_Origins: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_is_origin)], ...], NoDecode, BeforeValidator(_listed)
]
_Networks: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_is_network)], ...], NoDecode, BeforeValidator(_listed)
]
_Ordinals: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=255)], ...], NoDecode, BeforeValidator(_listed)
]


class Settings(BaseSettings):
    """Everything an operator can set; each is the environment variable NTAG424_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    template: Annotated[str, AfterValidator(_is_template)] | None = Field(
        default=None, description="URL template of the tags: https://id.example.com/t#k={kv}..."
    )
    keyring_file: Path | None = Field(
        default=None, description="TOML file with the master keys; readable by its owner only."
    )
    accept_again: _Ordinals = Field(
        default=(),
        description="Retired key versions to accept again; comma-separated.",
    )
    tag_mode: Mode = Field(
        default=Mode.AES, description="aes or lrp; counts only where the template has no {picc}."
    )
    store: str | None = Field(
        default=None,
        repr=False,  # a password may have slipped in
        description="The URL of the ledger: sqlite, redis and its forms, or postgresql.",
    )
    identity_file: Path | None = Field(
        default=None, description="Made by `init`: which store is ours, and the session key."
    )
    witness_file: Path | None = Field(
        default=None,
        description="What this machine remembers of the ledger; by default beside the identity.",
    )
    enrolment_credential_file: Path | None = Field(
        default=None, description="Digest of the credential that enrols tags; switches that on."
    )
    session_seconds: int = Field(default=300, ge=1, le=86400, description="A session's life.")
    cors_origins: _Origins = Field(
        default=(), description="Origins of apps whose pages may call the API; comma-separated."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8424, ge=1, le=65535, description="Port to listen on.")
    trusted_proxies: _Networks = Field(
        default=(), description="Proxies whose X-Forwarded-For is believed; comma-separated."
    )
    workers: int = Field(default=1, ge=1, le=64, description="Processes that serve.")
    sentry_keyring_file: Path | None = Field(
        default=None, description="Switches the SENTRY-Messenger routes on."
    )
    sentry_account_key_file: Path | None = Field(
        default=None, description="SENTRY's account HMAC key, 64 hex digits; its owner's only."
    )
    sentry_opaque_server_id: str | None = Field(default=None, description="Told to the client.")
    sentry_brand: str | None = Field(default=None, description="Told to the client.")
    sentry_brand_name: str | None = Field(default=None, description="Told to the client.")
    sentry_brand_logo: str | None = Field(default=None, description="Told to the client.")
    dev: bool = Field(
        default=False, description="Loopback only: keys and stores may be makeshift."
    )

    @classmethod
    def unset(cls, *, dev: bool = False, port: int = 8424) -> Self:
        """Return the defaults, whatever the environment says."""
        return cls.model_construct(dev=dev, port=port)


def load_settings() -> Settings:
    """Read the settings from this process's environment.

    Raises:
        SettingsError: one is unknown, wrong, or unsafe.

    """
    _refuse_unknown(os.environ)
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(variable(str(first["loc"][0])), message, _HINT) from None
    if settings.dev and not is_loopback(settings.host):
        raise SettingsError(
            variable("dev"),
            "development mode listens on a loopback address only",
            "Unset it, or leave NTAG424_HOST at 127.0.0.1.",
        )
    if settings.dev and settings.trusted_proxies:
        raise SettingsError(
            variable("trusted_proxies"),
            "development mode answers this machine alone and believes no proxy",
            "Unset it, or unset NTAG424_DEV.",
        )
    return settings


_HINT = "See docs/reference/settings.md for every setting."


def variable(field: str) -> str:
    """Return the environment variable of a field of `Settings`."""
    return PREFIX + field.upper()


def required(settings: Settings, field: str, value: T | None, dev_default: T | None = None) -> T:
    """Return *value*; in development mode its stand-in, if there is one.

    Raises:
        SettingsError: there is neither.

    """
    if value is None and settings.dev:
        value = dev_default
    if value is None:
        raise SettingsError(
            variable(field), "is not set", "See docs/reference/settings.md, or try `make demo`."
        )
    return value


def is_loopback(host: str) -> bool:
    """Whether *host*, an address, reaches this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_unknown(names: Iterable[str]) -> None:
    """Refuse what looks like a setting and is none: a typo must not mean the default."""
    known = [variable(name) for name in Settings.model_fields] + [*_LIBRARY_SETTINGS]
    for name in sorted(set(names) - _COMMAND_LINE):
        if name.startswith(PREFIX) and name not in known:
            similar = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {similar[0]}?" if similar else _HINT
            raise SettingsError(name, "there is no such setting", hint)
