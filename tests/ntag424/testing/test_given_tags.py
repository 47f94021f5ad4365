"""What a simulated tag holds can be given, down to settings that no chip would take."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424 import Key, UrlTemplate
from ntag424.apdu import CommandApdu, Status
from ntag424.keys import An10922Keys
from ntag424.testing import SimulatedTag, tap_source
from tests.ntag424.testing.hosting import (
    MAC,
    TAG_UID,
    ZERO,
    Host,
    aes_cmac,
    blank,
    master_of,
    native,
    opened,
)
from tests.ntag424.testing.reading import (
    ASCII,
    BOTH,
    COUNTER,
    ENC,
    LIMIT,
    TAMPER,
    UID,
    block,
    hexed,
    read,
)

SETTINGS, READ, CHANGE, VERSION, KEY_VERSION = 0xF5, 0xAD, 0x5F, 0x60, 0x64
FACTORY = bytes.fromhex("00E0EE")


def tag_with(**given):
    common = {"uid": TAG_UID, "keys": [ZERO] * 5, "ndef_file": b"", "file_settings": FACTORY}
    return opened(SimulatedTag(**common | given))


def content(tag, number, size):
    return tag.transmit(native(READ, f"{number:02X} 000000 {size:02X}0000")).data


def version(tag):
    frames = [tag.transmit(CommandApdu(ins)).data for ins in (VERSION, 0xAF, 0xAF)]
    return b"".join(frames).hex().upper()


# ---- files, keys, production ----------------------------------------------------------------


def test_the_capability_container_can_be_given():
    assert content(tag_with(cc_file=b"\x00\x0fabc"), 1, 32) == b"\x00\x0fabc".ljust(32, b"\0")


def test_the_proprietary_file_can_be_given():
    tag = tag_with(proprietary_file=b"abc", proprietary_settings=bytes.fromhex("0000E0"))
    assert content(tag, 3, 128) == b"abc".ljust(128, b"\0")


@pytest.mark.parametrize(
    ("given", "number", "answer"),
    [
        ({"cc_settings": bytes.fromhex("00F0FF")}, "01", "0000F0FF200000"),
        ({"proprietary_settings": bytes.fromhex("033F23")}, "03", "00033F23800000"),
    ],
)
def test_the_settings_of_the_other_files_can_be_given(given, number, answer):
    tag = tag_with(**given)
    assert tag.transmit(native(SETTINGS, number)).data == bytes.fromhex(answer)


def test_what_is_not_given_is_as_delivered():
    tag, delivered = tag_with(), blank()
    assert tag._card.memory == delivered._card.memory


def test_key_versions_can_be_given():
    tag = tag_with(key_versions=[0, 1, 2, 3, 255])
    answers = [tag.transmit(native(KEY_VERSION, f"{number:02X}")).data for number in range(5)]
    assert answers == [b"\0", b"\1", b"\2", b"\3", b"\xff"]


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, "04040230001105" + "04040201021105" + TAG_UID.hex() + "00000000000124"),
        (
            {
                "hardware": bytes.fromhex("04048830001105"),
                "software": bytes.fromhex("04040201011105"),
                "production": bytes.fromhex("CF3949D1000A1B7F"),
            },
            "04048830001105" + "04040201011105" + TAG_UID.hex() + "CF3949D1000A1B7F",
        ),
    ],
    ids=["as delivered", "given"],
)
def test_get_version_answers_what_was_given(given, answer):
    assert version(tag_with(**given)) == answer.upper()


def test_back_modulation_can_be_configured_whatever_hardware_was_given():
    tag = tag_with(hardware=bytes.fromhex("04048230001105"))
    assert master_of(tag).send(0x5C, "0B", b"\1") == b""
    assert version(opened(tag))[4:6] == "02"


IMPOSSIBLE = {
    "a long capability container": ({"cc_file": bytes(33)}, "container has 32 bytes, not 33"),
    "a long proprietary file": ({"proprietary_file": bytes(129)}, "file has 128 bytes, not 129"),
    "SDM on the capability container": (
        {"cc_settings": block(BOTH, "FF1F", 0)},
        "container has no Secure Dynamic Messaging",
    ),
    "reserved bits": ({"proprietary_settings": bytes.fromhex("0400E0")}, "reserved bits"),
    "four key versions": ({"key_versions": [0] * 4}, "a version each, not 4"),
    "a key version of two bytes": ({"key_versions": [0, 0, 0, 0, 256]}, "is one byte, not 256"),
    "hardware of 6 bytes": ({"hardware": bytes(6)}, "7 bytes of hardware"),
    "software of 8 bytes": ({"software": bytes(8)}, "7 of software"),
    "production of 9 bytes": ({"production": bytes(9)}, "7 or 8 bytes"),
}


@pytest.mark.parametrize(("given", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_no_chip_holds_is_not_given_by_constructor(given, reason):
    with pytest.raises(ValueError, match=reason):
        tag_with(**given)


# ---- settings by force ----------------------------------------------------------------------

FORCED = {
    "a reserved bit of FileOption": bytes.fromhex("0400E0"),
    "conditions of no key": bytes.fromhex("005678"),
    "SDM without a block": bytes.fromhex("4000E0"),
    "half an SDM block": bytes.fromhex("4000E0C1FF"),
    "items cut off": block(BOTH | ENC, "FF12", 32, 64)[:-1],
    "bytes behind the last item": block(BOTH, "FF1F", 32) + b"\1\2\3\4",
    "binary mirrors": block(UID | COUNTER, "FFEF", 0, 20),
    "reserved bits of SDMOptions": block(BOTH | 0x06, "FFEF", 0, 20),
    "a tamper status without a loop": block(BOTH | TAMPER, "FFEF", 0, 20, 40),
    "SDMFileRead free": block(BOTH, "FF1E", 0, 40, 40),
    "every mirror in one place": block(BOTH | ENC, "FF12", 32, 32, 32, 64, 32),
    "a MAC window reversed": block(BOTH, "FF12", 0, 100, 40),
    "mirrors beyond the file": block(BOTH, "FFEF", 0xFFFFFE, 250),
    "half a block of ENC": block(BOTH | ENC, "FF12", 0, 60, 60, 48, 120),
    "a limit of 0": block(BOTH | LIMIT, "FFEF", 0, 20, 0),
}


@pytest.mark.parametrize("settings", FORCED.values(), ids=FORCED)
def test_settings_that_no_chip_takes_are_given_back_as_they_are(settings):
    tag = blank()
    tag.force_settings(2, settings)
    answer = tag.transmit(native(SETTINGS, "02")).data
    assert answer == b"\0" + settings[:3] + bytes.fromhex("000100") + settings[3:]


CLOSED = {"conditions of no key", "a limit of 0"}


@pytest.mark.parametrize("name", FORCED)
def test_a_file_with_such_settings_is_read_wholly_or_not_at_all(name):
    tag = tag_with(ndef_file=b"x" * 256)
    tag.force_settings(2, FORCED[name])
    answer = tag.transmit(native(READ, "02 000000 000000"))
    due = (Status.PERMISSION_DENIED, 0) if name in CLOSED else (Status.OK, 256)
    assert (answer.status, len(answer.data)) == due


@pytest.mark.parametrize("settings", FORCED.values(), ids=FORCED)
def test_such_settings_are_impossible_by_constructor(settings):
    with pytest.raises(ValueError, match=r"."):
        tag_with(file_settings=settings)


@given(st.binary(min_size=3, max_size=40), st.booleans(), st.sampled_from([None, b"CC"]))
def test_no_settings_by_force_break_the_tag(settings, lrp, tamper):
    tag = tag_with(lrp=lrp, tamper=tamper, ndef_file=b"x" * 256)
    tag.force_settings(2, settings)
    answer = tag.transmit(native(READ, "02 000000 000000"))
    assert (answer.status, len(answer.data)) in {
        (Status.OK, 256),
        (Status.AUTHENTICATION_ERROR, 0),
        (Status.PERMISSION_DENIED, 0),
    }


POSSIBLE = {
    "no SDM": FACTORY,
    "encrypted PICCData and MAC": block(BOTH, "FF12", 32, 64, 64),
    "plain UID, counter, ENC, MAC, limit": block(
        BOTH | ENC | LIMIT, "F1E2", 32, 46, 64, 64, 64, 128, 5
    ),
    "a counter that is not mirrored": block(COUNTER | ASCII, "FFEF", 0xFFFFFF),
    "a tamper status": block(BOTH | TAMPER, "FFEF", 0, 20, 40),
}


@pytest.mark.parametrize("settings", POSSIBLE.values(), ids=POSSIBLE)
def test_settings_that_are_possible_are_the_same_by_force(settings):
    changed, forced = blank(tamper=b"CC"), blank(tamper=b"CC")
    assert master_of(changed).send(CHANGE, "02", settings) == b""
    forced.force_settings(2, settings)
    assert forced._card.memory.files[2] == changed._card.memory.files[2]


@pytest.mark.parametrize(
    ("rights", "refusal"),
    [("7F56", Status.PERMISSION_DENIED), ("7F16", Status.AUTHENTICATION_ERROR)],
    ids=["reserved conditions alone", "beside a key"],
)
def test_a_reserved_condition_lets_nobody_pass(rights, refusal):
    tag = blank()
    tag.force_settings(2, bytes.fromhex("00" + rights))
    assert tag.transmit(native(READ, "02 000000 040000")).status == refusal


def test_a_mirror_is_cut_at_the_end_of_the_file():
    tag = tag_with(ndef_file=b"." * 256)
    tag.force_settings(2, block(UID | ASCII, "FFEF", 250))
    assert read(tag) == b"." * 250 + hexed(TAG_UID)[:6]


def test_mirrors_overwrite_each_other_in_their_order():
    tag = tag_with(ndef_file=b"." * 256)
    tag.force_settings(2, block(BOTH, "FFEF", 0, 4))
    assert read(tag)[:14] == hexed(TAG_UID)[:4] + b"000001" + hexed(TAG_UID)[10:]


def test_a_reversed_window_gives_the_mac_of_nothing():
    tag = tag_with(ndef_file=b"." * 256)
    tag.force_settings(2, block(BOTH, "FF12", 0, 100, 40))
    vector = bytes.fromhex("3CC300010080") + TAG_UID + bytes.fromhex("010000")
    assert read(tag)[40:56] == hexed(aes_cmac(aes_cmac(ZERO, vector), b"")[1::2])


def test_only_the_ndef_file_mirrors():
    tag = tag_with(proprietary_file=b"." * 128)
    tag.force_settings(3, bytes.fromhex("40EEEE") + block(UID | ASCII, "FFEF", 0)[3:])
    assert content(tag, 3, 128) == b"." * 128


def test_a_counter_above_its_limit_is_read_no_more():
    tag = tag_with(read_counter=9)
    tag.force_settings(2, bytes.fromhex("40EEEE") + block(BOTH | LIMIT, "FFEF", 0, 20, 5)[3:])
    assert tag.transmit(native(READ, "02 000000 040000")).status == Status.PERMISSION_DENIED


def test_settings_by_force_can_be_changed_as_their_change_right_says():
    tag = blank()
    tag.force_settings(2, bytes.fromhex("0400E0"))
    assert master_of(tag).send(CHANGE, "02", FACTORY) == b""


def test_a_chip_with_settings_by_force_can_be_switched_to_lrp():
    tag = blank()
    tag.force_settings(2, bytes.fromhex("4400E0"))
    host = master_of(tag)
    command = host.command(0x5C, "05", bytes.fromhex("00000000020000000000"))
    assert tag.transmit(command).status == Status.OK
    assert Host(tag, lrp=True).authenticate().send(SETTINGS, "02", mode=MAC)[1:4] == bytes.fromhex(
        "0400E0"
    )


@pytest.mark.parametrize("number", [0, 4])
def test_settings_are_forced_on_files_alone(number):
    with pytest.raises(ValueError, match="numbered 1 to 3"):
        blank().force_settings(number, FACTORY)


def test_settings_by_force_have_three_bytes_at_least():
    with pytest.raises(ValueError, match="at least FileOption"):
        blank().force_settings(2, b"\0\0")


# ---- on disk --------------------------------------------------------------------------------


def given_tag():
    tag = tag_with(
        key_versions=[1, 2, 3, 4, 5],
        hardware=bytes.fromhex("04048830001105"),
        software=bytes.fromhex("04040201011105"),
        production=bytes.fromhex("CF3949D1000A1B7F"),
    )
    tag.force_settings(2, FORCED["every mirror in one place"])
    tag.force_settings(3, block(BOTH, "FF1F", 200))
    return tag


def test_what_was_given_is_there_after_loading(tmp_path):
    tag = given_tag()
    tag.save(tmp_path / "tag.json")
    assert SimulatedTag.load(tmp_path / "tag.json")._card.memory == tag._card.memory


@pytest.mark.parametrize("tamper", [None, b"CC"])
def test_a_tag_saved_before_production_data_could_be_given_has_those_of_its_chip(tamper, tmp_path):
    tag, path = blank(tamper=tamper), tmp_path / "tag.json"
    tag.save(path)
    saved = json.loads(path.read_text()) | {"format": "ntag424 simulated tag 1"}
    for name in ("hardware", "software", "production"):
        del saved[name]
    path.write_text(json.dumps(saved))
    assert SimulatedTag.load(path)._card.memory == tag._card.memory


# ---- random numbers -------------------------------------------------------------------------

TEMPLATE = UrlTemplate("https://example.org/t?p={picc}&m={mac}")
KEYS = An10922Keys(Key(b"1" * 16))


def taps(random_bytes):
    source = tap_source(TEMPLATE, KEYS, TAG_UID, random_bytes=random_bytes)
    return [source.tap() for _ in range(3)]


def test_taps_from_the_same_random_numbers_are_the_same():
    assert taps(random.Random(7).randbytes) == taps(random.Random(7).randbytes)


def test_taps_from_other_random_numbers_are_others():
    assert set(taps(random.Random(7).randbytes)).isdisjoint(taps(random.Random(8).randbytes))
