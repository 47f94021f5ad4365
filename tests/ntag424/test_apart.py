"""What shares a ledger is checked together: no tap may be of two generations."""

from __future__ import annotations

import pytest

from ntag424 import Key, Keyring, KeyState, KeyVersion
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
    require_apart,
)

MASTER = Key.from_hex("00112233445566778899AABBCCDDEEFF")
OTHER = Key.from_hex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")
THIRD = Key.from_hex("0123456789ABCDEF0123456789ABCDEF")

SCHEMES = {
    "an10922": An10922Keys(MASTER),
    "hkdf": HkdfKeys(MASTER),
    "static": StaticKeys(file_read=MASTER),
    "boltcard": BoltcardKeys(MASTER),
    "sdm-backend": SdmBackendKeys(MASTER),
    "sdm-backend-legacy": SdmBackendLegacyKeys(MASTER),
    "sentry-hkdf": SentryHkdfKeys(MASTER, salt="sentry.red"),
    "sentry-ev2": SentryEv2Keys(MASTER),
}
DERIVED = {name: scheme for name, scheme in SCHEMES.items() if name != "static"}


def every(schemes):
    return pytest.mark.parametrize("scheme", schemes.values(), ids=schemes)


def places(first, second):
    return {"PLACE_ONE": Keyring([first]), "PLACE_TWO": Keyring([second])}


def refusal_of(found):
    with pytest.raises(ValueError) as refusal:
        require_apart(found)
    return str(refusal.value)


@every(SCHEMES)
def test_one_key_under_two_ordinals_in_two_places_is_refused(scheme):
    refusal = refusal_of(places(KeyVersion(1, scheme), KeyVersion(2, scheme)))
    assert "yield the same MAC key" in refusal


@every(SCHEMES)
def test_one_key_under_one_ordinal_in_two_places_is_one_generation(scheme):
    require_apart(places(KeyVersion(1, scheme), KeyVersion(1, scheme)))


def test_one_key_at_two_epochs_of_one_ordinal_is_refused():
    found = places(
        KeyVersion(1, An10922Keys(MASTER)), KeyVersion(1, An10922Keys(MASTER, system_id=b"\5"))
    )
    assert "at epochs 5 and 0" in refusal_of(found)


@every(SCHEMES)
def test_a_retired_version_elsewhere_counts_as_much_as_any(scheme):
    kind = StaticKeys(file_read=THIRD) if scheme is SCHEMES["static"] else HkdfKeys(THIRD)
    retired = Keyring([KeyVersion(1, scheme, KeyState.RETIRED), KeyVersion(3, kind)])
    found = {"PLACE_ONE": retired, "PLACE_TWO": Keyring.single(scheme, ordinal=2)}
    assert "yield the same MAC key" in refusal_of(found)


@every(DERIVED)
def test_static_keys_in_one_place_and_derived_ones_in_another_are_refused(scheme):
    static = StaticKeys(file_read=OTHER)
    refusal = refusal_of(places(KeyVersion(1, scheme), KeyVersion(2, static)))
    assert "static keys and derived keys" in refusal


def test_a_master_key_that_stands_for_factory_keys_counts_as_static():
    factory = SdmBackendKeys(Key(bytes(16)))
    found = places(KeyVersion(1, factory), KeyVersion(2, HkdfKeys(MASTER)))
    assert "static keys and derived keys" in refusal_of(found)


def test_a_master_key_and_the_same_with_zeros_behind_are_one_key():
    padded = SdmBackendKeys(bytes(MASTER) + bytes(4))
    found = places(KeyVersion(1, SdmBackendKeys(MASTER)), KeyVersion(2, padded))
    assert "yield the same MAC key" in refusal_of(found)


def test_two_versions_of_a_boltcard_issuer_are_taken():
    require_apart(
        places(KeyVersion(1, BoltcardKeys(MASTER, 1)), KeyVersion(2, BoltcardKeys(MASTER, 2)))
    )


def test_three_places_are_checked_each_with_each():
    schemes = {1: HkdfKeys(MASTER), 2: HkdfKeys(OTHER), 3: HkdfKeys(MASTER)}
    found = {f"PLACE {n}": Keyring.single(scheme, ordinal=n) for n, scheme in schemes.items()}
    assert "key version 1 of PLACE 1 and key version 3 of PLACE 3" in refusal_of(found)


def test_static_keys_in_two_places_are_taken_if_they_differ():
    one, other = StaticKeys(file_read=MASTER), StaticKeys(file_read=OTHER)
    require_apart(places(KeyVersion(1, one), KeyVersion(2, other)))


def test_keys_of_different_masters_are_taken_under_any_ordinals():
    require_apart(places(KeyVersion(1, HkdfKeys(MASTER)), KeyVersion(2, HkdfKeys(OTHER))))


@pytest.mark.parametrize("second", [HkdfKeys(MASTER), StaticKeys(file_read=OTHER)])
def test_a_refusal_names_both_places_and_key_versions(second):
    refusal = refusal_of(places(KeyVersion(3, second), KeyVersion(9, HkdfKeys(MASTER))))
    assert "key version 3 of PLACE_ONE and key version 9 of PLACE_TWO" in refusal


@pytest.mark.parametrize("second", [HkdfKeys(MASTER), StaticKeys(file_read=MASTER)])
def test_a_refusal_shows_no_key(second):
    refusal = refusal_of(places(KeyVersion(3, second), KeyVersion(9, HkdfKeys(MASTER))))
    assert bytes(MASTER).hex().upper() not in refusal.upper()
