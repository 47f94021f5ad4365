"""Values are checked when they are made, keep their secrets, and encode as the chip reads them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424 import Generation, Key, Uid
from ntag424.model import PiccDataTag, TamperStatus
from tests.support import BYTE, KEYS, UIDS

KEY_TEXT = "00112233445566778899AABBCCDDEEFF"
KEY = Key(bytes.fromhex(KEY_TEXT))
UID_TEXT = "04DE5F1EACC040"


def broken(text):
    """Give texts that a tolerant reader would take for the hex digits of *text*."""
    return {
        "a digit short": text[:-1],
        "a digit more": text + "0",
        "two digits more": text + "00",
        "empty": "",
        "newline at the end": text + "\n",
        "newline in place of a digit": text[:-1] + "\n",
        "space at the end": text + " ",
        "space at the beginning": " " + text,
        "spaces between bytes": " ".join(text[i : i + 2] for i in range(0, len(text), 2)),
        "two spaces instead of a byte": text[:-4] + " " + text[-4:-2] + " ",
        "underscore": text[:1] + "_" + text[2:],
        "sign": "+" + text[1:],
        "0x": "0x" + text[2:],
        "0x in front": "0x" + text,
        "fullwidth digit": text[:-1] + "\N{FULLWIDTH DIGIT ONE}",
        "arabic-indic digit": text[:-1] + "\N{ARABIC-INDIC DIGIT ONE}",
        "superscript digit": text[:-1] + "\N{SUPERSCRIPT TWO}",
        "not a hex digit": text[:-1] + "G",
        "colons": ":".join(text[i : i + 2] for i in range(0, len(text), 2)),
    }


# ---- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KEY_TEXT, KEY_TEXT.lower()], ids=["upper", "lower"])
def test_a_key_is_read_from_32_hex_digits_of_either_case(text):
    assert bytes(Key.from_hex(text)) == bytes.fromhex(KEY_TEXT)


@pytest.mark.parametrize("text", broken(KEY_TEXT).values(), ids=broken(KEY_TEXT))
def test_a_key_is_read_from_nothing_else(text):
    with pytest.raises(ValueError, match="32 hex digits"):
        Key.from_hex(text)


def test_the_refusal_of_a_key_does_not_repeat_it():
    with pytest.raises(ValueError, match="32 hex digits") as refusal:
        Key.from_hex(KEY_TEXT + "0")
    assert KEY_TEXT[:8] not in str(refusal.value)


@pytest.mark.parametrize("length", [0, 15, 17, 24, 32])
def test_a_key_has_16_bytes(length):
    with pytest.raises(ValueError, match=f"16 bytes, not {length}"):
        Key(bytes(length))


@given(st.binary(min_size=16, max_size=16))
def test_a_key_reveals_its_bytes_to_who_asks_for_them(octets):
    assert bytes(Key(octets)) == octets


def test_a_key_does_not_follow_a_buffer_that_changes():
    buffer = bytearray(16)
    key = Key(buffer)
    buffer[0] = 0xFF
    assert bytes(key) == bytes(16)


@pytest.mark.parametrize(
    "show",
    [repr, str, format, "{}".format, "{0!r}".format, "{0!s}".format, "%s".__mod__, ascii],
    ids=range(8),
)
@given(key=KEYS)
def test_every_key_looks_the_same(show, key):
    assert show(key) == "Key(16 secret bytes)"


@given(KEYS)
def test_keys_of_the_same_bytes_are_equal(key):
    assert key == Key(bytes(key))


@given(KEYS, st.integers(0, 127))
def test_keys_that_differ_in_one_bit_are_not_equal(key, bit):
    flipped = int.from_bytes(bytes(key), "big") ^ 1 << bit
    assert key != Key(flipped.to_bytes(16, "big"))


@pytest.mark.parametrize("other", [bytes(KEY), KEY_TEXT, None, 0])
def test_a_key_equals_nothing_but_a_key(other):
    assert other != KEY


@given(KEYS)
def test_equal_keys_have_equal_hashes(key):
    assert hash(key) == hash(Key(bytes(key)))


@given(KEYS)
def test_a_key_that_went_through_a_pickle_is_the_same(key):
    assert pickle.loads(pickle.dumps(key)) == key


def test_a_key_that_was_used_can_be_pickled():
    key = Key(bytes(KEY))
    key.aes.encrypt(bytes(16))
    assert pickle.loads(pickle.dumps(key)) == KEY


def test_a_key_is_made_ready_once():
    assert KEY.aes is KEY.aes


@pytest.mark.parametrize(
    ("octets", "zero"), [(bytes(16), True), (bytes(15) + b"\1", False), (b"\1" + bytes(15), False)]
)
def test_the_zero_key_is_known(octets, zero):
    assert Key(octets).is_zero is zero


# ---- UIDs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [UID_TEXT, UID_TEXT.lower()], ids=["upper", "lower"])
def test_a_uid_is_read_from_14_hex_digits_of_either_case(text):
    assert Uid.from_hex(text) == bytes.fromhex(UID_TEXT)


@pytest.mark.parametrize("text", broken(UID_TEXT).values(), ids=broken(UID_TEXT))
def test_a_uid_is_read_from_nothing_else(text):
    with pytest.raises(ValueError, match="14 hex digits"):
        Uid.from_hex(text)


@pytest.mark.parametrize("length", [0, 4, 6, 8, 10])
def test_a_uid_has_7_bytes(length):
    with pytest.raises(ValueError, match=f"7 bytes, not {length}"):
        Uid(bytes(length))


@pytest.mark.parametrize("show", [str, "{}".format], ids=range(2))
def test_a_uid_prints_as_capital_hex(show):
    assert show(Uid.from_hex(UID_TEXT.lower())) == UID_TEXT


def test_a_uid_represents_itself_as_what_makes_it():
    assert repr(Uid.from_hex(UID_TEXT)) == f"Uid.from_hex('{UID_TEXT}')"


@given(UIDS)
def test_a_uid_that_went_through_a_pickle_is_still_one(uid):
    assert repr(pickle.loads(pickle.dumps(uid))) == repr(uid)


# ---- generations ----------------------------------------------------------------------------

GENERATIONS = st.builds(Generation, BYTE, BYTE)


@given(GENERATIONS)
def test_a_generation_read_back_from_its_bytes_is_the_same(generation):
    assert Generation.from_bytes(bytes(generation)) == generation


def test_a_generation_is_key_version_then_epoch():
    assert bytes(Generation(key_version=3, epoch=9)) == b"\x03\x09"


@given(GENERATIONS, GENERATIONS)
def test_generations_are_ordered_like_their_bytes(one, other):
    assert (one < other) is (bytes(one) < bytes(other))


@pytest.mark.parametrize("parts", [(-1, 0), (256, 0), (0, -1), (0, 256)])
def test_key_version_and_epoch_are_a_byte_each(parts):
    with pytest.raises(ValueError, match="0 to 255 each"):
        Generation(*parts)


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_generation_has_2_bytes(length):
    with pytest.raises(ValueError, match=f"2 bytes, not {length}"):
        Generation.from_bytes(bytes(length))


# ---- tamper status and PICCDataTag ----------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "ever_opened", "now_open"),
    [
        (b"CC", False, False),
        (b"CO", True, True),
        (b"OC", True, False),
        (b"OO", True, True),
        (b"II", None, None),
    ],
)
def test_a_tamper_status_tells_what_was_and_what_is(octets, ever_opened, now_open):
    status = TamperStatus.from_bytes(octets)
    assert (status.ever_opened, status.now_open) == (ever_opened, now_open)


@pytest.mark.parametrize("status", list(TamperStatus))
def test_a_tamper_status_is_read_from_its_bytes(status):
    assert TamperStatus.from_bytes(bytes(status)) is status


@pytest.mark.parametrize("octets", [b"", b"C", b"cc", b"CI", b"IC", b"CCC", b"00"])
def test_nothing_else_is_a_tamper_status(octets):
    with pytest.raises(ValueError, match="not a valid TamperStatus"):
        TamperStatus.from_bytes(octets)


@pytest.mark.parametrize(
    ("tag", "octet", "shows"),
    [
        (PiccDataTag.UID_AND_COUNTER, 0xC7, (True, True)),
        (PiccDataTag.UID, 0x87, (True, False)),
        (PiccDataTag.COUNTER, 0x40, (False, True)),
    ],
)
def test_the_first_byte_of_picc_data_says_what_follows(tag, octet, shows):
    assert (tag.value, (tag.has_uid, tag.has_counter)) == (octet, shows)
