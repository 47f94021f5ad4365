"""Several fleets side by side: the URL says which one it is of, and none takes another's."""

from __future__ import annotations

import pickle

import pytest

from ntag424 import (
    Generation,
    Key,
    Keyring,
    MalformedTapError,
    Mode,
    TapMacError,
    UrlTemplate,
    Verifier,
    VerifierSet,
)
from ntag424.keys import An10922Keys, HkdfKeys, StaticKeys
from ntag424.testing import tap_source

UID = bytes.fromhex("04DE5F1EACC040")
ONE, OTHER = HkdfKeys(Key(b"A" * 16)), HkdfKeys(Key(b"B" * 16))


def verifier(text, scheme=ONE, *, ordinal=1):
    return Verifier(UrlTemplate(text), Keyring.single(scheme, ordinal=ordinal))


def tapped(text, scheme=ONE):
    return tap_source(UrlTemplate(text), scheme, UID).tap()


FORMS = {
    "path": "https://a/t?p={picc}&m={mac}",
    "longer path": "https://a/t/u?p={picc}&m={mac}",
    "directory": "https://a/t/?p={picc}&m={mac}",
    "placeholders in the path": "https://a/t/{picc}/{mac}",
    "placeholders at the root": "https://a/{picc}/{mac}",
    "fragment": "https://a/t#p={picc}&m={mac}",
    "other host": "https://b/t?p={picc}&m={mac}",
    "other port": "https://a:8443/t?p={picc}&m={mac}",
    "other scheme": "http://a/t?p={picc}&m={mac}",
    "plain": "https://a/t?u={uid}&c={ctr}&m={mac}",
    "MAC over the host": "https://{mac-input}h/t?p={picc}&m={mac}",
    "wallet": "lnurlw://a/t?p={picc}&m={mac}",
    "app": "myapp:{picc}{mac}",
    "app with slashes": "myapp://{uid}/{ctr}/{mac}",
}
#: A fleet for each form, each with keys of its own.
SCHEMES = {name: HkdfKeys(Key(name[:16].ljust(16).encode())) for name in FORMS}
FLEETS = VerifierSet(
    verifier(text, SCHEMES[name], ordinal=number)
    for number, (name, text) in enumerate(FORMS.items(), start=1)
)


@pytest.mark.parametrize("name", FORMS)
def test_a_url_is_verified_with_the_keys_of_its_template(name):
    ordinal = list(FORMS).index(name) + 1
    assert FLEETS.verify(tapped(FORMS[name], SCHEMES[name])).key_version == ordinal


@pytest.mark.parametrize("name", FORMS)
def test_a_url_of_other_keys_is_not_verified(name):
    with pytest.raises(TapMacError):
        FLEETS.verify(tapped(FORMS[name], OTHER))


@pytest.mark.parametrize(
    "url",
    ["", "/", "https://a", "https://a/t", "https://a/" + "/" * 300, "https://c/t?p=", "ß", "\0"],
)
def test_a_url_of_no_template_is_malformed(url):
    with pytest.raises(MalformedTapError, match="does not match any template"):
        FLEETS.verify(url)


def test_a_set_that_went_through_a_pickle_verifies_the_same():
    url = tapped(FORMS["path"], SCHEMES["path"])
    assert pickle.loads(pickle.dumps(FLEETS)).verify(url) == FLEETS.verify(url)


def test_a_set_gives_its_verifiers():
    assert len(list(FLEETS)) == len(FORMS)


class Counting(Verifier):
    """A verifier that counts how often it is asked."""

    asked = 0

    def verify(self, url):
        type(self).asked += 1
        return super().verify(url)


def test_however_many_fleets_there_are_one_verifier_is_asked(monkeypatch):
    monkeypatch.setattr(Counting, "asked", 0)
    keyring = Keyring.single(ONE)
    many = VerifierSet(
        Counting(UrlTemplate(f"https://a/{number}?p={{picc}}&m={{mac}}"), keyring)
        for number in range(500)
    )
    many.verify(tapped("https://a/250?p={picc}&m={mac}"))
    assert Counting.asked == 1


# ---- what is refused ------------------------------------------------------------------------


def test_a_set_of_none_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        VerifierSet([])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a/t?p={picc}&m={mac}", "https://a/t?p={picc}&m={mac}"),
        ("https://a/t?{uid}{ctr}{mac}", "https://a/t?{mac}{uid}{ctr}"),
        ("https://a/{mac}/{picc}0123456789ABCDEF", "https://a/0123456789ABCDEF/{picc}{mac}"),
    ],
    ids=["the same", "fields in another order", "a path that may be another's field"],
)
def test_templates_that_one_url_could_match_are_refused(one, other):
    with pytest.raises(ValueError, match="could be of both"):
        VerifierSet([verifier(one), verifier(other)])


def test_nine_templates_of_one_path_are_refused():
    nine = [verifier(f"https://a/t?{number}={{picc}}&m={{mac}}") for number in range(9)]
    with pytest.raises(ValueError, match="at most 8"):
        VerifierSet(nine)


def test_eight_templates_of_one_path_are_taken():
    eight = [verifier(f"https://a/t?{number}={{picc}}&m={{mac}}") for number in range(8)]
    assert len(list(VerifierSet(eight))) == 8


def test_one_key_under_two_ordinals_in_two_keyrings_is_refused():
    with pytest.raises(ValueError, match="yield the same MAC key"):
        VerifierSet(
            [
                verifier("https://a/t?p={picc}&m={mac}", ordinal=1),
                verifier("https://a/u?p={picc}&m={mac}", ordinal=2),
            ]
        )


def test_one_key_at_two_epochs_in_two_keyrings_is_refused():
    short = An10922Keys(Key(b"A" * 16))
    longer = An10922Keys(Key(b"A" * 16), system_id=b"\5")
    with pytest.raises(ValueError, match="yield the same MAC key"):
        VerifierSet(
            [
                verifier("https://a/t?p={picc}&m={mac}", short),
                verifier("https://a/u?p={picc}&m={mac}", longer),
            ]
        )


def test_one_key_under_the_same_ordinal_in_two_keyrings_is_one_generation():
    fleets = VerifierSet(
        [verifier("https://a/t?p={picc}&m={mac}"), verifier("https://a/u?u={uid}&c={ctr}&m={mac}")]
    )
    taps = [
        fleets.verify(tapped("https://a/t?p={picc}&m={mac}")),
        fleets.verify(tapped("https://a/u?u={uid}&c={ctr}&m={mac}")),
    ]
    assert [tap.generation for tap in taps] == [Generation(1), Generation(1)]


def test_a_tap_rewritten_for_another_template_of_one_keyring_is_the_same_tap():
    """The MAC of either template covers nothing but UID and counter, so it holds in both."""
    hidden, clear = "https://a/t?p={picc}&m={mac}", "https://a/u?u={uid}&c={ctr}&m={mac}"
    fleets = VerifierSet([verifier(hidden), verifier(clear)])
    url = tapped(hidden)
    rewritten = f"https://a/u?u={UID.hex().upper()}&c=000001&m={url[-16:]}"
    assert fleets.verify(rewritten).counted() == fleets.verify(url).counted()


def test_a_tap_in_one_mode_is_none_in_the_other():
    keyring = Keyring.single(ONE)
    aes, lrp = "https://a/t?u={uid}&c={ctr}&m={mac}", "https://a/u?u={uid}&c={ctr}&m={mac}"
    fleets = VerifierSet(
        [Verifier(UrlTemplate(aes), keyring), Verifier(UrlTemplate(lrp), keyring, mode=Mode.LRP)]
    )
    url = tapped(aes)
    assert fleets.verify(url).mode is Mode.AES
    with pytest.raises(TapMacError):
        fleets.verify(url.replace("/t?", "/u?"))


def test_static_keys_beside_derived_ones_are_refused():
    static = StaticKeys(file_read=Key(b"F" * 16), meta_read=Key(b"M" * 16))
    old, new = "https://a/old?p={picc}&m={mac}", "https://a/new?p={picc}&m={mac}"
    with pytest.raises(ValueError, match="static keys and derived keys"):
        VerifierSet([verifier(old, static, ordinal=1), verifier(new, ordinal=2)])


def test_the_refusal_of_two_key_versions_names_both_templates():
    old, new = "https://a/old?p={picc}&m={mac}", "https://a/new?p={picc}&m={mac}"
    with pytest.raises(ValueError) as refusal:
        VerifierSet([verifier(old, ordinal=1), verifier(new, ordinal=2)])
    assert f"key version 1 of {old} and key version 2 of {new}" in str(refusal.value)
