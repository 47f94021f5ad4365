"""The simulated tag says who it is: activation, GetVersion, UID, signature, tamper status."""

from __future__ import annotations

import itertools

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag import SimulatedTag
from tests.ntag424.testing.hosting import (
    FULL,
    MAC,
    TAG_UID,
    Host,
    blank,
    in_lrp_mode,
    master_of,
    native,
    opened,
)

CONFIGURE, CARD_UID, SIGNATURE, TAMPER = 0x5C, 0x51, 0x3C, 0xF7
SIGNED = bytes(range(56))
BOTH_MODES = pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])


def with_random_id(**options):
    """Give a tag whose Random ID was just switched on."""
    host = master_of(blank(**options))
    assert host.send(CONFIGURE, "00", b"\x02") == b""
    return host.tag


# ---- as delivered ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "settings"),
    [(1, "00 0000E0 200000"), (2, "00 00E0EE 000100"), (3, "00 033023 800000")],
)
def test_a_blank_tag_has_the_settings_of_delivery(number, settings):
    assert blank().transmit(CommandApdu(0xF5, bytes([number]))).data == bytes.fromhex(settings)


def test_a_blank_tag_has_an_empty_ndef_file():
    assert blank().transmit(native(0xAD, "02 000000 000000")).data == bytes(256)


def test_a_blank_tag_has_an_empty_proprietary_file():
    host = Host(blank()).authenticate(2)
    assert host.send(0xAD, "03 000000 800000") == bytes(128)


@pytest.mark.parametrize("number", range(5))
def test_a_blank_tag_has_keys_of_version_0(number):
    assert blank().transmit(CommandApdu(0x64, bytes([number]))).data == b"\x00"


def test_two_tags_do_not_draw_the_same_randomness():
    challenges = [blank().transmit(native(0x71, "0000")).data for _ in range(2)]
    assert challenges[0] != challenges[1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"uid": bytes(4)}, "UID has 7 bytes"),
        ({"signature": bytes(55)}, "56 bytes, not 55"),
        ({"tamper": b"??"}, "CC, OC, OO or II"),
    ],
)
def test_a_blank_tag_that_cannot_exist_is_refused(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        SimulatedTag.blank(**({"uid": TAG_UID} | wrong))


# ---- activation -----------------------------------------------------------------------------


def test_the_constants_of_activation_are_those_of_the_chip():
    assert (SimulatedTag.ats.hex(), SimulatedTag.atr.hex()) == ("067777710280", "3b8180018080")


def test_a_reader_finds_the_uid():
    assert blank().anticollision_uid == TAG_UID


def test_random_id_does_not_show_before_the_next_activation():
    assert with_random_id().anticollision_uid == TAG_UID


def test_a_random_id_has_four_bytes_that_begin_with_08():
    tag = with_random_id(random_bytes=lambda count: b"r" * count)
    tag.power_cycle()
    assert tag.anticollision_uid == b"\x08rrr"


def test_a_random_id_is_another_one_at_each_activation():
    numbers = itertools.count()
    tag = with_random_id(random_bytes=lambda count: bytes([next(numbers)]) * count)
    tag.power_cycle()
    one = tag.anticollision_uid
    tag.power_cycle()
    assert tag.anticollision_uid != one


def test_a_random_id_stays_during_an_activation():
    tag = with_random_id()
    tag.power_cycle()
    one = tag.anticollision_uid
    opened(tag)
    assert tag.anticollision_uid == one


def test_random_id_is_final():
    host = master_of(with_random_id())
    assert host.send(CONFIGURE, "00", b"\x00") == b""
    host.tag.power_cycle()
    assert len(host.tag.anticollision_uid) == 4


# ---- the true UID ---------------------------------------------------------------------------


@BOTH_MODES
@pytest.mark.parametrize("number", range(5))
def test_any_key_gets_the_uid(number, lrp):
    tag = in_lrp_mode() if lrp else blank()
    assert Host(tag, lrp=lrp).authenticate(number).send(CARD_UID) == TAG_UID


def test_nobody_gets_the_uid_unauthenticated():
    assert blank().transmit(native(CARD_UID)).status == Status.AUTHENTICATION_ERROR


def test_with_random_id_the_uid_is_still_told_to_who_is_authenticated():
    tag = with_random_id()
    tag.power_cycle()
    assert master_of(opened(tag)).send(CARD_UID) == TAG_UID


def version(tag):
    return b"".join(tag.transmit(native(ins)).data for ins in (0x60, 0xAF, 0xAF))


def test_with_random_id_get_version_hides_the_uid():
    tag = with_random_id()
    tag.power_cycle()
    assert version(tag)[14:21] == bytes(7)


def test_without_random_id_get_version_tells_the_uid():
    assert version(blank())[14:21] == TAG_UID


# ---- Read_Sig -------------------------------------------------------------------------------


def test_the_signature_is_read_at_the_master_file_too():
    tag = SimulatedTag.blank(TAG_UID, signature=SIGNED)
    assert bytes(tag.transmit(native(SIGNATURE, "00"))) == SIGNED + b"\x91\x90"


@BOTH_MODES
def test_in_a_session_the_signature_is_encrypted(lrp):
    tag = in_lrp_mode(signature=SIGNED) if lrp else blank(signature=SIGNED)
    assert Host(tag, lrp=lrp).authenticate(1).send(SIGNATURE, "00") == SIGNED


def test_a_tag_that_is_given_no_signature_has_zeros():
    assert blank().transmit(native(SIGNATURE, "00")).data == bytes(56)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ("", Status.COMMAND_FORMAT),
        ("0000", Status.COMMAND_FORMAT),
        ("01", Status.COMMAND_FORMAT),
    ],
)
def test_the_signature_has_one_address(data, refusal):
    assert blank().transmit(native(SIGNATURE, data)).status == refusal


def test_a_wrong_mac_of_read_sig_has_its_own_word():
    tag = master_of(blank()).tag
    assert tag.transmit(native(SIGNATURE, "00", "00" * 8)).status == Status.COMMAND_NOT_FOUND


def test_with_random_id_the_signature_is_refused_to_strangers():
    tag = with_random_id()
    tag.power_cycle()
    assert tag.transmit(native(SIGNATURE, "00")).status == Status.COMMAND_NOT_FOUND


def test_with_random_id_any_key_gets_the_signature():
    tag = with_random_id(signature=SIGNED)
    tag.power_cycle()
    assert Host(opened(tag)).authenticate(4).send(SIGNATURE, "00") == SIGNED


# ---- GetTTStatus ----------------------------------------------------------------------------


def test_a_chip_without_a_loop_does_not_know_the_command():
    assert blank().transmit(native(TAMPER)).status == Status.ILLEGAL_COMMAND_CODE


@pytest.mark.parametrize("tamper", [b"CC", b"OC", b"OO", b"II"])
def test_the_status_is_told_to_anybody_as_delivered(tamper):
    assert bytes(blank(tamper=tamper).transmit(native(TAMPER))) == tamper + b"\x91\x00"


@BOTH_MODES
def test_in_a_session_the_status_is_encrypted(lrp):
    tag = in_lrp_mode(tamper=b"OC") if lrp else blank(tamper=b"OC")
    assert Host(tag, lrp=lrp).authenticate(1).send(TAMPER) == b"OC"


def test_asking_for_the_status_measures():
    tag = blank(tamper=b"CC")
    tag.open_loop()
    assert tag.transmit(native(TAMPER)).data == b"OO"


def configured(data, tamper=b"CC"):
    host = master_of(blank(tamper=tamper))
    assert host.send(CONFIGURE, "07", bytes.fromhex(data)) == b""
    return host


def test_the_status_can_be_kept_for_one_key():
    host = configured("0102")
    assert host.send(TAMPER) == Status.AUTHENTICATION_ERROR
    assert host.authenticate(2).send(TAMPER) == b"CC"


@pytest.mark.parametrize(
    ("key", "refusal"),
    [("02", Status.AUTHENTICATION_ERROR), ("0F", Status.PERMISSION_DENIED)],
)
def test_the_status_is_refused_to_strangers_where_it_is_kept(key, refusal):
    tag = configured("01" + key).tag
    tag.power_cycle()
    assert opened(tag).transmit(native(TAMPER)).status == refusal


def test_a_status_for_nobody_is_refused_to_key_0():
    assert configured("010F").send(TAMPER) == Status.PERMISSION_DENIED


def test_an_enabled_loop_is_measured_from_the_next_activation_on():
    host = configured("010E", tamper=b"II")
    before = host.send(TAMPER)
    host.tag.power_cycle()
    after = opened(host.tag).transmit(native(TAMPER)).data
    assert (before, after) == (b"II", b"CC")


def test_an_enabled_loop_stays_enabled():
    host = configured("010E", tamper=b"II")
    host.send(CONFIGURE, "07", bytes.fromhex("000E"))
    host.tag.power_cycle()
    assert opened(host.tag).transmit(native(TAMPER)).data == b"CC"


def test_a_loop_that_is_not_enabled_stays_off():
    tag = configured("000E", tamper=b"II").tag
    tag.power_cycle()
    assert opened(tag).transmit(native(TAMPER)).data == b"II"


@pytest.mark.parametrize("data", ["0105", "02 0E", "010D"])
def test_a_tamper_configuration_that_cannot_be_is_refused(data):
    host = master_of(blank(tamper=b"II"))
    answer = host.send(CONFIGURE, "07", bytes.fromhex(data))
    assert answer == Status.PARAMETER_ERROR


@pytest.mark.parametrize("mode", [MAC, FULL])
def test_asking_for_the_status_takes_no_data(mode):
    host = master_of(blank(tamper=b"CC"))
    assert host.send(TAMPER, data=b"\x00", mode=mode) == Status.LENGTH_ERROR
