"""`POST /v1/taps`: a fresh tap becomes a session; every other one is told why, or nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from ntag424_service.settings import Settings

from ntag424 import Generation, Uid
from ntag424.replay import TagState
from tests.service.asking import JSON, tap_body
from tests.service.house import (
    NONCE,
    OTHER_NONCE,
    PRESENT_GENERATION,
    UID,
    HandClock,
    tag,
    url_by_hand,
)

pytestmark = pytest.mark.anyio

EVERY_ANSWER = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def problem(status, outcome, title, detail):
    """Write an answer as RFC 9457 has it, in the order and spelling of the service."""
    members = {
        "type": f"/problems/{outcome}",
        "title": title,
        "status": status,
        "detail": detail,
        "outcome": outcome,
    }
    body = json.dumps(members, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
    }
    return status, EVERY_ANSWER | headers, body


MALFORMED = problem(
    400,
    "malformed",
    "This is not a tap of one of our tags",
    "Send the URL exactly as the tag gave it, and a nonce of 32 lower-case hex digits.",
)
NOT_VERIFIED = problem(
    403,
    "not_verified",
    "This tag could not be verified",
    "Tap the tag again. If that fails too, ask whoever gave you the tag.",
)
REPLAYED = problem(
    409,
    "replayed",
    "This tap was already used",
    "Hold the tag to the phone again for a new one.",
)
UNAVAILABLE = problem(
    503,
    "unavailable",
    "The service cannot answer now",
    "The tag is not at fault. Wait a moment and tap again.",
)


# ---- accepted -------------------------------------------------------------------------------


async def test_a_fresh_tap_earns_a_session(open_house):
    clock = HandClock()
    house = open_house(clock=clock, session_seconds=120)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 60)
    answer = await house.post_tap(tag(read_counter=60).tap(), NONCE)
    assert answer.status == 200
    assert answer.headers == EVERY_ANSWER | {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
    }
    tokens = house.tokens
    assert answer.members == {
        "outcome": "accepted",
        "session": answer.members["session"],
        "expires_at": "2027-01-15T08:02:00Z",  # the clock's 1,800,000,000 and 120 seconds
        "subject": tokens.subject(UID),
        "counter": 61,
    }


async def test_a_session_token_has_a_place_and_256_bits_in_base64url(house):
    answer = await house.post_tap(tag().tap())
    assert len(answer.members["session"]) == 46
    assert answer.members["session"].replace("-", "").replace("_", "").isalnum()


async def test_a_session_lasts_300_seconds_unless_set_otherwise(open_house):
    clock = HandClock()
    house = open_house(clock=clock)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    answer = await house.post_tap(tag().tap())
    assert answer.members["expires_at"] == "2027-01-15T08:05:00Z"
    assert Settings().session_seconds == 300


async def test_the_subject_is_the_same_at_every_tap(house):
    phone = tag()
    first, second = [await house.post_tap(phone.tap()) for _ in range(2)]
    assert first.members["subject"] == second.members["subject"]
    assert first.members["session"] != second.members["session"]


async def test_the_subject_does_not_show_the_uid(house):
    answer = await house.post_tap(tag().tap())
    assert UID.hex() not in answer.body.decode().lower()


async def test_taps_nobody_sent_leave_no_gap_that_matters(house):
    answer = await house.post_tap(tag(read_counter=0xFFFFFE).tap())
    assert answer.members["counter"] == 0xFFFFFF


async def test_an_accepting_key_version_still_earns_sessions(open_house):
    house = open_house()
    await house.ledger.enrol(UID, Generation(1, 7), 0)
    answer = await house.post_tap(tag(key_version=1, epoch=7).tap())
    assert answer.status == 200


async def test_opening_a_tap_url_a_thousand_times_does_not_use_it_up(house):
    url = tag().tap()
    path = "/t?" + url.partition("#")[2]
    for method in ("GET", "HEAD", "OPTIONS") * 334:
        await house.ask(method, path)
    answer = await house.post_tap(url)
    assert answer.status == 200


# ---- repeated and replayed ------------------------------------------------------------------


async def test_the_same_request_again_gets_the_same_bytes(house):
    url = tag().tap()
    first, second = [await house.post_tap(url, NONCE) for _ in range(2)]
    assert second.constant == first.constant
    assert first.status == 200


async def test_a_repeat_keeps_the_first_expiry(open_house):
    clock = HandClock()
    house = open_house(clock=clock)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    url = tag().tap()
    first = await house.post_tap(url, NONCE)
    clock.pass_seconds(30)
    second = await house.post_tap(url, NONCE)
    assert second.body == first.body


async def test_after_half_a_minute_the_same_request_is_a_replay(open_house):
    clock = HandClock()
    house = open_house(clock=clock)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    url = tag().tap()
    await house.post_tap(url, NONCE)
    clock.pass_seconds(30.001)
    answer = await house.post_tap(url, NONCE)
    assert answer.constant == REPLAYED


@pytest.mark.parametrize(
    ("first", "second"),
    [(NONCE, OTHER_NONCE), (NONCE, None), (None, NONCE), (None, None)],
    ids=["another nonce", "nonce dropped", "nonce added", "no nonce"],
)
async def test_a_used_tap_is_replayed(house, first, second):
    url = tag().tap()
    await house.post_tap(url, first)
    answer = await house.post_tap(url, second)
    assert answer.constant == REPLAYED


async def test_a_tap_older_than_the_last_one_is_replayed(house):
    phone = tag()
    older, newer = phone.tap(), phone.tap()
    await house.post_tap(newer)
    answer = await house.post_tap(older)
    assert answer.constant == REPLAYED


async def test_a_repeat_for_a_revoked_session_is_refused(house):
    url = tag().tap()
    token = (await house.post_tap(url, NONCE)).members["session"]
    await house.ledger.revoke(house.digest(token))
    answer = await house.post_tap(url, NONCE)
    assert answer.constant == NOT_VERIFIED


async def test_a_repeat_for_a_suspended_tag_is_refused(house):
    url = tag().tap()
    await house.post_tap(url, NONCE)
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    answer = await house.post_tap(url, NONCE)
    assert answer.constant == NOT_VERIFIED


# ---- malformed ------------------------------------------------------------------------------

URL = url_by_hand(7)
NOT_A_TAP = {
    "no body": b"",
    "not JSON": b"{url}",
    "an array": b"[]",
    "a string": json.dumps(URL).encode(),
    "null": b"null",
    "no url": b'{"nonce": "5f0c1d2e3b4a59687786a5b4c3d2e1f0"}',
    "url null": b'{"url": null}',
    "url a number": b'{"url": 7}',
    "url in a list": json.dumps({"url": [URL]}).encode(),
    "unknown member": json.dumps({"url": URL, "uid": "04DE5F1EACC040"}).encode(),
    "empty url": tap_body(""),
    "no fragment": tap_body(URL.replace("#", "?")),
    "another host": tap_body(URL.replace("id.example", "id.exampIe")),
    "http": tap_body(URL.replace("https", "http")),
    "upper-case host": tap_body(URL.replace("id.example.com", "ID.EXAMPLE.COM")),
    "port": tap_body(URL.replace(".com/", ".com:443/")),
    "lower-case hex": tap_body(URL[:-1] + "a"),
    "a digit too many": tap_body(URL + "0"),
    "a digit too few": tap_body(URL[:-1]),
    "newline at the end": tap_body(URL + "\n"),
    "newline for the last digit": tap_body(URL[:-1] + "\n"),
    "space in front": tap_body(" " + URL),
    "space in the hex": tap_body(URL[:-2] + " 0"),
    "underscore in the hex": tap_body(URL[:-2] + "_0"),
    "plus in the hex": tap_body(URL[:-2] + "+0"),
    "fullwidth digit": tap_body(URL[:-1] + "\uff11"),
    "percent-encoded": tap_body(URL.replace("k=", "%6B=")),
    "parameter twice": tap_body(URL + "&m=" + URL[-16:]),
    "other order": tap_body(URL.replace("#k=", "#x=")),
    "surrogate": b'{"url": "' + URL[:-1].encode() + b'\\ud800"}',
    "NUL": tap_body(URL[:-1] + "\0"),
    "1025 characters": tap_body(URL.ljust(1025, "0")),
    "nonce in upper case": tap_body(URL, NONCE.upper()),
    "nonce of 31 digits": tap_body(URL, NONCE[:-1]),
    "nonce of 33 digits": tap_body(URL, NONCE + "0"),
    "nonce with newline": tap_body(URL, NONCE + "\n"),
    "nonce ends in newline": tap_body(URL, NONCE[:-1] + "\n"),
    "nonce empty": tap_body(URL, ""),
    "nonce a number": json.dumps({"url": URL, "nonce": int("1" * 32)}).encode(),
    "nonce in fullwidth digits": tap_body(URL, "\uff11" * 32),
    "invalid UTF-8": b'{"url": "\xff\xfe"}',
    "NaN": b'{"url": NaN}',
    "deep": b'{"url": ' + b"[" * 1900 + b"]" * 1900 + b"}",
}


@pytest.mark.parametrize("body", NOT_A_TAP.values(), ids=NOT_A_TAP)
async def test_what_is_not_of_the_templates_form_is_malformed(house, body):
    answer = await house.ask("POST", "/v1/taps", body=body, headers=JSON)
    assert answer.constant == MALFORMED


async def test_a_malformed_request_uses_nothing_up(house):
    url = tag().tap()
    await house.post_tap(url, NONCE.upper())
    answer = await house.post_tap(url, NONCE)
    assert answer.status == 200


# ---- not verified: nobody learns why --------------------------------------------------------


def with_wrong_mac(url):
    return url[:-1] + f"{int(url[-1], 16) ^ 1:X}"


async def unknown_tag(house):
    return tag(Uid.from_hex("04000000000001")).tap()


async def wrong_mac(house):
    return with_wrong_mac(tag().tap())


async def wrong_mac_of_an_unknown_tag(house):
    return with_wrong_mac(await unknown_tag(house))


async def suspended(house):
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    return tag().tap()


async def erased(house):
    await house.ledger.set_state(UID, TagState.ERASED)
    return tag().tap()


async def lower_epoch(house):
    return tag(epoch=1).tap()


async def higher_epoch(house):
    return tag(epoch=3).tap()


async def lower_key_version(house):
    return tag(key_version=1, epoch=9).tap()


async def retired_key_version(house):
    await house.ledger.enrol(UID, Generation(3, 0), 0)
    return tag(key_version=3, epoch=0).tap()


async def unknown_key_version(house):
    return tag().tap().replace("#k=02", "#k=04")


async def key_version_zero(house):
    return tag().tap().replace("#k=02", "#k=00")


async def edited_epoch(house):
    return tag().tap().replace("#k=0202", "#k=0203")


async def counter_zero(house):
    return url_by_hand(0)


async def implausible_picc_data(house):
    return url_by_hand(7, picc_tag=0xC6)


@pytest.mark.parametrize(
    "reason",
    [
        wrong_mac,
        unknown_tag,
        wrong_mac_of_an_unknown_tag,
        suspended,
        erased,
        lower_epoch,
        higher_epoch,
        lower_key_version,
        retired_key_version,
        unknown_key_version,
        key_version_zero,
        edited_epoch,
        counter_zero,
        implausible_picc_data,
    ],
)
async def test_whatever_the_reason_not_verified_is_the_same_bytes(house, reason):
    answer = await house.post_tap(await reason(house), NONCE)
    assert answer.constant == NOT_VERIFIED


async def test_a_tap_written_by_hand_is_accepted_if_a_chip_could_have_sent_it(house):
    """Without this, the two refusals of taps written by hand would prove nothing."""
    answer = await house.post_tap(url_by_hand(7))
    assert answer.members["counter"] == 7


@pytest.mark.parametrize(
    "reason", [wrong_mac, unknown_tag, lower_epoch, higher_epoch, counter_zero]
)
async def test_a_refused_tap_changes_no_record(house, reason):
    url = await reason(house)
    before = house.contents()
    await house.post_tap(url, NONCE)
    assert house.contents() == before


async def test_a_suspended_tag_set_active_again_taps_on(house):
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    phone = tag()
    await house.post_tap(phone.tap())
    await house.ledger.set_state(UID, TagState.ACTIVE)
    answer = await house.post_tap(phone.tap())
    assert answer.status == 200


async def test_a_tag_provisioned_again_starts_over_and_its_old_taps_stay_dead(house):
    old_url = tag(read_counter=99).tap()
    await house.ledger.enrol(UID, Generation(2, 3), 0)
    fresh = await house.post_tap(tag(epoch=3).tap())
    old = await house.post_tap(old_url)
    assert (fresh.status, old.status) == (200, 403)


# ---- unknown paths and methods --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/v1/taps", 405, "Method Not Allowed"),
        ("PUT", "/v1/taps", 405, "Method Not Allowed"),
        ("POST", "/v1/session", 405, "Method Not Allowed"),
        ("DELETE", "/livez", 405, "Method Not Allowed"),
        ("POST", "/t", 405, "Method Not Allowed"),
        ("POST", "/v1/tap", 404, "Not Found"),
        ("POST", "/v1/taps/", 404, "Not Found"),  # not a redirect, maybe to plain HTTP
        ("GET", "/v1/session/", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
        ("GET", "/docs", 404, "Not Found"),
        ("GET", "/redoc", 404, "Not Found"),
        ("GET", "/t/../cli.py", 404, "Not Found"),
        ("GET", "/problems/none", 404, "Not Found"),
        ("GET", "/api/v2/auth", 404, "Not Found"),
        ("GET", "/api/v10", 404, "Not Found"),
    ],
)
async def test_what_is_not_there_is_answered_with_a_problem(house, method, path, status, title):
    answer = await house.ask(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.members == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": title,
    }


async def test_a_refused_method_says_which_one_is_allowed(house):
    answer = await house.ask("GET", "/v1/taps")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "expected", [MALFORMED, NOT_VERIFIED, REPLAYED, UNAVAILABLE], ids=lambda item: item[0]
)
async def test_the_type_of_a_problem_leads_to_its_explanation(house, expected):
    members = json.loads(expected[2])
    answer = await house.ask("GET", members["type"])
    assert answer.status == 200
    assert answer.body.decode() == (
        f"{members['status']} {members['title']}\n\n{members['detail']}\n"
    )


# ---- store trouble --------------------------------------------------------------------------


@pytest.fixture
async def robbed_house(house):
    """A service whose ledger file was replaced by a copy of it while it runs."""
    copy = house.store.with_suffix(".copy")
    shutil.copyfile(house.store, copy)
    house.store.rename(house.store.with_suffix(".taken"))
    copy.replace(house.store)
    return house


async def test_a_tap_gets_no_session_while_the_store_is_in_trouble(robbed_house):
    answer = await robbed_house.post_tap(tag().tap(), NONCE)
    assert answer.constant == UNAVAILABLE


async def test_a_session_is_not_looked_up_while_the_store_is_in_trouble(robbed_house):
    answer = await robbed_house.look_up("Bearer " + "A" * 46)
    assert answer.constant == UNAVAILABLE


async def test_the_service_is_not_ready_while_the_store_is_in_trouble(robbed_house):
    answer = await robbed_house.ask("GET", "/readyz")
    assert answer.constant == UNAVAILABLE


async def test_the_service_lives_on_while_the_store_is_in_trouble(robbed_house):
    answer = await robbed_house.ask("GET", "/livez")
    assert (answer.status, answer.members) == (200, {"status": "ok"})


async def test_a_forged_tap_is_refused_as_ever_while_the_store_is_in_trouble(robbed_house):
    """The store is not asked before the MAC holds."""
    answer = await robbed_house.post_tap(with_wrong_mac(tag().tap()))
    assert answer.constant == NOT_VERIFIED


async def test_trouble_uses_no_tap_up(robbed_house):
    url = tag().tap()
    await robbed_house.post_tap(url, NONCE)
    robbed_house.store.unlink()
    robbed_house.store.with_suffix(".taken").rename(robbed_house.store)
    answer = await robbed_house.post_tap(url, OTHER_NONCE)
    assert answer.status == 200


async def test_a_missing_store_is_trouble_too(house):
    house.store.unlink()
    answer = await house.post_tap(tag().tap(), NONCE)
    assert answer.constant == UNAVAILABLE


async def test_a_closed_store_is_trouble_too(house):
    await house.ledger.aclose()
    answer = await house.post_tap(tag().tap(), NONCE)
    assert answer.constant == UNAVAILABLE


async def test_a_sound_store_makes_the_service_ready(house):
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.members) == (200, {"status": "ok"})
