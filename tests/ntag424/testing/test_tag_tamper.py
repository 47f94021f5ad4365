"""The simulated tag measures, remembers and mirrors its tamper loop (NT4H2421Tx)."""

from __future__ import annotations

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.apdu import CommandApdu
from ntag424.testing.simulated_tag import SimulatedTag, _lrp
from tests.ntag424.testing.reading import (
    ASCII,
    BOTH,
    ENC,
    READ_NDEF,
    TAMPER,
    UID,
    block,
    hexed,
    lricb_decrypt,
    read,
)

TAG_UID = bytes.fromhex("04DE5F1EACC040")
KEYS = [bytes([number]) * 16 for number in range(1, 6)]
TAMPER_AT = 100
STATUS = slice(TAMPER_AT, TAMPER_AT + 2)
STATUS_ALONE = block(TAMPER | ASCII, "FFFF", TAMPER_AT)
GET_VERSION, GET_SETTINGS = CommandApdu(0x60), CommandApdu(0xF5, b"\x02")
UNKNOWN = CommandApdu(0x6F)


def make_tag(settings=STATUS_ALONE, *, tamper=b"CC", ndef_file=b"", **options):
    return SimulatedTag(
        uid=TAG_UID,
        keys=KEYS,
        file_settings=settings,
        ndef_file=ndef_file,
        tamper=tamper,
        **options,
    )


def cmac(key, message):
    return CMAC.new(key, message, ciphermod=AES).digest()


def activated(tag, command=UNKNOWN):
    """Bring the tag into the field again and let it take one command."""
    tag.power_cycle()
    tag.transmit(command)
    return tag


# ---- what is mirrored -----------------------------------------------------------------------


@pytest.mark.parametrize("tamper", [b"CC", b"OC", b"OO", b"II"])
def test_the_status_is_mirrored_as_two_raw_characters(tamper):
    content = read(make_tag(tamper=tamper, ndef_file=b"x" * 256))
    assert content == b"x" * TAMPER_AT + tamper + b"x" * (254 - TAMPER_AT)


def test_a_chip_that_is_not_asked_for_its_status_mirrors_none():
    settings = block(UID | ASCII, "FFEF", 0)
    assert read(make_tag(settings, ndef_file=b"x" * 256)) == hexed(TAG_UID) + b"x" * 242


@pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])
@pytest.mark.parametrize("rights", ["FF1F", "FF12"], ids=["PICCData", "PICCData and MAC"])
def test_the_status_stands_beside_other_mirrors(rights, lrp):
    secured = [] if rights == "FF1F" else [150, 150]
    settings = block(BOTH | TAMPER, rights, 0, TAMPER_AT, *secured)
    assert read(make_tag(settings, tamper=b"OC", lrp=lrp))[STATUS] == b"OC"


def test_the_mac_covers_the_status():
    settings = block(BOTH | TAMPER, "FFE2", 0, 14, TAMPER_AT, TAMPER_AT, TAMPER_AT + 2)
    content = read(make_tag(settings, tamper=b"OO"))
    key = cmac(KEYS[2], bytes.fromhex("3CC300010080") + TAG_UID + b"\x01\0\0")
    assert content[TAMPER_AT + 2 : TAMPER_AT + 18] == hexed(cmac(key, b"OO")[1::2])


def test_the_status_stands_where_a_plain_uid_would():
    settings = block(UID | TAMPER | ASCII, "FFEF", 0, 6)
    assert read(make_tag(settings))[:14] == b"04DE5FCCACC040"


# ---- inside the ciphertext ------------------------------------------------------------------

SECRET = bytes(range(0x60, 0x80))
#: Plain UID and counter, status, window and two blocks of ENC that begin together.
ENC_AT, ENC_MAC_AT = 32, 96


def encrypted_with_status_at(offset, **options):
    settings = block(BOTH | ENC | TAMPER, "FFE2", 0, 14, offset, 32, ENC_AT, 64, ENC_MAC_AT)
    content = read(make_tag(settings, ndef_file=bytes(ENC_AT) + SECRET, **options))
    return bytes.fromhex(content[ENC_AT:ENC_MAC_AT].decode())


@pytest.mark.parametrize("place", [0, 15, 30])
def test_a_status_in_the_plaintext_is_encrypted(place):
    encrypted = encrypted_with_status_at(ENC_AT + place, tamper=b"OC")
    key = cmac(KEYS[2], bytes.fromhex("C33C00010080") + TAG_UID + b"\x01\0\0")
    iv = AES.new(key, AES.MODE_ECB).encrypt(b"\x01" + bytes(15))
    plain = AES.new(key, AES.MODE_CBC, iv=iv).decrypt(encrypted)
    assert plain == SECRET[:place] + b"OC" + SECRET[place + 2 :]


def test_a_status_in_the_plaintext_is_encrypted_with_lrp():
    encrypted = encrypted_with_status_at(ENC_AT, tamper=b"OC", lrp=True)
    vector = bytes.fromhex("00010080") + TAG_UID + bytes.fromhex("010000 1EE1")
    master = _lrp.cmac(_lrp.LrpKey.base(KEYS[2]), vector)
    key = _lrp.LrpKey(_lrp.plaintexts(master), _lrp.updated_keys(master, 2)[1])
    plain = lricb_decrypt(key, bytes.fromhex("010000 000000"), encrypted)
    assert plain == b"OC" + SECRET[2:]


# ---- when the loop is measured --------------------------------------------------------------


def test_a_loop_that_is_open_is_measured_open():
    tag = make_tag()
    tag.open_loop()
    assert read(activated(tag))[STATUS] == b"OO"


def test_an_open_loop_is_remembered_after_it_was_closed():
    tag = make_tag()
    tag.open_loop()
    read(tag)
    tag.close_loop()
    assert read(activated(tag))[STATUS] == b"OC"


@pytest.mark.parametrize("command", [GET_VERSION, UNKNOWN], ids=["GetVersion", "unknown"])
def test_the_first_command_of_an_activation_measures_whatever_it_is(command):
    tag = make_tag()
    tag.open_loop()
    activated(tag, command)
    tag.close_loop()
    assert read(activated(tag))[STATUS] == b"OC"


def test_a_new_tag_measures_at_its_first_command():
    tag = make_tag()
    tag.open_loop()
    tag.transmit(UNKNOWN)
    tag.close_loop()
    assert read(tag)[STATUS] == b"OC"


def test_a_loop_opened_between_activations_goes_unnoticed():
    tag = make_tag()
    tag.open_loop()
    tag.close_loop()
    assert read(activated(tag))[STATUS] == b"CC"


def test_a_later_command_that_mirrors_nothing_does_not_measure():
    tag = activated(make_tag())
    tag.open_loop()
    tag.transmit(GET_SETTINGS)
    tag.close_loop()
    assert read(tag)[STATUS] == b"CC"


def test_a_run_of_reads_measures_where_it_mirrors_the_status():
    tag = activated(make_tag())
    tag.open_loop()
    assert read(tag)[STATUS] == b"OO"


def test_a_run_of_reads_delivers_one_status():
    tag = make_tag()
    read(tag)
    tag.open_loop()
    assert tag.transmit(READ_NDEF).data[STATUS] == b"CC"


def test_a_loop_that_was_open_at_first_can_be_closed():
    tag = make_tag(tamper=b"OO")
    tag.close_loop()
    assert read(tag)[STATUS] == b"OC"


def test_a_phone_sees_the_status():
    tag = make_tag(ndef_file=b"\x00\xfe")
    tag.open_loop()
    assert tag.tap()[STATUS] == b"OO"


def test_a_chip_with_the_feature_off_measures_nothing():
    tag = make_tag(tamper=b"II")
    tag.open_loop()
    assert read(activated(tag))[STATUS] == b"II"


# ---- which chip it is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tamper", "subtype"), [(None, 0x02), (b"CC", 0x08), (b"II", 0x08)], ids=["none", "on", "off"]
)
def test_get_version_tells_a_tag_tamper_chip(tamper, subtype):
    tag = make_tag(bytes.fromhex("0000E0"), tamper=tamper)
    assert tag.transmit(GET_VERSION).data == bytes([4, 4, subtype, 0x30, 0, 0x11, 5])


@pytest.mark.parametrize("change", [SimulatedTag.open_loop, SimulatedTag.close_loop])
def test_a_chip_without_a_loop_has_none_to_change(change):
    tag = make_tag(bytes.fromhex("0000E0"), tamper=None)
    with pytest.raises(ValueError, match="no tamper loop"):
        change(tag)


@pytest.mark.parametrize("status", [b"", b"C", b"CO", b"IC", b"CCC", b"cc", b"\x00\x00"])
def test_a_status_no_chip_can_be_in_is_refused(status):
    with pytest.raises(ValueError, match="CC, OC, OO or II"):
        make_tag(tamper=status)
