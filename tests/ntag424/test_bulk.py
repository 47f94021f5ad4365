"""Very many URLs: in their order, in little memory, and none stops the others."""

from __future__ import annotations

from itertools import count, islice

import pytest

from ntag424 import (
    Generation,
    Key,
    Keyring,
    MalformedTapError,
    Mode,
    TamperStatus,
    TapMacError,
    UrlTemplate,
    VerifiedTap,
    Verifier,
    verify_many,
)
from ntag424.bulk import CHUNK
from ntag424.keys import HkdfKeys
from ntag424.testing import tap_source

UID = bytes.fromhex("04DE5F1EACC040")
KEYS = HkdfKeys(Key(b"A" * 16))
TEMPLATE = UrlTemplate("https://a/t?k={kv}{epoch}&{mac-input}p={picc}&e={file:16+tt@1}&m={mac}")
VERIFIER = Verifier(TEMPLATE, Keyring.single(KEYS))
PHONE = tap_source(
    TEMPLATE,
    KEYS,
    UID,
    generation=Generation(1, 7),
    file_data=b"c" * 16,
    tamper=TamperStatus.OPEN,
)
GENUINE = [PHONE.tap() for _ in range(4)]
FORGED = GENUINE[0][:-1] + ("0" if GENUINE[0][-1] != "0" else "1")
MIXED = [GENUINE[0], FORGED, GENUINE[1], "https://a/", GENUINE[2], GENUINE[3]]

# Enough for every worker to get several chunks.
MANY = MIXED * (5 * CHUNK // len(MIXED))


def outcomes(urls, workers):
    return [outcome for _, outcome in verify_many(VERIFIER, urls, workers=workers)]


in_one_process_and_in_two = pytest.mark.parametrize("workers", [1, 2])


@in_one_process_and_in_two
def test_every_url_comes_back_in_its_place(workers):
    assert [url for url, _ in verify_many(VERIFIER, MANY, workers=workers)] == MANY


@in_one_process_and_in_two
def test_a_genuine_tap_comes_out_whole(workers):
    expected = VerifiedTap(
        UID, 1, Generation(1, 7), Mode.AES, b"cOO" + b"c" * 13, TamperStatus.OPEN
    )
    assert outcomes(MANY, workers)[0] == expected


@in_one_process_and_in_two
def test_what_comes_out_is_what_one_verifier_says(workers):
    genuine = GENUINE * (3 * CHUNK // len(GENUINE))
    assert outcomes(genuine, workers) == [VERIFIER.verify(url) for url in genuine]


@in_one_process_and_in_two
def test_what_does_not_verify_is_a_result_and_no_exception(workers):
    kinds = [type(outcome) for outcome in outcomes(MANY, workers)[: len(MIXED)]]
    genuine = VerifiedTap
    assert kinds == [genuine, TapMacError, genuine, MalformedTapError, genuine, genuine]


def test_no_urls_give_no_results():
    assert list(verify_many(VERIFIER, [])) == []


def test_a_tap_without_a_uid_crosses_between_processes():
    from ntag424.keys import StaticKeys

    keys = StaticKeys(file_read=Key(b"F" * 16))
    template = UrlTemplate("https://a/{ctr}{mac}")
    url = tap_source(template, keys, UID).tap()
    verifier = Verifier(template, Keyring.single(keys))
    found = {outcome for _, outcome in verify_many(verifier, [url] * (2 * CHUNK), workers=2)}
    assert found == {VerifiedTap(None, 1, Generation(1))}


class Endless:
    """URLs without an end, which know how many of them were taken."""

    taken = 0

    def __iter__(self):
        for number in count():
            self.taken = number + 1
            yield MIXED[number % len(MIXED)]


def test_of_an_endless_stream_only_a_few_chunks_are_taken_ahead():
    urls = Endless()
    results = verify_many(VERIFIER, urls, workers=2)
    seen = list(islice(results, 3 * CHUNK))
    results.close()
    assert urls.taken - len(seen) <= 6 * CHUNK


class Broken:
    """A verifier with a bug."""

    def verify(self, url):
        raise ZeroDivisionError(url)


@in_one_process_and_in_two
def test_a_bug_in_a_verifier_is_not_hidden(workers):
    with pytest.raises(ZeroDivisionError):
        list(verify_many(Broken(), MANY, workers=workers))
