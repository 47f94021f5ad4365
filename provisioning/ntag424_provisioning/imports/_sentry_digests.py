"""SENTRY-Messenger's database has digests for names; who has the UIDs finds them again."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from ntag424 import Uid
from ntag424_provisioning.imports._found import RowError


class SentryDigests:
    """Digests of all UIDs that were ever written, and the UIDs they are of."""

    def __init__(self, account_key: bytes, uids: Iterable[Uid]) -> None:
        """Take SENTRY's account HMAC key, 32 bytes."""
        if len(account_key) != 32:
            raise ValueError("an account HMAC key has 32 bytes")
        self._uids = {
            hmac.digest(account_key, str(uid).encode(), "sha256").hex().upper(): uid
            for uid in uids
        }

    def uid(self, digest: str) -> Uid:
        """Return the UID that *digest* is of.

        Raises:
            RowError: it is none of those.

        """
        found = self._uids.get(digest.upper())
        if found is None:
            raise RowError("its uid_digest is that of none of the UIDs given with --uids")
        return found
