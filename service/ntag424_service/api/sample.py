"""The OpenAPI document of a service with every route; needs no environment."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ntag424 import Key, Keyring, UrlTemplate, Verifier
from ntag424.keys import SentryEv2Keys, StaticKeys
from ntag424_service.app import Parts, create_app
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings
from ntag424_service.storage.stores import makeshift_store
from ntag424_service.tags.enrolment import EnrolmentCredential

_KEY = Key(bytes(16))


def sample_document() -> dict[str, Any]:
    """Build a service on makeshift parts and return its OpenAPI document."""
    template = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")
    keys = StaticKeys(file_read=_KEY, meta_read=_KEY)
    sentry = SentryExchange(
        Keyring.single(SentryEv2Keys(_KEY)), SentryAccounts(bytes(32)), Branding()
    )
    with tempfile.TemporaryDirectory() as folder:
        identity, ledger = makeshift_store(Path(folder))
        verifier = Verifier(template, Keyring.single(keys))
        tokens = SessionTokens(identity.session_key, identity.store_id)
        parts = Parts(verifier, ledger, tokens, sentry, EnrolmentCredential(bytes(32)))
        document = create_app(Settings.unset(), parts).openapi()
        asyncio.run(ledger.aclose())
    return document
