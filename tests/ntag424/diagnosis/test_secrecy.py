"""No answer contains a key, a master, or a MAC that the tag should have made."""

from __future__ import annotations

import base64
import re

import pytest

from ntag424.keys import An10922Keys, HkdfKeys, SdmBackendKeys
from tests.ntag424.diagnosis.planted import PLANTED, explained
from tests.ntag424.diagnosis.planting import (
    AN10922,
    FILE,
    MASTER,
    META,
    OTHER,
    STATIC,
    Tag,
    scheme_keys,
)

SCHEMES = [AN10922, HkdfKeys(MASTER), SdmBackendKeys(MASTER), An10922Keys(OTHER), STATIC]
SECRETS = [bytes(key) for key in (MASTER, OTHER, META, FILE)]
SECRETS += [key for scheme in SCHEMES for key in scheme_keys(scheme) if any(key)]
# Those of everybody too: an answer says in words what they are.
SECRETS += [bytes(16), bytes(15) + b"\x01"]


def forms(secret):
    """Give *secret* in all the ways that it might be printed."""
    yield secret.hex()
    yield secret.hex(" ")
    yield secret.hex(":")
    yield str(list(secret))[1:-1]
    yield repr(secret)[2:-1]
    yield repr(bytearray(secret))[12:-2]
    yield base64.b64encode(secret).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret).decode().rstrip("=")
    yield str(int.from_bytes(secret, "big")) if any(secret[:15]) else secret.hex()


SPELLED = re.compile(
    "|".join(re.escape(form) for secret in SECRETS for form in forms(secret)), re.IGNORECASE
)


def printed(explanation):
    """Join everything that `str` and `repr` make of an answer and of its parts."""
    parts = [explanation, explanation.evidence, *explanation.findings]
    return "\n".join(shown for part in parts for shown in (str(part), repr(part)))


@pytest.mark.parametrize("secret", SECRETS[:2], ids=["master", "other"])
def test_a_secret_that_was_printed_would_be_found(secret):
    assert all(SPELLED.search(f"<{form}>") for form in forms(secret))


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_no_answer_contains_a_key(planted):
    assert not SPELLED.search(printed(explained(planted)))


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_no_answer_contains_the_mac_that_is_due(planted):
    due = Tag(template=planted.tag.template, mode=planted.tag.mode).url()[-16:]
    assert due.lower() not in printed(explained(planted)).lower()
