"""A message verifies exactly if the tag that holds the key sent it."""

from __future__ import annotations

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from hypothesis import given
from hypothesis import strategies as st

from ntag424 import (
    CountedTap,
    Generation,
    Key,
    Keyring,
    KeyState,
    KeyVersion,
    MalformedTapError,
    TapMacError,
    Uid,
    UncountedTapError,
    VerifiedTap,
)
from ntag424.keys import An10922Keys, StaticKeys
from ntag424.sdm import TapMessage, verify, verify_any
from tests.support import COUNTERS, KEYS, UIDS, vectors

UID = Uid.from_hex("04DE5F1EACC040")
FILE_READ, META_READ = Key(b"F" * 16), Key(b"M" * 16)
STATIC = StaticKeys(file_read=FILE_READ, meta_read=META_READ)
ANY_MAC = bytes(8)


def cmac(key, message):
    return CMAC.new(key, message, ciphermod=AES).digest()


def mac_of(key, uid, counter, mac_input=b""):
    """SDMMAC as the tag computes it."""
    session_vector = bytes.fromhex("3CC300010080") + uid + counter.to_bytes(3, "little")
    return cmac(cmac(bytes(key), session_vector), mac_input)[1::2]


def picc_data_of(key, uid, counter, *, tag=0xC7, padding=b"noise"):
    """PICCData as the tag encrypts it."""
    plain = bytes([tag]) + uid + counter.to_bytes(3, "little") + padding
    return AES.new(bytes(key), AES.MODE_CBC, iv=bytes(16)).encrypt(plain)


def plain_tap(counter=7, *, uid=UID, key=FILE_READ, mac_input=b""):
    mac = mac_of(key, uid, counter, mac_input)
    return TapMessage(uid=uid, read_counter=counter, mac_input=mac_input, mac=mac)


def encrypted_tap(counter=7, *, key=FILE_READ, meta_key=META_READ, mac_input=b"", tag=0xC7):
    return TapMessage(
        picc_data=picc_data_of(meta_key, UID, counter, tag=tag),
        mac_input=mac_input,
        mac=mac_of(key, UID, counter, mac_input),
    )


def flipped(octets, bit):
    return (int.from_bytes(octets, "big") ^ 1 << bit).to_bytes(len(octets), "big")


# ---- known answers --------------------------------------------------------------------------

MESSAGES = [vector for vector in vectors("sdm", "sdm_message_aes") if "sdmmac" in vector]
each_message = pytest.mark.parametrize("vector", MESSAGES, ids=[v.id for v in MESSAGES])


def published(vector):
    message = TapMessage(
        picc_data=vector["picc_enc_data"], mac_input=vector["mac_input"], mac=vector["sdmmac"]
    )
    return message, StaticKeys(
        file_read=Key(vector["sdm_file_read_key"]), meta_read=Key(vector["sdm_meta_read_key"])
    )


@each_message
def test_a_published_message_verifies_with_the_uid_inside(vector):
    assert verify(*published(vector)).uid == vector["picc_plain"][1:8]


@each_message
def test_a_published_message_verifies_with_the_counter_inside(vector):
    counter = int.from_bytes(vector["picc_plain"][8:11], "little")
    assert verify(*published(vector)).read_counter == counter


def test_published_picc_data_decrypts_to_the_published_uid_and_counter():
    [vector] = vectors("sdm", "picc_data_aes")
    counter = int.from_bytes(vector["read_ctr_lsb"], "little")
    mac = mac_of(FILE_READ, vector["uid"], counter)
    keys = StaticKeys(file_read=FILE_READ, meta_read=Key(vector["sdm_meta_read_key"]))
    tap = verify(TapMessage(picc_data=vector["picc_enc_data"], mac=mac), keys)
    assert (tap.uid, tap.read_counter) == (vector["uid"], counter)


def test_a_published_session_key_makes_the_mac_that_verifies():
    [vector] = vectors("crypto", "sdm_session_keys")
    message = TapMessage(
        uid=vector["uid"],
        read_counter=int.from_bytes(vector["read_ctr_lsb"], "little"),
        mac_input=b"text",
        mac=cmac(vector["k_ses_mac"], b"text")[1::2],
    )
    keys = StaticKeys(file_read=Key(vector["sdm_file_read_key"]))
    assert verify(message, keys).uid == vector["uid"]


# ---- what verifies --------------------------------------------------------------------------


@given(KEYS, UIDS, COUNTERS, st.binary(max_size=100))
def test_a_plain_message_of_the_tag_verifies(key, uid, counter, mac_input):
    message = plain_tap(counter, uid=uid, key=key, mac_input=mac_input)
    tap = verify(message, StaticKeys(file_read=key))
    assert tap == VerifiedTap(uid, counter, Generation())


@given(KEYS, KEYS, UIDS, COUNTERS, st.binary(min_size=5, max_size=5))
def test_an_encrypted_message_of_the_tag_verifies(key, meta_key, uid, counter, padding):
    message = TapMessage(
        picc_data=picc_data_of(meta_key, uid, counter, padding=padding),
        mac=mac_of(key, uid, counter),
    )
    tap = verify(message, StaticKeys(file_read=key, meta_read=meta_key))
    assert tap == VerifiedTap(uid, counter, Generation())


def test_the_key_is_that_of_the_uid_inside():
    keys = An10922Keys(FILE_READ)
    message = encrypted_tap(key=keys.tag_key(UID, 2), meta_key=keys.meta_read_key())
    assert verify(message, keys).uid == UID


def test_the_verified_uid_prints_like_one():
    assert str(verify(plain_tap(), STATIC).uid) == "04DE5F1EACC040"


def test_a_tap_carries_the_generation_it_was_checked_for():
    keys = An10922Keys(FILE_READ)
    message = plain_tap(key=keys.tag_key(UID, 2, 3))
    tap = verify(message, keys, generation=Generation(2, 3))
    assert (tap.key_version, tap.epoch) == (2, 3)


# ---- what does not --------------------------------------------------------------------------


@pytest.mark.parametrize("bit", range(64))
def test_a_mac_with_one_bit_changed_is_refused(bit):
    message = TapMessage(uid=UID, read_counter=7, mac=flipped(plain_tap().mac, bit))
    with pytest.raises(TapMacError):
        verify(message, STATIC)


@pytest.mark.parametrize("bit", range(128))
def test_picc_data_with_one_bit_changed_is_refused(bit):
    genuine = encrypted_tap()
    message = TapMessage(picc_data=flipped(genuine.picc_data, bit), mac=genuine.mac)
    with pytest.raises(TapMacError):
        verify(message, STATIC)


@pytest.mark.parametrize("bit", range(56))
def test_a_uid_with_one_bit_changed_is_refused(bit):
    message = TapMessage(uid=flipped(UID, bit), read_counter=7, mac=plain_tap().mac)
    with pytest.raises(TapMacError):
        verify(message, STATIC)


@pytest.mark.parametrize("bit", range(24))
def test_a_counter_with_one_bit_changed_is_refused(bit):
    message = TapMessage(uid=UID, read_counter=7 ^ 1 << bit, mac=plain_tap().mac)
    with pytest.raises(TapMacError):
        verify(message, STATIC)


@pytest.mark.parametrize("mac_input", [b"", b"tex", b"text ", b"Text"])
def test_a_mac_over_other_text_is_refused(mac_input):
    mac = plain_tap(mac_input=b"text").mac
    message = TapMessage(uid=UID, read_counter=7, mac_input=mac_input, mac=mac)
    with pytest.raises(TapMacError):
        verify(message, STATIC)


def test_the_other_half_of_the_cmac_is_no_mac():
    session_key = cmac(bytes(FILE_READ), bytes.fromhex("3CC300010080") + UID + b"\7\0\0")
    message = TapMessage(uid=UID, read_counter=7, mac=cmac(session_key, b"")[0::2])
    with pytest.raises(TapMacError):
        verify(message, STATIC)


def test_a_mac_under_the_counter_in_the_wrong_byte_order_is_refused():
    message = TapMessage(uid=UID, read_counter=0x070000, mac=mac_of(FILE_READ, UID, 7))
    with pytest.raises(TapMacError):
        verify(message, STATIC)


@pytest.mark.parametrize("tag", [tag for tag in range(256) if tag != 0xC7])
def test_picc_data_of_another_kind_is_refused_even_if_the_mac_holds(tag):
    with pytest.raises(TapMacError):
        verify(encrypted_tap(tag=tag), STATIC)


def test_picc_data_under_another_meta_read_key_is_refused():
    with pytest.raises(TapMacError):
        verify(encrypted_tap(meta_key=FILE_READ), STATIC)


def test_a_mac_under_the_meta_read_key_is_refused():
    with pytest.raises(TapMacError):
        verify(encrypted_tap(key=META_READ), STATIC)


def test_a_mac_of_another_epoch_is_refused():
    keys = An10922Keys(FILE_READ)
    message = plain_tap(key=keys.tag_key(UID, 2, 3))
    with pytest.raises(TapMacError):
        verify(message, keys, generation=Generation(2, 4))


def test_picc_data_under_keys_without_a_meta_read_key_is_the_callers_mistake():
    with pytest.raises(ValueError, match="no meta-read key"):
        verify(encrypted_tap(), StaticKeys(file_read=FILE_READ))


def test_an_epoch_the_scheme_does_not_have_is_the_callers_mistake():
    with pytest.raises(ValueError, match="no keys for epoch 1"):
        verify(plain_tap(), STATIC, generation=Generation(1, 1))


# ---- several versions -----------------------------------------------------------------------


class ObservedKeys(An10922Keys):
    """Keys that note which of them was asked for."""

    def __init__(self, master):
        super().__init__(master)
        object.__setattr__(self, "asked", [])

    def tag_key(self, uid, key_number, epoch=0):
        self.asked.append((uid, key_number, epoch))
        return super().tag_key(uid, key_number, epoch)


def rotated(state=KeyState.ACCEPTING):
    """Make a keyring whose version 1 is *state* and whose version 2 is active."""
    return Keyring(
        [
            KeyVersion(1, StaticKeys(file_read=FILE_READ), state),
            KeyVersion(2, StaticKeys(file_read=META_READ)),
        ]
    )


@pytest.mark.parametrize(("key", "ordinal"), [(FILE_READ, 1), (META_READ, 2)])
def test_a_tap_is_known_by_the_version_that_confirms_it(key, ordinal):
    assert verify_any(plain_tap(key=key), rotated()).key_version == ordinal


def test_a_tap_that_no_version_confirms_is_refused():
    with pytest.raises(TapMacError):
        verify_any(plain_tap(key=Key(b"?" * 16)), rotated())


def test_a_tap_of_a_retired_version_is_refused():
    with pytest.raises(TapMacError):
        verify_any(plain_tap(key=FILE_READ), rotated(KeyState.RETIRED))


def test_versions_behind_the_one_that_matched_are_computed_all_the_same():
    matching, older = An10922Keys(FILE_READ), ObservedKeys(META_READ)
    keyring = Keyring([KeyVersion(2, matching), KeyVersion(1, older, KeyState.ACCEPTING)])
    older.asked.clear()
    verify_any(plain_tap(key=matching.tag_key(UID, 2)), keyring)
    assert older.asked == [(UID, 2, 0)]


# ---- the parts of a message -----------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 4, 7, 9, 16])
def test_a_mac_of_another_length_is_malformed(length):
    with pytest.raises(MalformedTapError, match="8 bytes"):
        TapMessage(uid=UID, read_counter=7, mac=bytes(length))


def test_a_mac_cut_short_is_malformed_though_its_bytes_are_right():
    with pytest.raises(MalformedTapError, match="8 bytes"):
        TapMessage(uid=UID, read_counter=7, mac=plain_tap().mac[:7])


@pytest.mark.parametrize("length", [0, 4, 6, 8, 10])
def test_a_uid_of_another_length_is_malformed(length):
    with pytest.raises(MalformedTapError, match="7 bytes"):
        TapMessage(uid=bytes(length), read_counter=7, mac=ANY_MAC)


@pytest.mark.parametrize("counter", [-1, 0x1000000], ids=repr)
def test_a_counter_that_is_no_number_of_24_bits_is_malformed(counter):
    with pytest.raises(MalformedTapError, match="24 bits"):
        TapMessage(uid=UID, read_counter=counter, mac=ANY_MAC)


@pytest.mark.parametrize("counter", [0, 1, 0xFFFFFF])
def test_every_counter_of_24_bits_verifies_under_its_mac(counter):
    assert verify(plain_tap(counter), STATIC).read_counter == counter


@pytest.mark.parametrize(
    "identity",
    [
        {},
        {"picc_data": bytes(16), "uid": UID},
        {"picc_data": bytes(16), "read_counter": 7},
        {"picc_data": bytes(16), "uid": UID, "read_counter": 7},
    ],
    ids=lambda identity: " and ".join(identity) or "nothing",
)
def test_a_message_has_picc_data_or_uid_or_counter(identity):
    with pytest.raises(ValueError, match=r"PICCData|picc_data"):
        TapMessage(mac=ANY_MAC, **identity)


def test_an_encrypted_message_has_no_plain_identity():
    with pytest.raises(ValueError, match="inside PICCData"):
        _ = encrypted_tap().plain_identity


def test_the_plain_identity_is_uid_then_counter_with_the_low_byte_first():
    assert plain_tap(0x010203).plain_identity == UID + b"\3\2\1"


# ---- taps that count ------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [1, 0xFFFFFF])
def test_a_verified_tap_is_counted_by_uid_generation_and_counter(counter):
    tap = VerifiedTap(UID, counter, Generation(2, 3))
    assert tap.counted() == CountedTap(UID, Generation(2, 3), counter)


def test_a_verified_tap_of_counter_0_does_not_count():
    with pytest.raises(UncountedTapError):
        verify(plain_tap(0), STATIC).counted()


@pytest.mark.parametrize("counter", [-1, 0, 0x1000000])
def test_a_counted_tap_has_a_counter_that_chips_send(counter):
    with pytest.raises(ValueError, match="1 to FFFFFFh"):
        CountedTap(UID, Generation(), counter)


def test_every_refusal_of_a_mac_has_the_same_words():
    refusals = []
    for message in (encrypted_tap(tag=0x87), encrypted_tap(key=META_READ)):
        with pytest.raises(TapMacError) as refusal:
            verify(message, STATIC)
        refusals.append(str(refusal.value))
    assert refusals == ["the tap does not verify"] * 2
