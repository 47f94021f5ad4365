"""Words that the tests of the Redis ledger share."""

from __future__ import annotations

import hashlib

from ntag424.model import Generation, Uid
from ntag424.replay import Grant, place_of
from ntag424.sdm import CountedTap

UID = Uid.from_hex("04A1B2C3D4E5F6")
NOW = Generation(1, 2)
STORE_ID = "5e" * 16
PLACE = place_of(STORE_ID, UID)
PART = int.from_bytes(PLACE, "big")
BUCKET = b"ntag424:{%d}" % PART
NONCE = b"\x01" * 16


def tap(counter, uid=UID):
    return CountedTap(uid, NOW, counter)


def grant(counter=1):
    return Grant(PLACE + hashlib.sha256(b"%d" % counter).digest()[:30], 300)
