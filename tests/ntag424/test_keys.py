"""Every scheme derives the key it promises, to the byte, and refuses what it does not know."""

from __future__ import annotations

import hmac
import pickle

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from hypothesis import given
from hypothesis import strategies as st

from ntag424 import Generation, Key, Uid
from ntag424.crypto import aes_cmac
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
    _sdm_backend,
    is_diversified,
)
from ntag424.sdm import TapMessage, verify
from tests.support import BYTE, KEYS, UIDS, vectors

UID = Uid.from_hex("04DE5F1EACC040")
MASTER = Key.from_hex("00112233445566778899AABBCCDDEEFF")
OTHER = Key.from_hex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")
APPLICATION = bytes.fromhex("D2760000850101")
SLOTS = st.integers(0, 4)
SYSTEM_IDS = st.binary(max_size=15)
TEXTS = st.text("aZ09: .é€😀", max_size=20)
LATER_EPOCHS = st.integers(1, 255)

SCHEMES = {
    "an10922": An10922Keys(MASTER, system_id=b"shop"),
    "hkdf": HkdfKeys(MASTER, salt=b"salt"),
    "static": StaticKeys(file_read=MASTER, meta_read=OTHER),
    "static without PICCData": StaticKeys(file_read=MASTER),
    "sentry hkdf": SentryHkdfKeys(MASTER, salt="sentry.red"),
    "sentry ev2": SentryEv2Keys(MASTER),
    "boltcard": BoltcardKeys(MASTER),
    "sdm-backend": SdmBackendKeys(MASTER),
    "sdm-backend legacy": SdmBackendLegacyKeys(MASTER),
}


def cmac(key, message):
    return Key(CMAC.new(bytes(key), message, ciphermod=AES).digest())


def hkdf_16(ikm, salt, info):
    """RFC 5869 for 16 bytes: extract, and the first block of expand."""
    pseudorandom_key = hmac.digest(salt, bytes(ikm), "sha256")
    return Key(hmac.digest(pseudorandom_key, info + b"\x01", "sha256")[:16])


# ---- AN10922 --------------------------------------------------------------------------------


@given(KEYS, UIDS, SLOTS, SYSTEM_IDS, LATER_EPOCHS)
def test_an10922_ends_its_input_in_the_epoch(master, uid, slot, system_id, epoch):
    scheme = An10922Keys(master, system_id=system_id)
    message = uid + APPLICATION + bytes([slot]) + system_id + bytes([epoch])
    assert scheme.tag_key(uid, slot, epoch) == cmac(master, b"\x01" + message)


@given(KEYS, UIDS, SLOTS, st.binary(min_size=1, max_size=15))
def test_an10922_has_no_epoch_byte_at_epoch_0(master, uid, slot, system_id):
    scheme = An10922Keys(master, system_id=system_id)
    message = uid + APPLICATION + bytes([slot]) + system_id
    assert scheme.tag_key(uid, slot) == cmac(master, b"\x01" + message)


@given(KEYS, UIDS, SLOTS)
def test_an10922_of_15_bytes_is_still_brought_to_two_blocks(master, uid, slot):
    ecb = AES.new(bytes(master), AES.MODE_ECB)
    doubled = int.from_bytes(ecb.encrypt(bytes(16)), "big")
    for _ in "12":
        doubled = min(doubled << 1, doubled << 1 ^ (1 << 128 | 0x87))
    first = int.from_bytes(ecb.encrypt(b"\x01" + uid + APPLICATION + bytes([slot])), "big")
    expected = ecb.encrypt((first ^ doubled ^ 0x80 << 120).to_bytes(16, "big"))
    assert bytes(An10922Keys(master).tag_key(uid, slot)) == expected


def test_an10922_of_15_bytes_is_not_what_a_library_cmac_gives():
    message = UID + APPLICATION + b"\x02"
    assert An10922Keys(MASTER).tag_key(UID, 2) != cmac(MASTER, b"\x01" + message)


@given(KEYS, SYSTEM_IDS)
def test_an10922_derives_the_meta_read_key_for_no_tag_and_ends_it_in_zero(master, system_id):
    message = bytes(7) + APPLICATION + b"\x01" + system_id + b"\x00"
    meta_read_key = An10922Keys(master, system_id=system_id).meta_read_key()
    assert meta_read_key == cmac(master, b"\x01" + message)


def test_an10922_gives_the_meta_read_key_to_no_tag_even_of_uid_zero():
    scheme = An10922Keys(MASTER)
    assert scheme.meta_read_key() not in [scheme.tag_key(bytes(7), 1, n) for n in range(256)]


def test_an10922_refuses_a_system_id_of_16_bytes():
    with pytest.raises(ValueError, match="at most 15 bytes"):
        An10922Keys(MASTER, system_id=bytes(16))


# ---- HKDF -----------------------------------------------------------------------------------


@given(KEYS, UIDS, SLOTS, BYTE, st.binary(max_size=70))
def test_hkdf_names_slot_epoch_and_tag(master, uid, slot, epoch, salt):
    info = b"ntag424 tag key v1" + bytes([slot, epoch]) + uid
    assert HkdfKeys(master, salt=salt).tag_key(uid, slot, epoch) == hkdf_16(master, salt, info)


@given(KEYS, st.binary(max_size=70))
def test_hkdf_derives_the_meta_read_key_under_a_label_of_its_own(master, salt):
    expected = hkdf_16(master, salt, b"ntag424 meta key v1\x01")
    assert HkdfKeys(master, salt=salt).meta_read_key() == expected


def test_hkdf_without_a_salt_has_an_empty_one():
    assert HkdfKeys(MASTER).tag_key(UID, 2) == HkdfKeys(MASTER, salt=b"").tag_key(UID, 2)


# ---- static ---------------------------------------------------------------------------------


def test_static_keys_give_every_tag_the_file_read_key():
    scheme = SCHEMES["static"]
    assert [scheme.tag_key(uid, 2) for uid in (UID, bytes(7))] == [MASTER, MASTER]


def test_static_keys_have_the_meta_read_key_in_slot_1():
    assert SCHEMES["static"].tag_key(UID, 1) == OTHER


def test_static_keys_give_the_meta_read_key_they_were_given():
    assert SCHEMES["static"].meta_read_key() == OTHER


@pytest.mark.parametrize("slot", [0, 3, 4])
def test_static_keys_do_not_know_the_other_slots(slot):
    with pytest.raises(ValueError, match=f"nothing of slot {slot}"):
        SCHEMES["static"].tag_key(UID, slot)


def test_static_keys_without_a_meta_read_key_do_not_know_its_slot():
    with pytest.raises(ValueError, match="nothing of slot 1"):
        SCHEMES["static without PICCData"].tag_key(UID, 1)


# ---- SENTRY ---------------------------------------------------------------------------------

ALL_SENTRY = vectors("keys", "sentry_kdf")
# The exchange of taps knows no tag id, so no scheme of ours does.
WITH_TAG_ID = [vector for vector in ALL_SENTRY if "tag_id" in vector]
WITHOUT_TAG_ID = [vector for vector in ALL_SENTRY if "tag_id" not in vector]


def each(found):
    return pytest.mark.parametrize("vector", found, ids=[vector.id for vector in found])


def sentry_uid(vector):
    return bytes.fromhex(vector["uid_text"])


def sentry_scheme(vector):
    master = Key(vector["km"])
    if vector.given["mode"] == "EV2":
        return SentryEv2Keys(master, vector.given.get("kver"))
    return SentryHkdfKeys(master, salt=vector["salt_text"], info=vector["info_text"])


def sentry_tap(vector):
    return TapMessage(uid=sentry_uid(vector), read_counter=10, mac=vector["sdmmac_ctr_00000A"])


@each(WITHOUT_TAG_ID)
def test_sentrys_schemes_give_the_known_key(vector):
    assert bytes(sentry_scheme(vector).tag_key(sentry_uid(vector), 2)) == vector["key"]


@each(WITHOUT_TAG_ID)
def test_sentrys_taps_verify_under_sentrys_schemes(vector):
    assert verify(sentry_tap(vector), sentry_scheme(vector)).uid == sentry_uid(vector)


@each(WITH_TAG_ID)
def test_sentrys_key_with_a_tag_id_is_a_cmac_over_it(vector):
    message = b"\x01EV2-KDF" + sentry_uid(vector) + vector["tag_id"]
    assert aes_cmac(vector["km"], message + bytes([vector["kver"] & 0xFF])) == vector["key"]


@each(WITH_TAG_ID)
def test_sentrys_tap_of_a_tag_with_an_id_verifies_under_its_raw_key(vector):
    tap = verify(sentry_tap(vector), StaticKeys(file_read=Key(vector["key"])))
    assert tap.read_counter == 10


@given(KEYS, UIDS, TEXTS, TEXTS)
def test_sentrys_hkdf_is_two_hmacs_over_the_uid_in_capitals(master, uid, salt, info):
    pseudorandom_key = hmac.digest(salt.encode(), bytes(master), "sha256")
    text = f"{info}:{uid.hex().upper()}"
    expected = hmac.digest(pseudorandom_key, text.encode(), "sha256")[:16]
    assert bytes(SentryHkdfKeys(master, salt=salt, info=info).tag_key(uid, 2)) == expected


def test_sentrys_hkdf_has_sentrys_default_info():
    named = SentryHkdfKeys(MASTER, salt="sentry.red", info="ntag424-static-key")
    assert SentryHkdfKeys(MASTER, salt="sentry.red") == named


@given(KEYS, UIDS, BYTE)
def test_sentrys_ev2_ends_in_the_key_version(master, uid, version):
    expected = cmac(master, b"\x01EV2-KDF" + uid + bytes([version]))
    assert SentryEv2Keys(master, version).tag_key(uid, 2) == expected


@given(KEYS, UIDS)
def test_sentrys_ev2_without_a_key_version_ends_in_the_uid(master, uid):
    assert SentryEv2Keys(master).tag_key(uid, 2) == cmac(master, b"\x01EV2-KDF" + uid)


@pytest.mark.parametrize("version", [256, 300, 0xFFFFFF01])
def test_of_sentrys_key_version_only_the_lowest_byte_enters_as_there(version):
    expected = cmac(MASTER, b"\x01EV2-KDF" + UID + bytes([version & 0xFF]))
    assert SentryEv2Keys(MASTER, version).tag_key(UID, 2) == expected


@pytest.mark.parametrize("version", [-1, 1 << 32])
def test_sentrys_ev2_refuses_key_versions_that_cannot_be_stored(version):
    with pytest.raises(ValueError, match="32 bits"):
        SentryEv2Keys(MASTER, version)


@pytest.mark.parametrize("name", ["sentry hkdf", "sentry ev2"])
@pytest.mark.parametrize("slot", range(5))
def test_sentry_has_one_key_for_all_slots(name, slot):
    scheme = SCHEMES[name]
    assert scheme.tag_key(UID, slot) == scheme.tag_key(UID, scheme.file_read_number)


# ---- Boltcard -------------------------------------------------------------------------------

CARDS = [
    (vector, slot)
    for vector in vectors("keys", "boltcard_keys")
    for slot in range(5)
    if f"k{slot}" in vector
]


@pytest.mark.parametrize(("vector", "slot"), CARDS, ids=lambda part: getattr(part, "id", part))
def test_boltcards_scheme_gives_the_published_key(vector, slot):
    scheme = BoltcardKeys(Key(vector["issuer_key"]), vector["version"])
    assert scheme.tag_key(vector["uid"], slot) == Key(vector[f"k{slot}"])


@pytest.mark.parametrize(
    "vector", [v for v in vectors("keys", "boltcard_keys") if "k1" in v], ids=lambda v: v.id
)
def test_boltcards_key_1_is_the_meta_read_key(vector):
    scheme = BoltcardKeys(Key(vector["issuer_key"]), vector["version"])
    assert scheme.meta_read_key() == Key(vector["k1"])


def test_a_boltcard_has_version_1_unless_told_otherwise():
    assert BoltcardKeys(MASTER) == BoltcardKeys(MASTER, 1)


@given(KEYS, UIDS, st.integers(0, 0xFFFFFFFF))
def test_boltcards_version_is_four_bytes_with_the_low_one_first(issuer_key, uid, version):
    card_key = cmac(issuer_key, bytes.fromhex("2D003F75") + uid + version.to_bytes(4, "little"))
    key = cmac(card_key, bytes.fromhex("2D003F78"))
    assert BoltcardKeys(issuer_key, version).tag_key(uid, 2) == key


@pytest.mark.parametrize("version", [-1, 1 << 32])
def test_boltcard_versions_have_32_bits(version):
    with pytest.raises(ValueError, match="32 bits"):
        BoltcardKeys(MASTER, version)


# ---- sdm-backend ----------------------------------------------------------------------------

SDM_BACKEND = vectors("keys", "sdm_backend_keys")
each_sdm_backend = pytest.mark.parametrize("vector", SDM_BACKEND, ids=lambda v: v.id)


@each_sdm_backend
def test_sdm_backends_scheme_gives_the_published_key(vector):
    key = SdmBackendKeys(vector["master"]).tag_key(vector["uid"], vector["key_number"])
    assert key == Key(vector["tag_key"])


@each_sdm_backend
def test_sdm_backends_scheme_gives_the_published_meta_read_key(vector):
    assert SdmBackendKeys(vector["master"]).meta_read_key() == Key(vector["meta_read_key"])


def test_a_master_of_sdm_backend_may_be_a_key():
    vector = SDM_BACKEND[1]
    assert SdmBackendKeys(Key(vector["master"])).meta_read_key() == Key(vector["meta_read_key"])


@pytest.mark.parametrize("slot", range(5))
def test_the_default_master_of_sdm_backend_stands_for_factory_keys(slot):
    assert SdmBackendKeys(bytes(16)).tag_key(UID, slot).is_zero


@pytest.mark.parametrize("length", [15, 17, 32])
def test_only_sixteen_zeros_are_that_default(length):
    assert not SdmBackendKeys(bytes(length)).tag_key(UID, 2).is_zero


LEGACY = vectors("keys", "sdm_backend_legacy_keys")
each_legacy = pytest.mark.parametrize("vector", LEGACY, ids=lambda v: v.id)


@each_legacy
def test_sdm_backends_legacy_scheme_gives_the_known_key(vector):
    key = SdmBackendLegacyKeys(vector["master"]).tag_key(vector["uid"], vector["key_number"])
    assert key == Key(vector["tag_key"])


@each_legacy
def test_sdm_backends_legacy_scheme_gives_the_known_meta_read_key(vector):
    assert SdmBackendLegacyKeys(vector["master"]).meta_read_key() == Key(vector["meta_read_key"])


@pytest.mark.parametrize("slot", range(5))
def test_the_default_master_stands_for_factory_keys_in_legacy_mode_too(slot):
    assert SdmBackendLegacyKeys(bytes(16)).tag_key(UID, slot).is_zero


def test_the_two_modes_of_sdm_backend_are_two_schemes():
    assert SdmBackendLegacyKeys(MASTER) != SdmBackendKeys(MASTER)


def test_a_legacy_key_is_derived_once_for_all_who_ask_for_it():
    first, second = (SdmBackendLegacyKeys(OTHER).tag_key(UID, 2) for _ in "12")
    assert first is second


def test_legacy_keys_are_forgotten_in_the_end():
    assert _sdm_backend._pbkdf2.cache_info().maxsize == 16384


# ---- what all schemes have in common --------------------------------------------------------


def of_which(condition):
    chosen = {name: scheme for name, scheme in SCHEMES.items() if condition(scheme)}
    return pytest.mark.parametrize("scheme", chosen.values(), ids=chosen)


every_scheme = of_which(lambda scheme: True)
schemes_with_epochs = of_which(lambda scheme: len(scheme.epochs) > 1)
schemes_without_epochs = of_which(lambda scheme: len(scheme.epochs) == 1)
schemes_without_meta_read_key = of_which(lambda scheme: scheme.meta_read_number is None)


@every_scheme
def test_every_scheme_makes_the_mac_with_key_2(scheme):
    assert scheme.file_read_number == 2


@pytest.mark.parametrize(
    ("name", "number"),
    {
        "an10922": 1,
        "hkdf": 1,
        "static": 1,
        "static without PICCData": None,
        "sentry hkdf": None,
        "sentry ev2": None,
        "boltcard": 1,
        "sdm-backend": 1,
        "sdm-backend legacy": 1,
    }.items(),
)
def test_a_meta_read_key_is_in_slot_1_or_nowhere(name, number):
    assert SCHEMES[name].meta_read_number == number


@schemes_without_meta_read_key
def test_a_scheme_without_a_meta_read_key_gives_none(scheme):
    with pytest.raises(ValueError, match="meta-read key"):
        scheme.meta_read_key()


@schemes_with_epochs
def test_a_scheme_with_epochs_has_256_of_them(scheme):
    assert scheme.epochs == range(256)


@schemes_without_epochs
def test_a_scheme_without_epochs_has_epoch_0(scheme):
    assert scheme.epochs == range(1)


@schemes_with_epochs
def test_a_new_epoch_brings_a_new_key(scheme):
    assert len({scheme.tag_key(UID, 2, epoch) for epoch in scheme.epochs}) == 256


@schemes_without_epochs
@pytest.mark.parametrize("epoch", [-1, 1, 255, 256])
def test_a_scheme_without_epochs_refuses_the_others(scheme, epoch):
    with pytest.raises(ValueError, match=f"no keys for epoch {epoch}"):
        scheme.tag_key(UID, 2, epoch)


@schemes_with_epochs
@pytest.mark.parametrize("epoch", [-1, 256])
def test_a_scheme_with_epochs_refuses_what_is_no_byte(scheme, epoch):
    with pytest.raises(ValueError, match=f"no keys for epoch {epoch}"):
        scheme.tag_key(UID, 2, epoch)


@every_scheme
@pytest.mark.parametrize("slot", [-1, 5, 0xE, 0xF])
def test_every_scheme_refuses_slots_no_tag_has(scheme, slot):
    with pytest.raises(ValueError, match=f"numbered 0 to 4, not {slot}"):
        scheme.tag_key(UID, slot)


@every_scheme
@pytest.mark.parametrize("length", [0, 4, 6, 8, 10])
def test_every_scheme_refuses_uids_of_another_length(scheme, length):
    with pytest.raises(ValueError, match=f"7 bytes, not {length}"):
        scheme.tag_key(bytes(length), 2)


@every_scheme
def test_a_scheme_that_went_through_a_pickle_derives_the_same_keys(scheme):
    scheme.tag_key(UID, 2)  # whatever it keeps from now on must survive too
    assert pickle.loads(pickle.dumps(scheme)).tag_key(UID, 2) == scheme.tag_key(UID, 2)


@every_scheme
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r}".format], ids=range(4))
def test_no_scheme_shows_a_key(scheme, show):
    scheme.tag_key(UID, 2)
    shown = show(scheme).upper()
    secrets = [bytes(MASTER), bytes(OTHER)]
    traces = [trace for key in secrets for trace in (key.hex().upper(), repr(key).upper())]
    assert [trace for trace in traces if trace in shown] == []


def test_a_scheme_of_another_master_is_another_scheme():
    assert An10922Keys(MASTER) != An10922Keys(OTHER)


def test_schemes_of_the_same_parts_are_equal():
    assert HkdfKeys(MASTER, salt=b"a") == HkdfKeys(Key(bytes(MASTER)), salt=b"a")


def test_the_epoch_of_a_generation_chooses_the_key():
    scheme = SCHEMES["an10922"]
    session_key = cmac(scheme.tag_key(UID, 2, 5), bytes.fromhex("3CC300010080") + UID + b"\1\0\0")
    message = TapMessage(uid=UID, read_counter=1, mac=bytes(cmac(session_key, b""))[1::2])
    assert verify(message, scheme, generation=Generation(1, 5)).epoch == 5


@pytest.mark.parametrize("name", [name for name in SCHEMES if not name.startswith("static")])
def test_a_scheme_that_derives_from_the_uid_is_diversified(name):
    assert is_diversified(SCHEMES[name])


@pytest.mark.parametrize(
    "scheme", [SCHEMES["static"], SdmBackendKeys(bytes(16))], ids=["static", "sdm-backend default"]
)
def test_a_scheme_of_one_key_for_all_tags_is_not_diversified(scheme):
    assert not is_diversified(scheme)
