"""Session tokens: derived from the tap, so that any worker gives the same answer again."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

from ntag424 import CountedTap

_LABEL = b"ntag424 session"
_SUBJECT_LABEL = b"ntag424 subject"


class SessionTokens:
    """Derives tokens with a key that is never stored beside the sessions."""

    def __init__(self, session_key: bytes) -> None:
        if len(session_key) != 32:
            raise ValueError("a session key has 32 bytes")
        self._key = session_key

    def token(self, tap: CountedTap, nonce: bytes | None) -> str:
        """Derive the token that *tap* and *nonce* (16 bytes) earn, 43 characters."""
        message = (
            _LABEL
            + tap.uid
            + bytes(tap.generation)
            + tap.counter.to_bytes(3, "big")
            + (nonce or b"")
        )
        return _text(hmac.digest(self._key, message, "sha256"))

    def subject(self, uid: bytes) -> str:
        """Derive the name by which applications know the tag, 22 characters.

        It is the same at every tap and does not reveal the UID.
        """
        return _text(hmac.digest(self._key, _SUBJECT_LABEL + uid, "sha256")[:16])


def digest(token: str) -> bytes:
    """Return what a ledger stores of a token: its SHA-256, 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
