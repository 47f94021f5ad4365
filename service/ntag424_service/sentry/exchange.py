"""SENTRY-Messenger's tap login: what its wire format needs besides a session."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

from ntag424 import Keyring, VerifiedTap
from ntag424.crypto import hkdf_sha256
from ntag424.sdm import TapMessage, verify_any

_TOKEN_KEY_LABEL = b"ntag424 sentry account token v1"


@dataclass(frozen=True, slots=True)
class Branding:
    """What the client shows, if the operator set it."""

    opaque_server_id: str | None = None
    brand: str | None = None
    brand_name: str | None = None
    brand_logo: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The account that belongs to a tag."""

    account_token: str = field(repr=False)
    account_digest: str
    uid_digest: str


class SentryAccounts:
    """Derives accounts from UIDs, so that none need be stored."""

    def __init__(self, hmac_key: bytes) -> None:
        """Take SENTRY's account HMAC key, 32 bytes."""
        if len(hmac_key) != 32:
            raise ValueError("an account HMAC key has 32 bytes")
        self._uid_key = hmac_key
        self._token_key = hkdf_sha256(hmac_key, salt=b"", info=_TOKEN_KEY_LABEL, length=32)

    def account(self, uid: bytes) -> Account:
        """Return the account of the tag *uid*; the same at every tap."""
        secret = hmac.digest(self._token_key, uid, "sha256")
        token = urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")
        uid_text = uid.hex().upper().encode()
        return Account(
            account_token=token,
            account_digest=hashlib.sha256(token.encode()).hexdigest().upper(),
            uid_digest=hmac.digest(self._uid_key, uid_text, "sha256").hex().upper(),
        )


@dataclass(frozen=True, slots=True)
class SentryExchange:
    """Everything the SENTRY routes need."""

    keyring: Keyring
    accounts: SentryAccounts
    branding: Branding

    def verify(self, uid: str, counter: str | int, mac: str) -> VerifiedTap:
        """Check a tap that came in parts; the MAC covers the empty text.

        *uid* and *mac* are 14 and 16 hex digits, *counter* six or the number itself.
        It becomes one number here, which is used for the MAC and for the ledger.

        Raises:
            MalformedTapError, TapMacError: see `verify_any`.

        """
        message = TapMessage(
            uid=bytes.fromhex(uid),
            read_counter=int(counter, 16) if isinstance(counter, str) else counter,
            mac=bytes.fromhex(mac),
        )
        return verify_any(message, self.keyring)
