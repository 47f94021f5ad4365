"""A hundred thousand random requests: every one refused politely, none remembered."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange

from ntag424 import Key, Keyring, Uid
from ntag424.keys import SentryEv2Keys
from tests.service.asking import JSON
from tests.service.house import NONCE, PRESENT_GENERATION, UID, no_limits, tag, url_by_hand

pytestmark = pytest.mark.anyio

REQUESTS = 25_000
TAPS = "/v1/taps"
SENTRY = "/api/v1/auth/sdm/exchange"
REFUSED = {400, 401, 403, 404, 405, 409, 413, 415, 422}
SENTRY_MEMBERS = {
    400: {"error", "message"},
    401: {"error", "detail"},
    404: {"error"},
    409: {"error", "details"},
}

MEDIA_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/problem+json",
    "text/plain",
    "text/json",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "",
    "\u00e9",
)
ODD_VALUES = (
    "NaN",
    "-Infinity",
    "1e999",
    "-0",
    "9" * 4000,
    "1" + "0" * 400,
    "0.1",
    "true",
    "null",
    "[]",
    "{}",
    '""',
    '"\\ud800"',
    '"\\u0000"',
    '"\\udc00\\ud800"',
    '"\u202e"',
    "[" * 500 + "]" * 500,
    '{"a":' * 300 + "1" + "}" * 300,
    '"' + "x" * 3000 + '"',
    '"\\',
    "//",
)
FAR_CHARACTERS = "\0\n\r\t +-_#?&%=/{}'\"\\\x7f\u00e9\u0660\uff10\u202e\ufeff\U0001f600"


class Mutator:
    """Makes requests that are nearly right out of ones that are, or of nothing."""

    def __init__(self, seed, valid, used):
        self._chance = random.Random(seed)
        self._valid = valid
        self._used = used

    def request(self):
        """Draw method, path, body and headers."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.02:
            return self._elsewhere()
        if kind < 0.03:
            return "POST", TAPS, json.dumps(self._used).encode(), dict(JSON)
        path = chance.choice((TAPS, SENTRY))
        headers = dict(JSON)
        if kind < 0.06:
            headers["content-type"] = chance.choice(MEDIA_TYPES)
        elif kind < 0.08:
            headers["content-encoding"] = chance.choice(("gzip", "br", "identity"))
        return "POST", path, self._body(path), headers

    def _elsewhere(self):
        chance = self._chance
        method = chance.choice(
            ("GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "POST", "X\u00e9")
        )
        path = chance.choice((TAPS, SENTRY, "/v1/session"))
        if method in {"GET", "HEAD", "POST"} or path == "/v1/session":
            path += chance.choice(("x", "/x", "/../taps", "%00", "%2e%2e", ";a=1"))
        return method, path, self._garbage(), dict(JSON)

    def _body(self, path):
        members = dict(self._chance.choice(self._valid[path]))
        makers = (
            lambda _: self._garbage(),
            self._broken_text,
            self._odd_value,
            self._doubled,
            self._renamed,
            self._otherwise_encoded,
            self._edited_text,
            self._edited_text,
        )
        return self._chance.choice(makers)(members)

    def _garbage(self):
        return self._chance.randbytes(self._chance.choice((0, 1, 2, 5, 40, 300, 4096, 5000)))

    def _edited_text(self, members):
        return json.dumps(self._edited(members)).encode()

    def _otherwise_encoded(self, members):
        mark = b"\xef\xbb\xbf"
        encoding = self._chance.choice(("utf-8", "utf-16", "utf-32"))
        text = json.dumps(self._edited(members)).encode(encoding)
        return mark + text if encoding == "utf-8" else text

    def _broken_text(self, members):
        octets = bytearray(self._edited_text(members))
        for _ in range(self._chance.randint(1, 4)):
            place = self._chance.randrange(len(octets))
            match self._chance.randrange(3):
                case 0:
                    octets[place] ^= 1 << self._chance.randrange(8)
                case 1:
                    octets.insert(place, self._chance.randrange(256))
                case _:
                    del octets[place:]
                    octets += b"\xc3"
        return bytes(octets)

    def _odd_value(self, members):
        name = self._chance.choice(list(members))
        members = self._edited(members) if name == "nonce" else members
        members[name] = "\1"
        odd = self._chance.choice(ODD_VALUES)
        return json.dumps(members).replace('"\\u0001"', odd).encode()

    def _doubled(self, members):
        """Name a member twice, the second time with an edited value."""
        name = self._chance.choice([name for name in members if name != "nonce"])
        again = json.dumps({name: self._edit(str(members[name]))})
        return (json.dumps(members)[:-1] + ", " + again[1:]).encode()

    def _renamed(self, members):
        name = self._chance.choice([name for name in members if name != "nonce"])
        value = members.pop(name)
        return json.dumps(members | {self._edit(name): value}).encode()

    def _edited(self, members):
        name = self._chance.choice([name for name in members if name != "nonce"])
        return members | {name: self._edit(str(members[name]))}

    def _edit(self, text):
        """Change *text* in one to four places."""
        before = text
        while text == before:
            for _ in range(self._chance.randint(1, 4)):
                place = self._chance.randrange(len(text) + 1)
                character = self._chance.choice("0123456789ABCDEF" + FAR_CHARACTERS)
                cut = self._chance.choice((0, 1, 1, 1, 2, 30))
                text = text[:place] + character + text[place + cut :]
        return text


@pytest.fixture
async def house(open_house):
    keyring = Keyring.single(SentryEv2Keys(Key(b"sixteen bytes   ")))
    sentry = SentryExchange(keyring, SentryAccounts(bytes(range(32))), Branding())
    house = open_house(sentry=sentry, limits=no_limits())
    # One tag has tapped already, one never, and one is not known.
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    assert (await house.post_tap(url_by_hand(1), NONCE)).status == 200
    await house.ledger.enrol(Uid.from_hex("04000000000001"), PRESENT_GENERATION, 0)
    return house


@pytest.mark.parametrize("seed", range(4))
async def test_25000_random_requests_are_refused_and_leave_no_trace(house, seed):
    fresh = [tag(Uid.from_hex("04000000000001")) for _ in range(4)]
    sentry_tap = {"uid": "04A1B2C3D4E5F6", "sdmmac": "46ABE8CCBCEA1FC9", "sdmcounter": "00000A"}
    valid = {
        TAPS: [{"url": phone.tap(), "nonce": NONCE} for phone in fresh],
        SENTRY: [sentry_tap | {"nonce": "n/a"}, sentry_tap | {"sdmcounter": 10}],
    }
    mutator = Mutator(seed, valid, {"url": url_by_hand(1)})
    before = house.contents()
    seen, wrong = Counter(), []
    for _ in range(REQUESTS):
        method, path, body, headers = mutator.request()
        answer = await house.ask(method, path, body=body, headers=headers)
        seen[answer.status] += 1
        if answer.status not in REFUSED or not in_its_form(path, answer):
            wrong.append((method, path, headers, body, answer))
    assert wrong == []
    assert house.contents() == before
    assert {400, 401, 403, 404, 405, 409, 413} <= set(seen)


def in_its_form(path, answer):
    """Whether a refusal is a problem, or on SENTRY's route one of its bodies."""
    members = answer.members
    if answer.headers["content-type"] == "application/problem+json":
        return members["status"] == answer.status
    expected = SENTRY_MEMBERS.get(answer.status)
    return path.startswith("/api/v1/") and set(members) == expected


async def test_the_requests_that_are_mutated_would_be_accepted_as_they_are(house):
    """Without this, a hundred thousand refusals would prove little."""
    answer = await house.post_tap(tag(Uid.from_hex("04000000000001")).tap(), NONCE)
    assert answer.status == 200
