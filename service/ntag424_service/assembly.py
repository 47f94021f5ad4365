"""From settings to the parts of the service. What is missing or unsafe stops it here."""

from __future__ import annotations

import re
from pathlib import Path

from ntag424 import Key, Keyring, UrlTemplate, Verifier
from ntag424.keys import An10922Keys, require_apart
from ntag424_service.app import Parts
from ntag424_service.errors import SettingsError
from ntag424_service.private_files import read_private_file
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings, required, variable
from ntag424_service.storage.keyring_file import read_keyring
from ntag424_service.storage.retired_keys import remember_retired
from ntag424_service.storage.stores import open_store
from ntag424_service.tags.enrolment import EnrolmentCredential
from ntag424_service.tags.served import Served

_DEV_TEMPLATE = "http://{host}:{port}/t#k={{kv}}{{epoch}}&p={{picc}}&m={{mac}}"


def assemble(settings: Settings) -> Parts:
    """Read the secrets, open the store, and make what `create_app` takes.

    Raises:
        SettingsError: something is missing, wrong or unsafe. Names the setting.

    """
    verifier = make_verifier(settings)
    sentry = _sentry(settings)
    if sentry is not None:
        _require_apart(verifier.keyring, sentry.keyring)
    enrolment = _enrolment(settings)
    identity, ledger = open_store(settings)
    if settings.identity_file is not None:
        keyrings = {variable("keyring_file"): verifier.keyring}
        if sentry is not None:
            keyrings[variable("sentry_keyring_file")] = sentry.keyring
        remember_retired(settings, identity.store_id, keyrings)
    tokens = SessionTokens(identity.session_key, identity.store_id, identity.names)
    return Parts(verifier, ledger, tokens, sentry, enrolment)


def find_served(settings: Settings) -> Served | None:
    """Return what can log in at the service of these *settings*; None where they do not say.

    Raises:
        SettingsError: as `assemble`.

    """
    if settings.template is None or settings.keyring_file is None:
        return None
    sentry = _sentry(settings)
    return Served(make_verifier(settings), None if sentry is None else sentry.keyring)


def make_verifier(settings: Settings) -> Verifier:
    """Join the template and the keyring.

    Raises:
        SettingsError: one is missing, or they do not go together.

    """
    default = _DEV_TEMPLATE.format(host=settings.host, port=settings.port)
    template = UrlTemplate(required(settings, "template", settings.template, default))
    try:
        return Verifier(template, _keyring(settings), mode=settings.tag_mode)
    except ValueError as error:
        raise SettingsError(
            variable("template"), str(error), "Change the template or the keyring."
        ) from None


def _keyring(settings: Settings) -> Keyring:
    if settings.dev and settings.keyring_file is None:
        return Keyring.single(An10922Keys(Key(bytes(16))))
    return _read_keyring(settings, "keyring_file", settings.keyring_file)


def _read_keyring(settings: Settings, field: str, path: Path | None) -> Keyring:
    name = variable(field)
    text = read_private_file(name, required(settings, field, path), strict=not settings.dev)
    return read_keyring(name, text, allow_zero_keys=settings.dev)


def _sentry(settings: Settings) -> SentryExchange | None:
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
    return SentryExchange(keyring, SentryAccounts(_account_key(settings)), branding)


def _require_apart(keyring: Keyring, sentry: Keyring) -> None:
    """Refuse keyrings under which one tap could earn a session at either route."""
    places = {variable("keyring_file"): keyring, variable("sentry_keyring_file"): sentry}
    try:
        require_apart(places)
    except ValueError as error:
        hint = (
            "Give a key the same ordinal wherever it is listed, and static keys a service and a "
            "store of their own."
        )
        raise SettingsError(variable("sentry_keyring_file"), str(error), hint) from None


def _account_key(settings: Settings) -> bytes:
    field = "sentry_account_key_file"
    path = required(settings, field, settings.sentry_account_key_file)
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
