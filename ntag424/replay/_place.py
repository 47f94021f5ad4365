"""Where a ledger of many parts keeps a tag and its sessions."""

from __future__ import annotations

import hashlib

from ntag424.model import Uid

#: Bytes of a place; there are 2^16 of them.
PLACE_SIZE = 2


def place_of(store_id: str, uid: Uid) -> bytes:
    """Return the place of a tag in the store called *store_id* (32 hex digits): 2 bytes.

    A session token, and so the digest of its grant, begins with the place of its tag:
    a ledger of many parts finds the session by it. Keyed by the store, so that it tells
    nobody else which tag it was.
    """
    key = bytes.fromhex(store_id)
    digest = hashlib.blake2b(uid, digest_size=PLACE_SIZE, key=key, person=b"ntag424 place")
    return digest.digest()
