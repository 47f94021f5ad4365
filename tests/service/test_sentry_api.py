"""SENTRY-Messenger's wire format, field for field, without its holes."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion, Uid, UrlTemplate
from ntag424.keys import SentryEv2Keys, SentryHkdfKeys, StaticKeys
from ntag424.replay import TagState
from ntag424.testing import tap_source
from tests.service.asking import JSON
from tests.service.house import sdm_mac
from tests.support import vectors

pytestmark = pytest.mark.anyio

PATH = "/api/v1/auth/sdm/exchange"
UID = Uid.from_hex("04A1B2C3D4E5F6")
ACCOUNT_KEY = bytes.fromhex("A5" * 31 + "01")
MASTER = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
OLD_MASTER = bytes.fromhex("FFEEDDCCBBAA99887766554433221100")
QUERY_TEMPLATE = "https://sentry.red/t?uid={uid}&sdmcounter={ctr}&sdmmac={mac}"

BAD_REQUEST = (
    400,
    {
        "error": "BadRequest",
        "message": "uid: 14 hex digits, sdmmac: 16, sdmcounter: 6 or a 24-bit number",
    },
)
UNAUTHORIZED = (401, {"error": "Unauthorized", "detail": "SDM verify failed"})
REPLAY = (
    409,
    {
        "error": "ExchangeFailed",
        "details": {"error": "Replay", "message": "counter must be strictly increasing"},
    },
)
UNAVAILABLE = (503, {"error": "Unavailable", "message": "the store cannot answer"})


# ---- SENTRY's derivations by hand, from its server's source ---------------------------------


def hkdf_key(master=MASTER, *, salt="sentry.red", info="ntag424-static-key", uid=UID):
    extracted = hmac.digest(salt.encode(), master, "sha256")
    text = info + ":" + uid.hex().upper()
    return hmac.digest(extracted, text.encode(), "sha256")[:16]


def ev2_key(master=MASTER, *, key_version=b"", uid=UID):
    message = b"\x01EV2-KDF" + uid + key_version
    return CMAC.new(master, message, ciphermod=AES).digest()


# ---- the chip and the client ----------------------------------------------------------------


def phone(key=None, *, uid=UID, read_counter=0):
    """Lay a tag with one of SENTRY's keys to a phone."""
    keys = StaticKeys(file_read=Key(key or hkdf_key(uid=uid)))
    return tap_source(UrlTemplate(QUERY_TEMPLATE), keys, uid, read_counter=read_counter)


def request_of(url):
    """Make of a tag's URL what SENTRY's web client posts."""
    parameters = dict(parse_qsl(urlsplit(url).query))
    return parameters | {"nonce": "n/a"}


def by_hand(counter, *, key=None):
    """Write the request of a tap that need not come from a chip; the MAC holds."""
    mac = sdm_mac(key or hkdf_key(), UID, counter)
    return {"uid": str(UID), "sdmmac": mac, "sdmcounter": f"{counter:06X}", "nonce": "n/a"}


async def exchange(house, members):
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return await house.ask("POST", PATH, body=body, headers=JSON)


def refusal(answer):
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.members


def door(*versions, branding=None):
    keyring = Keyring(versions or (KeyVersion(1, SentryHkdfKeys(Key(MASTER), salt="sentry.red")),))
    return SentryExchange(keyring, SentryAccounts(ACCOUNT_KEY), branding or Branding())


@pytest.fixture
def house(open_house):
    return open_house(sentry=door())


# ---- accepted -------------------------------------------------------------------------------


async def test_an_accepted_tap_is_answered_as_the_web_client_expects(house):
    answer = await exchange(house, request_of(phone().tap()))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    members = answer.members
    token, session = members["account_token"], members["session"]
    assert members == {
        "session": session,
        "has_mk": False,
        "wrapped_mk": None,
        "account_token": token,
        "account_digest": hashlib.sha256(token.encode("utf-8")).hexdigest().upper(),
        "uid_digest": hmac.digest(ACCOUNT_KEY, b"04A1B2C3D4E5F6", "sha256").hex().upper(),
        "opaque_server_id": None,
    }


async def test_the_branding_is_told_as_far_as_it_is_set(open_house):
    branding = Branding(opaque_server_id="red", brand="B", brand_logo="https://x/logo.svg")
    house = open_house(sentry=door(branding=branding))
    members = (await exchange(house, request_of(phone().tap()))).members
    shown = {name: text for name, text in members.items() if "brand" in name or "server" in name}
    assert shown == {"opaque_server_id": "red", "brand": "B", "brand_logo": "https://x/logo.svg"}


async def test_the_session_is_url_safe_and_can_be_looked_up(house):
    session = (await exchange(house, request_of(phone().tap()))).members["session"]
    answer = await house.look_up(f"Bearer {session}")
    assert (len(session), answer.status) == (46, 200)


async def test_an_account_is_the_same_at_every_tap_and_a_session_is_not(house):
    tag = phone()
    first, second = [(await exchange(house, request_of(tag.tap()))).members for _ in range(2)]
    different = {name for name in first if first[name] != second[name]}
    assert different == {"session"}


async def test_another_tag_has_another_account(house):
    other = Uid.from_hex("04A1B2C3D4E5F7")
    first = (await exchange(house, request_of(phone().tap()))).members
    second = (await exchange(house, request_of(phone(uid=other).tap()))).members
    assert first["account_token"] != second["account_token"]


async def test_a_first_valid_tap_makes_a_record_that_is_not_enrolled(house):
    await exchange(house, request_of(phone(read_counter=41).tap()))
    record = await house.ledger.find(UID)
    assert (record.counter, record.enrolled) == (42, False)


async def test_a_first_tap_that_does_not_verify_makes_no_record(house):
    await exchange(house, by_hand(7) | {"sdmmac": "0" * 16})
    assert await house.ledger.find(UID) is None


async def test_fields_that_a_client_adds_are_ignored(house):
    members = request_of(phone().tap()) | {"uid_hex": 7, "session": None, "debug": [True]}
    answer = await exchange(house, members)
    assert answer.status == 200


@pytest.mark.parametrize("nonce", ["n/a", "", "x" * 500, 7, None, ["a"], {"a": 1}, True])
async def test_a_nonce_may_be_anything(house, nonce):
    answer = await exchange(house, request_of(phone().tap()) | {"nonce": nonce})
    assert answer.status == 200


async def test_a_nonce_may_be_missing(house):
    members = request_of(phone().tap())
    del members["nonce"]
    answer = await exchange(house, members)
    assert answer.status == 200


@pytest.mark.parametrize("field", ["uid", "sdmmac", "sdmcounter"])
async def test_hex_may_come_in_lower_case(house, field):
    members = by_hand(0xABCDEF)
    answer = await exchange(house, members | {field: members[field].lower()})
    assert answer.status == 200


# ---- refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("nonce", ["n/a", "5f0c1d2e3b4a59687786a5b4c3d2e1f0"])
async def test_the_same_request_again_is_a_replay_whatever_its_nonce(house, nonce):
    members = request_of(phone().tap()) | {"nonce": nonce}
    first = await exchange(house, members)
    second = await exchange(house, members)
    assert first.status == 200
    assert refusal(second) == REPLAY


async def test_a_tap_older_than_the_last_one_is_a_replay(house):
    await exchange(house, by_hand(9))
    assert refusal(await exchange(house, by_hand(8))) == REPLAY


async def test_a_counter_in_another_spelling_is_still_the_same_tap(house):
    members = by_hand(0xABCDEF)
    await exchange(house, members)
    for spelling in ("abcdef", "ABCDEF", 0xABCDEF):
        answer = await exchange(house, members | {"sdmcounter": spelling})
        assert refusal(answer) == REPLAY


@pytest.mark.parametrize("prefix", ["1", "2", "0", "F"])
async def test_a_used_tap_with_a_digit_in_front_of_its_counter_is_no_tap(house, prefix):
    """There, the MAC took the last six digits, and the replay check all of them."""
    members = by_hand(5)
    await exchange(house, members)
    answer = await exchange(house, members | {"sdmcounter": prefix + members["sdmcounter"]})
    assert refusal(answer) == BAD_REQUEST


@pytest.mark.parametrize("field", ["uid", "sdmmac", "sdmcounter"])
async def test_one_changed_digit_does_not_verify(house, field):
    members = by_hand(5)
    changed = members[field][:-1] + f"{int(members[field][-1], 16) ^ 1:X}"
    answer = await exchange(house, members | {field: changed})
    assert refusal(answer) == UNAUTHORIZED


async def test_counter_zero_does_not_verify(house):
    assert refusal(await exchange(house, by_hand(0))) == UNAUTHORIZED


async def test_counter_zero_as_a_number_does_not_verify(house):
    answer = await exchange(house, by_hand(0) | {"sdmcounter": 0})
    assert refusal(answer) == UNAUTHORIZED


async def test_a_suspended_tag_does_not_verify(house):
    await exchange(house, by_hand(1))
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    assert refusal(await exchange(house, by_hand(2))) == UNAUTHORIZED


async def test_a_store_in_trouble_gives_no_session(house):
    await house.ledger.aclose()
    assert refusal(await exchange(house, by_hand(1))) == UNAVAILABLE


COUNTERS = [
    (5, True),
    (0xFFFFFF, True),
    ("000005", True),
    ("FFFFFF", True),
    ("ffffff", True),
    ("5", False),
    ("00005", False),
    ("0000005", False),
    ("1000005", False),
    ("+00005", False),
    ("-00005", False),
    (" 00005", False),
    ("00005 ", False),
    ("000005\n", False),
    ("00005\n", False),
    ("0_0005", False),
    ("0x0005", False),
    ("00000G", False),
    ("\uff10\uff10\uff10\uff10\uff10\uff15", False),
    ("\u0660\u0660\u0660\u0660\u0660\u0665", False),
    ("0000\u00b25", False),
    ("00\x0005", False),
    ("", False),
    (-1, False),
    (0x1000000, False),
    (10**40, False),
    (b"5.0", False),
    (b"1e1", False),
    (b"NaN", False),
    (b"Infinity", False),
    (b"05", False),
    (True, False),
    (False, False),
    (None, False),
    ([], False),
    (["000005"], False),
    ({}, False),
    ({"value": 5}, False),
]


@pytest.mark.parametrize(
    ("counter", "is_one"), COUNTERS, ids=[ascii(counter) for counter, _ in COUNTERS]
)
async def test_a_counter_is_six_hex_digits_or_a_number_of_24_bits(house, counter, is_one):
    """Whatever is one gets as far as the MAC, which is wrong here."""
    members = {"uid": str(UID), "sdmmac": "0" * 16, "nonce": "n/a"}
    raw = counter if isinstance(counter, bytes) else json.dumps(counter).encode()
    body = json.dumps(members).encode()[:-1] + b', "sdmcounter": ' + raw + b"}"
    answer = await exchange(house, body)
    assert refusal(answer) == (UNAUTHORIZED if is_one else BAD_REQUEST)


@pytest.mark.parametrize("counter", [1, 9, 10, 0x41, 0xFFFFFF])
async def test_a_number_means_what_its_hex_digits_mean(house, counter):
    answer = await exchange(house, by_hand(counter) | {"sdmcounter": counter})
    record = await house.ledger.find(UID)
    assert (answer.status, record.counter) == (200, counter)


WRONG = {
    "uid of 13 digits": {"uid": "04A1B2C3D4E5F"},
    "uid of 15 digits": {"uid": "04A1B2C3D4E5F60"},
    "uid with colons": {"uid": "04:A1:B2:C3:D4"},
    "uid with spaces": {"uid": "04 A1 B2 C3 D4"},
    "uid ends in newline": {"uid": "04A1B2C3D4E5F6\n"},
    "uid a number": {"uid": 10101010101010},
    "uid null": {"uid": None},
    "uid in fullwidth digits": {"uid": "\uff10" * 14},
    "mac of 15 digits": {"sdmmac": "0" * 15},
    "mac of 17 digits": {"sdmmac": "0" * 17},
    "mac of 32 digits": {"sdmmac": "0" * 32},
    "mac with a space": {"sdmmac": "0000000 00000000"},
    "mac ends in newline": {"sdmmac": "0" * 15 + "\n"},
    "mac a number": {"sdmmac": 1000000000000000},
    "mac null": {"sdmmac": None},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
async def test_a_field_of_the_wrong_form_is_a_bad_request(house, change):
    assert refusal(await exchange(house, by_hand(5) | change)) == BAD_REQUEST


@pytest.mark.parametrize("field", ["uid", "sdmmac", "sdmcounter"])
async def test_a_missing_field_is_a_bad_request(house, field):
    members = by_hand(5)
    del members[field]
    assert refusal(await exchange(house, members)) == BAD_REQUEST


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"uid"', b"\xff", b"\xef\xbb\xbf{}"])
async def test_a_body_that_is_no_object_is_a_bad_request(house, body):
    assert refusal(await exchange(house, body)) == BAD_REQUEST


NOT_FOUND = (404, {"error": "NotFound"})


async def test_without_a_sentry_keyring_there_is_no_such_route(open_house):
    assert refusal(await exchange(open_house(), by_hand(5))) == NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/auth/sdm/debug-kit"),
        ("POST", "/api/v1/mk/store"),
        ("POST", PATH + "/"),
        ("GET", PATH),
        ("DELETE", PATH),
        ("GET", "/api/v1"),
        ("GET", "/api/v1/"),
        ("GET", "/api/v1/auth/brand?uid=04A1B2C3D4E5F6"),
    ],
)
async def test_what_is_not_there_is_answered_as_sentrys_server_does(house, method, path):
    assert refusal(await house.ask(method, path)) == NOT_FOUND


# ---- keyrings -------------------------------------------------------------------------------

SCHEMES = {
    "HKDF": (SentryHkdfKeys(Key(MASTER), salt="sentry.red"), hkdf_key()),
    "HKDF, salt and info": (
        SentryHkdfKeys(Key(MASTER), salt="d\u00f6main.example", info="other"),
        hkdf_key(salt="d\u00f6main.example", info="other"),
    ),
    "HKDF, empty salt": (SentryHkdfKeys(Key(MASTER), salt=""), hkdf_key(salt="")),
    "EV2": (SentryEv2Keys(Key(MASTER)), ev2_key()),
    "EV2, version 0": (SentryEv2Keys(Key(MASTER), 0), ev2_key(key_version=b"\x00")),
    "EV2, version 255": (SentryEv2Keys(Key(MASTER), 255), ev2_key(key_version=b"\xff")),
    "EV2, version 300": (SentryEv2Keys(Key(MASTER), 300), ev2_key(key_version=b"\x2c")),
}


@pytest.mark.parametrize(("scheme", "key"), SCHEMES.values(), ids=SCHEMES)
async def test_tags_of_either_derivation_are_known(open_house, scheme, key):
    house = open_house(sentry=door(KeyVersion(1, scheme)))
    answer = await exchange(house, request_of(phone(key).tap()))
    assert answer.status == 200


@pytest.mark.parametrize(
    "vector",
    [vector for vector in vectors("keys", "sentry_kdf") if "tag_id" not in vector],
    ids=lambda vector: vector.id,
)
async def test_taps_that_sentrys_own_code_computed_are_accepted(open_house, vector):
    given, master = vector.given, Key(vector["km"])
    if given["mode"] == "HKDF":
        scheme = SentryHkdfKeys(master, salt=given["salt_text"], info=given["info_text"])
    else:
        scheme = SentryEv2Keys(master, given.get("kver"))
    house = open_house(sentry=door(KeyVersion(1, scheme)))
    members = {
        "uid": given["uid_text"],
        "sdmcounter": "00000A",
        "sdmmac": vector["sdmmac_ctr_00000A"].hex().upper(),
        "nonce": "n/a",
    }
    answer = await exchange(house, members)
    assert answer.status == 200


CURRENT_THEN_OLD = (
    KeyVersion(2, SentryHkdfKeys(Key(MASTER), salt="sentry.red"), KeyState.ACTIVE),
    KeyVersion(1, SentryHkdfKeys(Key(OLD_MASTER), salt="sentry.red"), KeyState.ACCEPTING),
)


@pytest.mark.parametrize(("master", "ordinal"), [(MASTER, 2), (OLD_MASTER, 1)])
async def test_tags_of_the_current_and_of_the_old_master_key_are_known(
    open_house, master, ordinal
):
    house = open_house(sentry=door(*CURRENT_THEN_OLD))
    await exchange(house, request_of(phone(hkdf_key(master)).tap()))
    record = await house.ledger.find(UID)
    assert record.generation == Generation(ordinal, 0)


async def test_once_its_tag_moved_to_the_current_master_key_an_old_tap_is_refused(open_house):
    house = open_house(sentry=door(*CURRENT_THEN_OLD))
    await exchange(house, by_hand(1, key=hkdf_key(MASTER)))
    answer = await exchange(house, by_hand(99, key=hkdf_key(OLD_MASTER)))
    assert refusal(answer) == UNAUTHORIZED


# ---- two doors, one ledger ------------------------------------------------------------------


@pytest.fixture
def both_doors(open_house):
    """A service at which the same tag verifies at either door."""
    keyring = Keyring.single(SentryEv2Keys(Key(MASTER)))
    sentry = SentryExchange(keyring, SentryAccounts(ACCOUNT_KEY), Branding())
    return open_house(template=QUERY_TEMPLATE, keyring=keyring, sentry=sentry)


async def test_a_record_made_by_a_first_tap_is_refused_at_the_other_door(both_doors):
    tag = phone(ev2_key())
    assert (await exchange(both_doors, request_of(tag.tap()))).status == 200
    answer = await both_doors.post_tap(tag.tap())
    assert (answer.status, answer.members["outcome"]) == (403, "not_verified")


async def test_a_record_made_by_a_first_tap_is_accepted_there_once_it_is_enrolled(both_doors):
    tag = phone(ev2_key())
    await exchange(both_doors, request_of(tag.tap()))
    await both_doors.ledger.enrol(UID, Generation(1, 0), 0)
    answer = await both_doors.post_tap(tag.tap())
    assert answer.status == 200


async def test_enrolling_it_makes_no_used_tap_fresh(both_doors):
    url = phone(ev2_key(), read_counter=9).tap()
    await exchange(both_doors, request_of(url))
    await both_doors.ledger.enrol(UID, Generation(1, 0), 0)
    answer = await both_doors.post_tap(url)
    assert answer.status == 409


async def test_a_tap_used_at_one_door_is_used_at_the_other(both_doors):
    await both_doors.ledger.enrol(UID, Generation(1, 0), 0)
    url = phone(ev2_key()).tap()
    await both_doors.post_tap(url)
    assert refusal(await exchange(both_doors, request_of(url))) == REPLAY
