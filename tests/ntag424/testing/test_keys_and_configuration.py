"""The simulated tag changes keys and configuration (NT4H2421Gx §10.5, §10.6)."""

from __future__ import annotations

import zlib

import pytest

from ntag424.apdu import Status
from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from tests.ntag424.testing.hosting import (
    FULL,
    MAC,
    TAG_UID,
    ZERO,
    Host,
    blank,
    in_lrp_mode,
    master_of,
    native,
    opened,
    xored,
)
from tests.ntag424.testing.reading import BOTH, block
from tests.support import vectors

CHANGE_KEY, KEY_VERSION, CONFIGURE, VERSION = 0xC4, 0x64, 0x5C, 0x60
NEW_KEY = bytes(range(16))
BOTH_MODES = pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])


def tag_in(*, lrp):
    return in_lrp_mode() if lrp else blank()


def crc(key):
    return (zlib.crc32(key) ^ 0xFFFFFFFF).to_bytes(4, "little")


def key_data(number, new=NEW_KEY, *, old=ZERO, version=7):
    """Give KeyData in plain."""
    own = new + bytes([version])
    return own if number == 0 else xored(new, old) + bytes([version]) + crc(new)


def change(host, number, *args, **options):
    return host.send(CHANGE_KEY, f"{number:02X}", key_data(number, *args, **options))


def configure(host, option, data):
    return host.send(CONFIGURE, option, bytes.fromhex(data))


# ---- ChangeKey ------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", vectors("chip", "crc32_jam_le"), ids=lambda each: each.id)
def test_the_checksum_of_these_tests_is_that_of_the_application_note(vector):
    assert crc(vector["data"]) == vector["crc_le"]


@BOTH_MODES
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_another_key_is_changed_and_the_session_goes_on(number, lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    assert change(host, number) == b""
    assert host.send(KEY_VERSION, f"{number:02X}", mode=MAC) == b"\x07"
    assert host.authenticate(number, NEW_KEY).is_alive()


@BOTH_MODES
def test_a_change_of_the_key_in_use_is_answered_without_a_mac(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    answer = host.tag.transmit(host.command(CHANGE_KEY, "00", key_data(0)))
    assert bytes(answer) == b"\x91\x00"


@BOTH_MODES
def test_a_change_of_the_key_in_use_ends_the_session(lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    host.tag.transmit(host.command(CHANGE_KEY, "00", key_data(0)))
    assert not host.is_alive()


def test_a_changed_key_0_is_what_authenticates_then():
    host = master_of(blank())
    host.tag.transmit(host.command(CHANGE_KEY, "00", key_data(0)))
    assert host.authenticate(0, NEW_KEY).send(KEY_VERSION, "00", mode=MAC) == b"\x07"


def test_a_key_whose_old_value_was_wrong_stays():
    host = master_of(blank())
    assert change(host, 1, old=NEW_KEY) == Status.INTEGRITY_ERROR
    assert host.authenticate(1).is_alive()


@pytest.mark.parametrize("number", [1, 4])
def test_only_key_0_changes_keys(number):
    host = Host(blank()).authenticate(number)
    assert change(host, number) == Status.AUTHENTICATION_ERROR


def test_a_key_is_not_changed_without_authentication():
    assert blank().transmit(native(CHANGE_KEY, "01")).status == Status.AUTHENTICATION_ERROR


def test_there_is_no_key_5():
    assert change(master_of(blank()), 5) == Status.NO_SUCH_KEY


@pytest.mark.parametrize(
    ("number", "length"), [(0, 16), (0, 18), (0, 21), (1, 17), (1, 20), (1, 22), (1, 16)]
)
def test_key_data_have_one_length(number, length):
    host = master_of(blank())
    assert host.send(CHANGE_KEY, f"0{number}", bytes(length)) == Status.LENGTH_ERROR


def test_keys_are_unknown_at_the_master_file():
    tag = SimulatedTag.blank(TAG_UID)
    assert tag.transmit(native(CHANGE_KEY, "00")).status == Status.PERMISSION_DENIED


# ---- GetKeyVersion --------------------------------------------------------------------------


def test_a_key_version_is_told_to_anybody():
    assert bytes(blank().transmit(native(KEY_VERSION, "04"))) == b"\x00\x91\x00"


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (native(KEY_VERSION, "05"), Status.NO_SUCH_KEY),
        (native(KEY_VERSION), Status.LENGTH_ERROR),
        (native(KEY_VERSION, "0000"), Status.LENGTH_ERROR),
    ],
)
def test_the_version_of_no_key_is_refused(command, refusal):
    assert blank().transmit(command).status == refusal


# ---- SetConfiguration -----------------------------------------------------------------------


@BOTH_MODES
@pytest.mark.parametrize(
    ("option", "data"),
    [
        ("00", "02"),
        ("00", "00"),
        ("04", "0400"),
        ("04", "0000"),
        ("05", "00000000 00 000000 12 34"),
        ("0A", "01 E803 0A00"),
        ("0A", "00 0100 0000"),
        ("0B", "01"),
        ("0B", "00"),
    ],
)
def test_a_configuration_is_confirmed_and_the_session_goes_on(option, data, lrp):
    host = master_of(tag_in(lrp=lrp), lrp=lrp)
    assert configure(host, option, data) == b""
    assert host.is_alive()


@pytest.mark.parametrize(
    ("option", "data", "refusal"),
    [
        ("00", "01", Status.PARAMETER_ERROR),
        ("00", "04", Status.PARAMETER_ERROR),
        ("00", "0202", Status.LENGTH_ERROR),
        ("04", "0004", Status.PARAMETER_ERROR),
        ("04", "04", Status.LENGTH_ERROR),
        ("05", "00000000 01 000000 00 00", Status.PARAMETER_ERROR),
        ("05", "00000001 02 000000 00 00", Status.PARAMETER_ERROR),
        ("05", "00000000 02 000001 00 00", Status.PARAMETER_ERROR),
        ("05", "00000000 02 000000 00", Status.LENGTH_ERROR),
        ("07", "010E", Status.PARAMETER_ERROR),
        ("0A", "02 E803 0A00", Status.PARAMETER_ERROR),
        ("0A", "01 0000 0A00", Status.PARAMETER_ERROR),
        ("0A", "01 E803 0A", Status.LENGTH_ERROR),
        ("0B", "02", Status.PARAMETER_ERROR),
        ("0B", "0100", Status.LENGTH_ERROR),
        ("01", "00", Status.PARAMETER_ERROR),
        ("FF", "00", Status.PARAMETER_ERROR),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(option, data, refusal):
    assert configure(master_of(blank()), option, data) == refusal


def test_a_refused_configuration_changes_nothing():
    host = master_of(blank())
    before = host.tag._card.memory
    configure(host, "0A", "01 0000 0A00")
    assert host.tag._card.memory.failure_rule == before.failure_rule


def test_only_key_0_configures():
    assert configure(Host(blank()).authenticate(1), "0B", "01") == Status.AUTHENTICATION_ERROR


def test_nobody_configures_unauthenticated():
    answer = blank().transmit(native(CONFIGURE, "0B", "01"))
    assert answer.status == Status.AUTHENTICATION_ERROR


@pytest.mark.parametrize(("option", "data"), [("04", "0000"), ("0A", "01E8030A00"), ("0B", "01")])
def test_some_options_need_not_be_confirmed(option, data):
    host = master_of(blank(open_points=OpenPoints(configuration_is_confirmed=False)))
    answer = host.tag.transmit(host.command(CONFIGURE, option, bytes.fromhex(data)))
    assert (bytes(answer), host.is_alive()) == (b"\x91\x00", False)


def test_random_id_is_confirmed_in_any_case():
    host = master_of(blank(open_points=OpenPoints(configuration_is_confirmed=False)))
    assert configure(host, "00", "02") == b""


# ---- what an option does --------------------------------------------------------------------

ENABLE_LRP = "00000000 02 000000 12 34"


def switched_to_lrp(tag):
    host = master_of(tag)
    answer = host.tag.transmit(host.command(CONFIGURE, "05", bytes.fromhex(ENABLE_LRP)))
    assert bytes(answer) == b"\x91\x00"
    return tag


def test_enabling_lrp_ends_the_session():
    host = master_of(blank())
    host.tag.transmit(host.command(CONFIGURE, "05", bytes.fromhex(ENABLE_LRP)))
    assert not host.is_alive()


def test_after_enabling_lrp_the_keys_hold_in_lrp_mode():
    tag = blank()
    change(master_of(tag), 3)
    assert Host(switched_to_lrp(tag), lrp=True).authenticate(3, NEW_KEY).is_alive()


def test_the_capability_bytes_of_the_user_are_told_from_then_on():
    host = master_of(switched_to_lrp(blank()), lrp=True)
    assert host.capabilities[:6] == bytes.fromhex("02 000000 12 34")


def test_lrp_is_final():
    host = master_of(switched_to_lrp(blank()), lrp=True)
    assert configure(host, "05", "00000000 00 000000 00 00") == b""
    assert host.capabilities[:1] == master_of(host.tag, lrp=True).capabilities[:1]


def test_enabling_lrp_turns_sdm_off():
    tag = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=block(BOTH, "FF1F", 224)
    )
    answer = switched_to_lrp(opened(tag)).transmit(native(0xF5, "02"))
    assert answer.data == bytes.fromhex("00 00 00E0 000100")


def test_a_chained_write_is_refused_where_it_was_forbidden():
    host = master_of(blank())
    configure(host, "04", "0400")
    host.authenticate(3)
    answers = [
        host.send(0x8D, "03 000000 5F0000", bytes(95)),
        host.send(0x8D, "03 000000 600000", bytes(96)),
    ]
    assert answers == [b"", Status.PERMISSION_DENIED]


def test_forbidding_chained_writes_is_final():
    host = master_of(blank())
    configure(host, "04", "0400")
    configure(host, "04", "0000")
    host.authenticate(3)
    assert host.send(0x8D, "03 000000 800000", bytes(128)) == Status.PERMISSION_DENIED


def test_a_chained_write_is_allowed_as_delivered():
    host = Host(blank()).authenticate(3)
    assert host.send(0x8D, "03 000000 800000", bytes(128), FULL) == b""


def test_a_chained_plain_write_is_never_forbidden():
    host = master_of(blank())
    configure(host, "04", "0400")
    answer = host.send(0x8D, "02 000000 800000", bytes(128), "plain")
    assert answer == b""


def test_the_order_of_the_messaging_option_may_be_the_other():
    host = master_of(blank(open_points=OpenPoints(secure_messaging_order="big")))
    assert configure(host, "04", "0004") == b""


@pytest.mark.parametrize(("data", "subtype"), [("00", 0x82), ("01", 0x02)])
def test_get_version_tells_the_back_modulation(data, subtype):
    host = master_of(blank())
    configure(host, "0B", data)
    host.tag.power_cycle()
    assert host.tag.transmit(native(VERSION)).data[2] == subtype


def test_enabling_lrp_once_more_leaves_sdm_on():
    settings = block(BOTH, "FF1F", 16)
    tag = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=settings, lrp=True
    )
    host = master_of(opened(tag), lrp=True)
    assert configure(host, "05", ENABLE_LRP) == b""
    assert host.send(0xF5, "02", mode=MAC)[1:4] == settings[:3]
