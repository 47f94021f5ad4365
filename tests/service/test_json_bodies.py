"""Bodies that are not quite JSON, at every route that takes one: refused, nothing used up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from ntag424_service.api.problems import MALFORMED_ENROLMENT, TAP_PROBLEMS
from ntag424_service.api.strict_json import read_json
from ntag424_service.outcomes import Outcome
from ntag424_service.sentry import routes as sentry_route
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange

from ntag424 import Key, Keyring, Uid
from ntag424.keys import SentryEv2Keys
from tests.service.asking import tap_body
from tests.service.house import NONCE, PRESENT_GENERATION, UID, sdm_mac, tag

pytestmark = pytest.mark.anyio

CREDENTIAL = "Yq2mJ0o3VQm7bq0m8mC3oT1v5cW9k2xXy4sZ6aB8dEf"
SENTRY_KEYS = SentryEv2Keys(Key(bytes(range(16))))
SENTRY = SentryExchange(Keyring.single(SENTRY_KEYS), SentryAccounts(bytes(range(32))), Branding())
SENTRY_UID = Uid.from_hex("04000000000002")
ENROLMENT = {"uid": "04A1B2C3D4E5F6", "key_version": 2, "epoch": 2, "counter": 5}


def sentry_body():
    mac = sdm_mac(bytes(SENTRY_KEYS.tag_key(SENTRY_UID, 0, 0)), SENTRY_UID, 7)
    members = {"uid": str(SENTRY_UID), "sdmmac": mac, "sdmcounter": "000007", "nonce": "n/a"}
    return json.dumps(members).encode()


@dataclass(frozen=True)
class Target:
    """A route that takes JSON: a body that it accepts, and how it refuses others."""

    path: str
    body: bytes
    accepted: int
    refusal: Any


TARGETS = {
    "taps": Target(
        "/v1/taps", tap_body(tag().tap(), NONCE), 200, TAP_PROBLEMS[Outcome.MALFORMED].document
    ),
    "tags": Target("/v1/tags", json.dumps(ENROLMENT).encode(), 201, MALFORMED_ENROLMENT.document),
    "sentry": Target(
        sentry_route.PATH, sentry_body(), 200, sentry_route.BODIES[Outcome.MALFORMED][1]
    ),
}


@pytest.fixture(params=TARGETS.values(), ids=TARGETS)
def target(request):
    return request.param


@pytest.fixture
async def house(open_house):
    house = open_house(sentry=SENTRY, credential=CREDENTIAL)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    return house


async def post(house, target, body, media_type="application/json"):
    headers = {"authorization": f"Bearer {CREDENTIAL}"}
    if media_type is not None:
        headers["content-type"] = media_type
    return await house.ask("POST", target.path, body=body, headers=headers)


def member(text):
    """Add a member to an object, as *text* writes it."""
    return lambda body: body[:-1] + b", " + text + b"}"


def value(text):
    """Let the last member of an object have the value that *text* writes."""
    return lambda body: body[: body.rindex(b": ") + 2] + text + b"}"


def escaped_first_name(body):
    """Name the first member a second time, its first letter as an escape."""
    first = body[: body.index(b",")]
    return body[:-1] + b', "\\u00%02x' % first[2] + first[3:] + b"}"


SPOILT = {
    "every member twice": lambda body: body[:-1] + b", " + body[1:],
    "a name twice, once escaped": escaped_first_name,
    "a nested name twice": value(b'{"a": 1, "a": 1}'),
    "NaN": value(b"NaN"),
    "Infinity": value(b"Infinity"),
    "minus Infinity": value(b"-Infinity"),
    "1e400": value(b"1e400"),
    "-1e400": value(b"-1e400"),
    "400 digits and a fraction": value(b"9" * 400 + b".5"),
    "half a surrogate pair": value(b'"\\ud800"'),
    "the other half": value(b'"\\udc00"'),
    "both halves the wrong way": value(b'"\\udc00\\ud800"'),
    "half a surrogate pair in a list": value(b'["\\ud800"]'),
    "half a surrogate pair as a name": member(b'"\\ud800": 1'),
    "1900 lists in each other": value(b"[" * 1900 + b"]" * 1900),
    "600 objects in each other": value(b'{"a":' * 600 + b"1" + b"}" * 600),
    "lists that never end": lambda _: b"[" * 4096,
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "UTF-16 without a mark": lambda body: body.decode().encode("utf-16-le"),
    "UTF-32": lambda body: body.decode().encode("utf-32"),
    "a byte that is no UTF-8": value(b'"\xff"'),
    "a surrogate in UTF-8": value(b'"\xed\xa0\x80"'),
    "an overlong slash": value(b'"\xc0\xaf"'),
    "the same again": lambda body: body + body,
    "a word behind it": lambda body: body + b" x",
    "NUL behind it": lambda body: body + b"\0",
    "a comma behind the last member": lambda body: body[:-1] + b",}",
    "a comment": lambda body: body + b"//",
    "a line break in a text": value(b'"\n"'),
    "single quotes": lambda body: body.replace(b'"', b"'"),
    "a number with a leading zero": value(b"01"),
    "cut short": lambda body: body[:-1],
    "white space alone": lambda _: b" ",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
async def test_what_is_not_quite_json_is_malformed(house, target, spoil):
    answer = await post(house, target, spoil(target.body))
    assert (answer.status, answer.members) == (400, target.refusal)


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
async def test_what_was_malformed_can_be_sent_again_as_it_should_be(house, target, spoil):
    await post(house, target, spoil(target.body))
    answer = await post(house, target, target.body)
    assert answer.status == target.accepted


async def test_every_route_that_takes_a_body_is_tried_here(house):
    paths = (await house.ask("GET", "/openapi.json")).members["paths"]
    takes_a_body = {
        path
        for path, operations in paths.items()
        if any("requestBody" in operation for operation in operations.values())
    }
    assert takes_a_body == {target.path for target in TARGETS.values()}


# ---- media types: what a page of another origin may send without asking is refused ------------

ACCEPTED = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "Application/JSON",
    "application/problem+json",  # not one of those that are sent without asking
)
REFUSED = (
    None,
    "",
    "text/plain",
    "text/plain;charset=UTF-8",
    "text/plain; application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/jsonp",
    "application/octet-stream",
    "application/json, text/plain",
    "json",
)


@pytest.mark.parametrize("media_type", ACCEPTED)
async def test_json_is_taken_under_its_own_names(house, target, media_type):
    answer = await post(house, target, target.body, media_type)
    assert answer.status == target.accepted


@pytest.mark.parametrize("media_type", REFUSED)
async def test_json_under_another_name_is_malformed(house, target, media_type):
    answer = await post(house, target, target.body, media_type)
    assert (answer.status, answer.members) == (400, target.refusal)


# ---- the reader -----------------------------------------------------------------------------

SOUND = {
    "a pair of surrogates": (rb'"\ud83d\ude00"', "\U0001f600"),
    "the same in UTF-8": (b'"\xf0\x9f\x98\x80"', "\U0001f600"),
    "the same name in two objects": (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "a fraction": (b"-1.5e3", -1500.0),
    "a number that is very small": (b"1e-400", 0.0),
    "the escape of NUL": (rb'"\u0000"', "\0"),
    "white space around it": (b" \t\r\n{} ", {}),
    "fifty lists in each other": (b"[" * 50 + b"]" * 50, json.loads("[" * 50 + "]" * 50)),
}


@pytest.mark.parametrize(("octets", "expected"), SOUND.values(), ids=SOUND)
def test_what_rfc_8259_allows_is_read(octets, expected):
    assert read_json(octets) == expected
