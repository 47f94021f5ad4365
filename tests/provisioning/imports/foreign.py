"""Tags as other systems write them, and the files that those systems export."""

from __future__ import annotations

import csv
import io

from ntag424 import Key, Keyring, KeyState, KeyVersion, Uid, UrlTemplate
from ntag424.commands import ChangeKey, ChangeMasterKey
from ntag424.keys import An10922Keys, BoltcardKeys, SdmBackendKeys, SentryEv2Keys, SentryHkdfKeys
from ntag424.session import Session
from ntag424.testing import tap_source

UID = Uid.from_hex("04A39493CC8680")
OTHER = Uid.from_hex("0425607A8F6980")
#: The test vector of Bolt Cards' docs/DETERMINISTIC.md.
BOLT = BoltcardKeys(Key(bytes(15) + b"\x01"))
BOLT_KEYS = (
    "a29119fcb48e737d1591d3489557e49b",
    "55da174c9608993dc27bb3f30a4a7314",
    "f4b404be700ab285e333e32348fa3d3b",
    "73610ba4afe45b55319691cb9489142f",
    "addd03e52964369be7f2967736b7bdb5",
)
BACKEND = SdmBackendKeys(Key(bytes(range(16, 32))))
SENTRY = SentryHkdfKeys(Key(bytes(range(32, 48))), salt="sentry.red")
OLD_SENTRY = SentryEv2Keys(Key(bytes(range(48, 64))), 7)
OWN = An10922Keys(Key(bytes(range(16))))
KEYRING = Keyring(
    (
        KeyVersion(1, BACKEND, KeyState.ACCEPTING),
        KeyVersion(2, SENTRY, KeyState.ACCEPTING),
        KeyVersion(3, OLD_SENTRY, KeyState.RETIRED),
        KeyVersion(4, BOLT, KeyState.ACCEPTING),
        KeyVersion(5, OWN, KeyState.ACTIVE),
    )
)
#: Without SENTRY's: its tags do not encrypt, and those that we write here do.
WRITING = Keyring(version for version in KEYRING if version.scheme.meta_read_number is not None)


def wipe_keys(uid=UID, keys=BOLT_KEYS, **changes):
    """Give what `wipeboltcard`, LNbits and the programmer app show as a QR code."""
    members = {"action": "wipe", "id": 7, "uid": str(uid).lower(), "version": 1}
    members |= {f"k{number}": key for number, key in enumerate(keys)}
    return {name: value for name, value in (members | changes).items() if value is not None}


def as_csv(*rows):
    """Write rows as `psql --csv` and `sqlite3 -csv -header` do."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def server_row(uid=UID, keys=BOLT_KEYS, **changes):
    """Give one row of `cards` of a boltcard server: key 1 is not in it."""
    row = {
        "card_id": "1",
        "k0_auth_key": keys[0],
        "k2_cmac_key": keys[2],
        "k3": keys[3],
        "k4": keys[4],
        "uid": str(uid),
        "last_counter_value": "61",
        "lnurlw_enable": "Y",
        "card_name": "coffee, black",
        "email_address": "",
        "wiped": "N",
    }
    return row | changes


def hub_row(uid=UID, keys=BOLT_KEYS, **changes):
    """Give one row of `cards` of a boltcard hub."""
    row = {
        "card_id": "1",
        "key0_auth": keys[0],
        "key1_enc": keys[1],
        "key2_cmac": keys[2],
        "key3": keys[3],
        "key4": keys[4],
        "login": "x",
        "uid": str(uid),
        "last_counter_value": "61",
        "wiped": "N",
    }
    return row | changes


def bolt_card(uid=UID, read_counter=0):
    """Write a card as the programmer app does: with 01h beside each key."""
    template = UrlTemplate("https://card.example.com/?p={picc}&c={mac}")
    tag = tap_source(template, BOLT, uid, read_counter=read_counter).tag
    _rewrite(tag, [BOLT.tag_key(uid, number) for number in range(5)], version=1)
    return tag


def backend_tag(uid=UID):
    """Write a tag for a sdm-backend: keys 1 and 2 are used, the others as delivered."""
    template = UrlTemplate("https://sdm.example.com/tag?picc_data={picc}&cmac={mac}")
    tag = tap_source(template, BACKEND, uid).tag
    keys = [Key(bytes(16))] * 5
    keys[1], keys[2] = BACKEND.meta_read_key(), BACKEND.tag_key(uid, 2)
    session = _authenticated(tag, BACKEND.tag_key(uid, 0))
    for number in (3, 4):
        session.send(ChangeKey(number, BACKEND.tag_key(uid, number), keys[number], 0))
    session.send(ChangeMasterKey(keys[0], 0))
    return tag


def _authenticated(tag, key):
    plain = Session(tag)
    plain.select()
    return plain.authenticate(0, key)


def _rewrite(tag, keys, *, version):
    session = _authenticated(tag, keys[0])
    for number in range(1, 5):
        session.send(ChangeKey(number, keys[number], keys[number], version))
    session.send(ChangeMasterKey(keys[0], version))
