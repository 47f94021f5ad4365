"""Session tokens: derived from the tap, so that any worker gives the same answer again.

A token is the place of its tag in the store, 2 bytes, and 32 bytes that nobody can guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ntag424 import CountedTap, Uid
from ntag424.replay import PLACE_SIZE, place_of
from ntag424_service.tags.names import PlainNames, TagNames

# 34 bytes have one spelling: the last character stands for two bits and has four to spare.
_TOKEN = re.compile("[A-Za-z0-9_-]{45}[AQgw]", re.ASCII)
_LABEL = b"ntag424 session"
_SUBJECT_LABEL = b"ntag424 subject"


class SessionTokens:
    """Derives tokens with a key that is never stored beside the sessions."""

    def __init__(self, session_key: bytes, store_id: str, names: TagNames | None = None) -> None:
        """Derive tokens for the sessions of the store called *store_id*.

        *names* are those that the store knows tags by; their UIDs if none are given.
        """
        if len(session_key) != 32:
            raise ValueError("a session key has 32 bytes")
        self._key = session_key
        self._store_id = store_id
        self._names = names or PlainNames()

    def token(self, tap: CountedTap, nonce: bytes | None) -> str:
        """Derive the token that *tap* and *nonce* (16 bytes) earn, 46 characters."""
        message = (
            _LABEL
            + tap.uid
            + bytes(tap.generation)
            + tap.counter.to_bytes(3, "big")
            + (nonce or b"")
        )
        secret = hmac.digest(self._key, message, "sha256")
        return _text(place_of(self._store_id, self._names.of(tap.uid)) + secret)

    def subject(self, uid: Uid) -> str:
        """Derive the name by which applications know the tag, 22 characters.

        It is the same at every tap and does not reveal the UID.
        """
        return self.subject_of(self._names.of(uid))

    def subject_of(self, name: Uid) -> str:
        """Derive the same from the name by which the store knows the tag."""
        return _text(hmac.digest(self._key, _SUBJECT_LABEL + name, "sha256")[:16])


def digest(token: str) -> bytes:
    """Return what a ledger stores of a token, 32 bytes: see `Grant.digest`.

    Raises:
        ValueError: the text is no token, to the letter.

    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("this is no session token")
    place = urlsafe_b64decode(f"{token}==")[:PLACE_SIZE]
    return place + hashlib.sha256(token.encode()).digest()[:-PLACE_SIZE]


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
