"""In LRP mode the simulated tag mirrors what a chip in LRP mode does (NT4H2421Gx §9.2, §9.3)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.apdu import CommandApdu
from ntag424.testing.simulated_tag import SimulatedTag, _lrp
from tests.ntag424.testing.reading import (
    APPLICATION,
    ASCII,
    BOTH,
    COUNTER,
    ENC,
    UID,
    block,
    hexed,
    lricb_decrypt,
    read,
)

TAG_UID = bytes.fromhex("04DE5F1EACC040")
KEYS = [bytes([number]) * 16 for number in range(1, 6)]
META_KEY, FILE_KEY = _lrp.LrpKey.base(KEYS[1]), _lrp.LrpKey.base(KEYS[2])
PICC_AT, MAC_AT = 16, 64
PICC = slice(PICC_AT, PICC_AT + 48)
MAC = slice(MAC_AT, MAC_AT + 16)
PICC_AND_MAC = block(BOTH, "FF12", PICC_AT, MAC_AT, MAC_AT)
#: SV for UID and the first count.
VECTOR = bytes.fromhex("00010080") + TAG_UID + bytes.fromhex("010000 1EE1")
#: Plain UID and counter, four blocks of ENC as 128 characters, and a window over all of it.
ENC_AT, ENC_CHARACTERS, ENC_MAC_AT = 32, 128, 160
WITH_ENC = block(BOTH | ENC, "FFE2", 0, 14, 0, ENC_AT, ENC_CHARACTERS, ENC_MAC_AT)


def make_tag(settings=PICC_AND_MAC, **options):
    options = {"ndef_file": b""} | options
    return SimulatedTag(uid=TAG_UID, keys=KEYS, file_settings=settings, lrp=True, **options)


def decrypted_picc(content):
    picc_data = bytes.fromhex(content[PICC].decode())
    return lricb_decrypt(META_KEY, picc_data[:8], picc_data[8:])


def session_keys(vector):
    """Give the MAC key and the ENC key."""
    master = _lrp.cmac(FILE_KEY, vector)
    mac, enc = _lrp.updated_keys(master, 2)
    return _lrp.LrpKey(_lrp.plaintexts(master), mac), _lrp.LrpKey(_lrp.plaintexts(master), enc)


def short_mac(vector, message):
    return hexed(_lrp.cmac(session_keys(vector)[0], message)[1::2])


# ---- PICCData -------------------------------------------------------------------------------


def test_a_tag_in_lrp_mode_mirrors_48_characters_of_picc_data():
    content = read(make_tag(block(BOTH, "FF1F", PICC_AT), ndef_file=b"x" * 256))
    assert re.fullmatch(rb"x{16}[0-9A-F]{48}x{192}", content)


def test_a_tag_is_in_aes_mode_unless_told_otherwise():
    settings = block(BOTH, "FF1F", PICC_AT)
    tag = SimulatedTag(uid=TAG_UID, keys=KEYS, file_settings=settings, ndef_file=b"x" * 256)
    assert re.fullmatch(rb"x{16}[0-9A-F]{32}x{208}", read(tag))


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        (BOTH, bytes.fromhex("C7") + TAG_UID + bytes.fromhex("010000") + b"r" * 5),
        (UID | ASCII, bytes.fromhex("87") + TAG_UID + b"r" * 8),
        (COUNTER | ASCII, bytes.fromhex("40 010000") + b"r" * 12),
    ],
    ids=["both", "UID only", "counter only"],
)
def test_picc_data_carries_what_the_options_ask_for(options, plain):
    tag = make_tag(block(options, "FF1F", PICC_AT), random_bytes=lambda count: b"r" * count)
    assert decrypted_picc(read(tag)) == plain


def test_picc_data_begins_with_picc_rand():
    tag = make_tag(random_bytes={5: bytes(5), 8: b"PICCRand"}.__getitem__)
    assert read(tag)[PICC][:16] == hexed(b"PICCRand")


def test_padding_is_drawn_before_picc_rand():
    drawn = []
    read(make_tag(random_bytes=lambda count: drawn.append(count) or bytes(count)))
    assert drawn == [5, 8]


def test_plain_mirrors_draw_nothing():
    tag = make_tag(block(BOTH, "FFEF", 0, 14), random_bytes={}.__getitem__)
    assert read(tag)[:20] == hexed(TAG_UID) + b"000001"


def test_picc_data_is_made_once_for_a_run_of_reads():
    tag = make_tag()
    tag.transmit(APPLICATION)
    reads = [CommandApdu(0xAD, bytes.fromhex("02 100000 300000")) for _ in range(2)]
    one, two = [tag.transmit(each).data for each in reads]
    assert one == two


def test_the_next_run_has_another_picc_rand():
    tag = make_tag()
    assert read(tag)[PICC][:16] != read(tag)[PICC][:16]


def test_a_random_source_of_the_wrong_length_is_named_for_picc_rand():
    tag = make_tag(random_bytes=lambda count: bytes(min(count, 7)))
    with pytest.raises(ValueError, match=r"random_bytes\(8\) gave 7 bytes"):
        read(tag)


# ---- SDMMAC ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "vector"),
    [
        (PICC_AND_MAC, "00010080 04DE5F1EACC040 010000 1EE1"),
        (block(UID | ASCII, "FF12", 16, 64, 64), "00010080 04DE5F1EACC040 000000 1EE1"),
        (block(COUNTER | ASCII, "FF12", 16, 64, 64), "00010080 010000 00000000000000 1EE1"),
        (block(BOTH, "FFE2", 16, 32, 64, 64), "00010080 04DE5F1EACC040 010000 1EE1"),
        (block(UID | ASCII, "FFE2", 16, 64, 64), "00010080 04DE5F1EACC040 000000 1EE1"),
        (block(COUNTER | ASCII, "FFE2", 32, 64, 64), "00010080 010000 00000000000000 1EE1"),
        (block(BOTH, "FFE2", 16, 0xFFFFFF, 64, 64), "00010080 04DE5F1EACC040 000000 1EE1"),
        (block(ASCII, "FFF2", 64, 64), "00010080 00000000000000 000000 1EE1"),
    ],
    ids=[
        "encrypted both",
        "encrypted UID",
        "encrypted counter",
        "plain both",
        "plain UID",
        "plain counter",
        "counter not mirrored",
        "neither",
    ],
)
def test_the_session_vector_is_zero_filled_before_its_label(settings, vector):
    assert read(make_tag(settings))[MAC] == short_mac(bytes.fromhex(vector), b"")


@pytest.mark.parametrize("start", [0, 15, 16, 17, 48, 63, 64])
def test_the_mac_covers_the_window_as_delivered(start):
    content = read(make_tag(block(BOTH, "FF12", PICC_AT, start, MAC_AT)))
    assert content[MAC] == short_mac(VECTOR, content[start:MAC_AT])


def test_the_mac_covers_encrypted_file_data():
    content = read(make_tag(WITH_ENC))
    assert content[ENC_MAC_AT : ENC_MAC_AT + 16] == short_mac(VECTOR, content[:ENC_MAC_AT])


# ---- SDMENCFileData -------------------------------------------------------------------------

SECRET = bytes(range(0x40, 0x80))


def test_encrypted_file_data_counts_on_from_the_read_counter():
    content = read(make_tag(WITH_ENC, ndef_file=bytes(ENC_AT) + SECRET))
    encrypted = bytes.fromhex(content[ENC_AT : ENC_AT + ENC_CHARACTERS].decode())
    counter = bytes.fromhex("010000 000000")
    assert lricb_decrypt(session_keys(VECTOR)[1], counter, encrypted) == SECRET


def test_a_counter_that_is_not_mirrored_stays_out_of_the_encryption_key():
    settings = block(BOTH | ENC, "FFE2", 0, 0xFFFFFF, 0, ENC_AT, ENC_CHARACTERS, ENC_MAC_AT)
    content = read(make_tag(settings, ndef_file=bytes(ENC_AT) + SECRET))
    encrypted = bytes.fromhex(content[ENC_AT : ENC_AT + ENC_CHARACTERS].decode())
    vector = bytes.fromhex("00010080") + TAG_UID + bytes.fromhex("000000 1EE1")
    counter = bytes.fromhex("010000 000000")
    assert lricb_decrypt(session_keys(vector)[1], counter, encrypted) == SECRET


def test_encrypted_file_data_takes_only_the_first_half_of_its_place():
    one = make_tag(WITH_ENC, ndef_file=bytes(ENC_AT) + SECRET + b"1" * 64)
    two = make_tag(WITH_ENC, ndef_file=bytes(ENC_AT) + SECRET + b"2" * 64)
    assert read(one) == read(two)


# ---- the rest stays as it is ----------------------------------------------------------------


def test_reads_are_counted_in_lrp_mode_too():
    tag = make_tag(read_counter=5)
    read(tag)
    assert tag.read_counter == 6


@given(st.integers(1, 255))
def test_a_file_read_in_two_pieces_is_the_file_read_at_once(cut):
    tag = make_tag()
    tag.transmit(APPLICATION)
    tag.transmit(CommandApdu(0xA4, b"\xe1\x04", cla=0x00, p2=0x0C))
    pieces = [(0, cut), (cut, 0), (0, 0)]
    first, second, whole = [
        tag.transmit(CommandApdu(0xB0, cla=0x00, p2=offset, le=length)).data
        for offset, length in pieces
    ]
    assert first + second == whole


def test_no_part_of_a_tag_in_lrp_mode_shows_a_key():
    tag = make_tag()
    read(tag)
    shown = " ".join(repr(part) for part in vars(tag).values())
    assert not [key for key in KEYS if repr(key) in shown or key.hex() in shown.lower()]
