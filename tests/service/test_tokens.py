"""Session tokens: where they lead a ledger of many parts, and what a ledger keeps of them."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode

import pytest
from ntag424_service.sessions.tokens import SessionTokens, digest

from ntag424 import CountedTap, Generation, Uid
from ntag424.replay import place_of

KEY = bytes(range(32))
STORE_ID, OTHER_STORE_ID = "0123456789abcdef" * 2, "fedcba9876543210" * 2
TAPS = [
    CountedTap(Uid(b"\x04" + number.to_bytes(6, "big")), Generation(1, 1), 1 + number)
    for number in range(64)
]
NONCE = bytes(range(16))


def token(tap=TAPS[0], *, key=KEY, store_id=STORE_ID, nonce=NONCE):
    return SessionTokens(key, store_id).token(tap, nonce)


@pytest.mark.parametrize("tap", TAPS)
def test_a_token_begins_with_the_place_of_its_tag(tap):
    assert urlsafe_b64decode(token(tap) + "==")[:2] == place_of(STORE_ID, tap.uid)


def test_a_token_holds_256_bits_that_are_not_its_place():
    octets = urlsafe_b64decode(token() + "==")
    other = urlsafe_b64decode(token(key=KEY[::-1]) + "==")
    assert (len(octets), octets[:2], octets[2:] == other[2:]) == (34, other[:2], False)


def test_another_store_has_other_places():
    assert [token(tap)[:3] for tap in TAPS] != [
        token(tap, store_id=OTHER_STORE_ID)[:3] for tap in TAPS
    ]


def test_the_same_request_has_the_same_token_in_every_process():
    assert token() == token()


def test_the_digest_is_the_place_and_the_sha_256_of_the_token_cut():
    text = token()
    place = place_of(STORE_ID, TAPS[0].uid)
    assert digest(text) == place + hashlib.sha256(text.encode()).digest()[:30]


def last_bits_set(text):
    """Set the four bits of the last character that stand for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text[:43],
        lambda text: text + "A",
        lambda text: text + "==",
        lambda text: text + "\n",
        lambda text: text[:10] + "+" + text[11:],
        lambda text: text[:10] + "\u0661" + text[11:],
        lambda text: " " + text[1:],
        last_bits_set,
    ],
)
def test_what_is_no_token_to_the_letter_has_no_digest(change):
    with pytest.raises(ValueError, match="no session token"):
        digest(change(token()))


def test_a_session_key_of_another_size_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        SessionTokens(bytes(31), STORE_ID)
