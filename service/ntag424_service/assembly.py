"""From settings to the parts of the service. What is missing or unsafe stops it here."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TypeVar

from ntag424 import Key, Keyring, UrlTemplate, Verifier
from ntag424.errors import LedgerError
from ntag424.keys import An10922Keys
from ntag424.replay import SqliteLedger, TagLedger
from ntag424_service.app import Parts
from ntag424_service.enrolment import EnrolmentCredential
from ntag424_service.errors import SettingsError
from ntag424_service.identity import Identity
from ntag424_service.keyring_file import read_keyring
from ntag424_service.private_files import read_private_file
from ntag424_service.sentry import Branding, SentryAccounts, SentryDoor
from ntag424_service.settings import Settings, variable
from ntag424_service.tokens import SessionTokens

T = TypeVar("T")
_SQLITE = "sqlite:///"
_DEV_TEMPLATE = "http://{host}:{port}/t#k={{kv}}{{epoch}}&p={{picc}}&m={{mac}}"


def assemble(settings: Settings) -> Parts:
    """Read the secrets, open the store, and make what `create_app` takes.

    Raises:
        SettingsError: something is missing, wrong or unsafe. Names the setting.

    """
    verifier = make_verifier(settings)
    sentry = _sentry(settings)
    enrolment = _enrolment(settings)
    identity, ledger = open_store(settings)
    return Parts(verifier, ledger, SessionTokens(identity.session_key), sentry, enrolment)


def make_verifier(settings: Settings) -> Verifier:
    """Join the template and the keyring.

    Raises:
        SettingsError: one is missing, or they do not go together.

    """
    default = _DEV_TEMPLATE.format(host=settings.host, port=settings.port)
    template = UrlTemplate(_required(settings, "template", settings.template, default))
    try:
        return Verifier(template, _keyring(settings), mode=settings.tag_mode)
    except ValueError as error:
        raise SettingsError(
            variable("template"), str(error), "Change the template or the keyring."
        ) from None


def open_store(settings: Settings) -> tuple[Identity, TagLedger]:
    """Open the store that `init` made for this service, and no other.

    Raises:
        SettingsError: it is missing, foreign, older or damaged.

    """
    if settings.dev and settings.store is None and settings.identity_file is None:
        return makeshift_store(Path(tempfile.mkdtemp(prefix="ntag424-dev-")))
    path = store_path(settings)
    name = variable("identity_file")
    file = _required(settings, "identity_file", settings.identity_file)
    identity = Identity.read(name, read_private_file(name, file, strict=not settings.dev))
    try:
        return identity, SqliteLedger.open(path, store_id=identity.store_id)
    except LedgerError as error:
        raise SettingsError(variable("store"), str(error), error.hint) from None


def makeshift_store(folder: Path) -> tuple[Identity, TagLedger]:
    """Make a store in *folder* that nobody expects to find again."""
    path = folder / "ledger.db"
    identity = Identity.new(SqliteLedger.init(path))
    return identity, SqliteLedger.open(path, store_id=identity.store_id)


def store_path(settings: Settings) -> Path:
    """Return where the SQLite ledger is, or is to be.

    Raises:
        SettingsError: the setting is missing, or names another kind of store.

    """
    url = _required(settings, "store", settings.store)
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise SettingsError(
            variable("store"), f"must begin with {_SQLITE}", "Write sqlite:////absolute/path."
        )
    return Path(url.removeprefix(_SQLITE))


def _keyring(settings: Settings) -> Keyring:
    if settings.dev and settings.keyring_file is None:
        return Keyring.single(An10922Keys(Key(bytes(16))))
    return _read_keyring(settings, "keyring_file", settings.keyring_file)


def _read_keyring(settings: Settings, field: str, path: Path | None) -> Keyring:
    name = variable(field)
    text = read_private_file(name, _required(settings, field, path), strict=not settings.dev)
    return read_keyring(name, text, allow_zero_keys=settings.dev)


def _sentry(settings: Settings) -> SentryDoor | None:
    if settings.sentry_keyring_file is None:
        return None
    keyring = _read_keyring(settings, "sentry_keyring_file", settings.sentry_keyring_file)
    try:
        _ = keyring.candidates  # its URLs name no key version: not too many to try
    except ValueError as error:
        hint = "Retire the oldest versions."
        raise SettingsError(variable("sentry_keyring_file"), str(error), hint) from None
    branding = Branding(
        settings.sentry_opaque_server_id,
        settings.sentry_brand,
        settings.sentry_brand_name,
        settings.sentry_brand_logo,
    )
    return SentryDoor(keyring, SentryAccounts(_account_key(settings)), branding)


def _account_key(settings: Settings) -> bytes:
    field = "sentry_account_key_file"
    path = _required(settings, field, settings.sentry_account_key_file)
    text = read_private_file(variable(field), path, strict=not settings.dev).strip()
    if not re.fullmatch("[0-9A-Fa-f]{64}", text, re.ASCII):
        raise SettingsError(
            variable(field), "is not a key of 64 hex digits", "Draw one: openssl rand -hex 32."
        )
    if not settings.dev and not text.strip("0"):
        raise SettingsError(variable(field), "is all zero", "Draw one: openssl rand -hex 32.")
    return bytes.fromhex(text)


def _enrolment(settings: Settings) -> EnrolmentCredential | None:
    field = "enrolment_credential_file"
    path = settings.enrolment_credential_file
    if path is None:
        return None
    text = read_private_file(variable(field), path, strict=not settings.dev).strip()
    if not re.fullmatch("[0-9A-Fa-f]{64}", text, re.ASCII):
        raise SettingsError(
            variable(field),
            "is not a SHA-256 digest of 64 hex digits",
            "It is made by `ntag424-service enrolment-credential`.",
        )
    return EnrolmentCredential(bytes.fromhex(text))


def _required(settings: Settings, field: str, value: T | None, dev_default: T | None = None) -> T:
    """Return *value*; in development mode its stand-in, if there is one."""
    if value is None and settings.dev:
        value = dev_default
    if value is None:
        raise SettingsError(
            variable(field), "is not set", "See docs/reference/settings.md, or try `make demo`."
        )
    return value
