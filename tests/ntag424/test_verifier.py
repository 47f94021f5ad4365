"""A URL that a tag made verifies; nothing else does, and no refusal tells why."""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress

import pytest

from ntag424 import (
    Generation,
    Key,
    Keyring,
    KeyState,
    KeyVersion,
    MalformedTapError,
    TapMacError,
    Uid,
    UrlTemplate,
    VerificationError,
    VerifiedTap,
    Verifier,
)
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
)
from ntag424.testing import tap_source

UNSTATED = Generation()
UID = Uid.from_hex("04DE5F1EACC040")
NAMED = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
NAMED_PLAIN = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&u={uid}&c={ctr}&m={mac}")
UNNAMED = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")
UNNAMED_PLAIN = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&m={mac}")
TEMPLATES = [NAMED, NAMED_PLAIN, UNNAMED, UNNAMED_PLAIN]

MASTER, OTHER = Key(b"A" * 16), Key(b"B" * 16)
SCHEMES = {
    "an10922": An10922Keys(MASTER),
    "an10922 with a system id": An10922Keys(MASTER, system_id=b"shop"),
    "hkdf": HkdfKeys(MASTER, salt=b"salt"),
    "static": StaticKeys(file_read=MASTER, meta_read=OTHER),
    "sentry hkdf": SentryHkdfKeys(MASTER, salt="sentry.red"),
    "sentry ev2": SentryEv2Keys(MASTER, 1),
}
ENCRYPTING = {name: s for name, s in SCHEMES.items() if s.meta_read_number is not None}
PLAIN_ONLY = {name: s for name, s in SCHEMES.items() if s.meta_read_number is None}


def many(schemes):
    return pytest.mark.parametrize("scheme", schemes.values(), ids=schemes)


def tapped(template, scheme, generation=UNSTATED, *, counter=1):
    source = tap_source(template, scheme, UID, generation=generation, read_counter=counter - 1)
    return source.tap()


def rotated(state=KeyState.ACCEPTING):
    """Make a keyring whose version 1 is *state* and whose version 2 is active."""
    return Keyring(
        [
            KeyVersion(1, SCHEMES["an10922"], state),
            KeyVersion(2, SCHEMES["hkdf"]),
        ]
    )


# ---- what verifies --------------------------------------------------------------------------


@many(SCHEMES)
def test_a_plain_tap_verifies_under_every_scheme(scheme):
    url = tapped(NAMED_PLAIN, scheme, Generation(3), counter=42)
    tap = Verifier(NAMED_PLAIN, Keyring.single(scheme, ordinal=3)).verify(url)
    assert tap == VerifiedTap(UID, 42, Generation(3))


@many(ENCRYPTING)
def test_an_encrypted_tap_verifies_under_every_scheme_that_encrypts(scheme):
    url = tapped(NAMED, scheme, Generation(3), counter=42)
    tap = Verifier(NAMED, Keyring.single(scheme, ordinal=3)).verify(url)
    assert tap == VerifiedTap(UID, 42, Generation(3))


@many(SCHEMES)
def test_a_tap_that_names_no_version_verifies_under_every_scheme(scheme):
    url = tapped(UNNAMED_PLAIN, scheme)
    tap = Verifier(UNNAMED_PLAIN, Keyring.single(scheme, ordinal=3)).verify(url)
    assert tap.generation == Generation(3)


@pytest.mark.parametrize("epoch", [0, 1, 255])
def test_the_epoch_of_the_url_is_the_epoch_of_the_tap(epoch):
    url = tapped(NAMED, SCHEMES["an10922"], Generation(1, epoch))
    assert Verifier(NAMED, Keyring.single(SCHEMES["an10922"])).verify(url).epoch == epoch


def test_taps_of_one_tag_carry_rising_counters():
    source = tap_source(UNNAMED, SCHEMES["hkdf"], UID)
    verifier = Verifier(UNNAMED, Keyring.single(SCHEMES["hkdf"]))
    assert [verifier.verify(source.tap()).read_counter for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(("name", "ordinal"), [("an10922", 1), ("hkdf", 2)])
def test_each_version_of_a_keyring_verifies_its_own_taps(name, ordinal):
    url = tapped(NAMED, SCHEMES[name], Generation(ordinal))
    assert Verifier(NAMED, rotated()).verify(url).key_version == ordinal


@pytest.mark.parametrize(("name", "ordinal"), [("an10922", 1), ("hkdf", 2)])
def test_a_tap_that_names_no_version_is_known_by_the_one_that_confirms_it(name, ordinal):
    url = tapped(UNNAMED, SCHEMES[name])
    assert Verifier(UNNAMED, rotated()).verify(url).key_version == ordinal


def test_what_the_mac_covers_may_be_any_part_of_the_url():
    template = UrlTemplate("https://id.example.com/{mac-input}t?p={picc}&shop=7&m={mac}&x=1")
    url = tapped(template, SCHEMES["hkdf"])
    assert Verifier(template, Keyring.single(SCHEMES["hkdf"])).verify(url).uid == UID


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.text)
def test_a_verifier_that_went_through_a_pickle_verifies_the_same(template):
    verifier = Verifier(template, Keyring.single(SCHEMES["hkdf"]))
    url = tapped(template, SCHEMES["hkdf"], Generation(1))
    assert pickle.loads(pickle.dumps(verifier)).verify(url) == verifier.verify(url)


# ---- what does not --------------------------------------------------------------------------


def test_a_url_of_another_template_is_malformed():
    with pytest.raises(MalformedTapError):
        Verifier(NAMED, rotated()).verify(tapped(UNNAMED, SCHEMES["hkdf"]))


def test_the_text_of_the_template_is_malformed():
    with pytest.raises(MalformedTapError):
        Verifier(NAMED, rotated()).verify(NAMED.text)


@pytest.mark.parametrize("template", [NAMED, UNNAMED], ids=["named", "unnamed"])
def test_the_url_as_it_is_written_to_the_tag_is_refused(template):
    url = template.text
    for name, zeros in {"kv": "02", "epoch": "00", "picc": "0" * 32, "mac": "0" * 16}.items():
        url = url.replace(f"{{{name}}}", zeros)
    with pytest.raises(TapMacError):
        Verifier(template, rotated()).verify(url)


@pytest.mark.parametrize("template", [NAMED, UNNAMED], ids=["named", "unnamed"])
def test_a_tap_of_a_retired_version_is_refused(template):
    url = tapped(template, SCHEMES["an10922"], Generation(1))
    with pytest.raises(TapMacError):
        Verifier(template, rotated(KeyState.RETIRED)).verify(url)


def test_a_tap_of_a_version_that_nobody_knows_is_refused():
    url = tapped(NAMED, SCHEMES["an10922"], Generation(9))
    with pytest.raises(TapMacError):
        Verifier(NAMED, rotated()).verify(url)


def test_a_tap_that_names_version_0_is_refused():
    url = tapped(NAMED, SCHEMES["hkdf"], Generation(0))
    with pytest.raises(TapMacError):
        Verifier(NAMED, rotated()).verify(url)


def test_a_tap_that_names_another_version_than_its_own_is_refused():
    url = tapped(NAMED, SCHEMES["an10922"], Generation(2))
    with pytest.raises(TapMacError):
        Verifier(NAMED, rotated()).verify(url)


@many(PLAIN_ONLY)
def test_an_epoch_that_the_scheme_does_not_have_is_refused(scheme):
    url = tapped(NAMED_PLAIN, scheme, Generation(1))
    with pytest.raises(TapMacError):
        Verifier(NAMED_PLAIN, Keyring.single(scheme)).verify(url.replace("k=0100", "k=0101"))


def test_a_tap_of_another_master_key_is_refused():
    with pytest.raises(TapMacError):
        Verifier(NAMED, Keyring.single(An10922Keys(OTHER))).verify(
            tapped(NAMED, SCHEMES["an10922"], Generation(1))
        )


def test_all_refusals_of_well_formed_urls_are_the_same_error_with_the_same_words():
    own = tapped(NAMED, SCHEMES["hkdf"], Generation(2))
    foreign = tapped(NAMED, An10922Keys(OTHER), Generation(2))
    verifier = Verifier(NAMED, rotated(KeyState.RETIRED))
    refused = {
        "retired version": tapped(NAMED, SCHEMES["an10922"], Generation(1)),
        "unknown version": own.replace("k=02", "k=03"),
        "another epoch": own.replace("k=0200", "k=0201"),
        "implausible PICCData": foreign,
        "another MAC": own[:-1] + ("0" if own[-1] != "0" else "1"),
    }
    found = set()
    for url in refused.values():
        with pytest.raises(VerificationError) as refusal:
            verifier.verify(url)
        found.add((type(refusal.value), str(refusal.value)))
    assert found == {(TapMacError, "the tap does not verify")}


# ---- unknown versions cost the same ---------------------------------------------------------


class ObservedKeys(StaticKeys):
    """Keys that note how often they were asked for."""

    def __init__(self, **keys):
        super().__init__(**keys)
        object.__setattr__(self, "asked", [])

    def tag_key(self, uid, key_number, epoch=0):
        self.asked.append(epoch)
        return super().tag_key(uid, key_number, epoch)


@pytest.mark.parametrize(
    "k", ["0100", "0000", "0200", "FF00", "0101", "01FF"], ids="version and epoch {}".format
)
def test_every_url_that_is_refused_costs_one_derivation(k):
    scheme = ObservedKeys(file_read=MASTER, meta_read=OTHER)
    verifier = Verifier(NAMED_PLAIN, Keyring.single(scheme))
    scheme.asked.clear()
    with pytest.raises(TapMacError):
        verifier.verify(
            f"https://id.example.com/t#k={k}&u=04DE5F1EACC040&c=000001&m=0000000000000000"
        )
    assert scheme.asked == [0]


def calls(verifier, url):
    """Name every function, of Python and of C, that a refusal of *url* calls, in order."""
    found = []

    def note(frame, event, argument):
        if event == "call":
            found.append(frame.f_code.co_qualname)
        elif event == "c_call":
            found.append(argument.__qualname__)

    sys.setprofile(note)
    try:
        with suppress(TapMacError):
            verifier.verify(url)
            found.append("accepted")
    finally:
        sys.setprofile(None)
    return found


def three_versions(kind):
    """Make a keyring whose version 1 is retired, 2 active and 3 accepting."""
    states = KeyState.RETIRED, KeyState.ACTIVE, KeyState.ACCEPTING
    return Keyring(
        KeyVersion(number, kind(Key(bytes([number]) * 16)), state)
        for number, state in enumerate(states, start=1)
    )


#: A URL that is refused, by why: what stands at `{kv}{epoch}`, and whether the MAC holds there.
REFUSED = {
    "a wrong MAC": ("0200", False),
    "unknown version": ("0900", False),
    "unknown version, genuine tap": ("0900", True),
    "version 0": ("0000", False),
    "retired version": ("0100", False),
    "another accepted version": ("0300", False),
    "another accepted version, genuine tap": ("0300", True),
}


@pytest.mark.parametrize("template", [NAMED, NAMED_PLAIN], ids=["encrypted", "plain"])
@pytest.mark.parametrize("kind", [An10922Keys, HkdfKeys, BoltcardKeys])
@pytest.mark.parametrize(("named", "is_genuine"), REFUSED.values(), ids=REFUSED)
def test_every_refusal_makes_the_very_same_calls(template, kind, named, is_genuine):
    keyring = three_versions(kind)
    verifier = Verifier(template, keyring)
    genuine = tapped(template, keyring.active.scheme, Generation(2))
    wrong = genuine[:-16] + "0" * 16
    for number in "23":  # what a key version keeps for later is made once
        calls(verifier, wrong.replace("k=02", f"k=0{number}"))
    url = (genuine if is_genuine else wrong).replace("k=0200", f"k={named}")
    assert calls(verifier, url) == calls(verifier, wrong)


@pytest.mark.parametrize("named", ["0201", "02FF", "0901", "0101"])
def test_an_epoch_that_the_scheme_does_not_have_makes_the_same_calls_too(named):
    keyring = three_versions(BoltcardKeys)
    verifier = Verifier(NAMED, keyring)
    genuine = tapped(NAMED, keyring.active.scheme, Generation(2))
    wrong = genuine[:-16] + "0" * 16
    calls(verifier, wrong)
    edited = genuine.replace("k=0200", f"k={named}")
    assert calls(verifier, edited) == calls(verifier, wrong)


# ---- what goes together ---------------------------------------------------------------------


@many(PLAIN_ONLY)
def test_picc_data_needs_a_meta_read_key(scheme):
    with pytest.raises(ValueError, match="meta-read key in every key version"):
        Verifier(NAMED, Keyring.single(scheme))


@pytest.mark.parametrize("state", [KeyState.ACCEPTING, KeyState.RETIRED])
def test_picc_data_needs_a_meta_read_key_in_the_other_versions_too(state):
    keyring = Keyring(
        [KeyVersion(1, SentryEv2Keys(MASTER), state), KeyVersion(2, SCHEMES["hkdf"])]
    )
    with pytest.raises(ValueError, match="meta-read key in every key version"):
        Verifier(NAMED, keyring)


def five_versions():
    return Keyring(
        KeyVersion(
            number,
            HkdfKeys(Key(bytes([number]) * 16)),
            KeyState.ACTIVE if number == 1 else KeyState.ACCEPTING,
        )
        for number in range(1, 6)
    )


def test_five_versions_are_too_many_for_a_template_that_does_not_name_them():
    with pytest.raises(ValueError, match="tried with at most 4"):
        Verifier(UNNAMED, five_versions())


def test_five_versions_are_not_too_many_for_a_template_that_names_them():
    url = tapped(NAMED, HkdfKeys(Key(b"\5" * 16)), Generation(5))
    assert Verifier(NAMED, five_versions()).verify(url).key_version == 5
