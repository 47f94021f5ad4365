"""The simulated tag reads and writes files as their settings say (NT4H2421Gx §10.7, §10.8)."""

from __future__ import annotations

import pytest

from ntag424.apdu import Status
from ntag424.testing.simulated_tag import CommMode, OpenPoints, SimulatedTag
from tests.ntag424.testing.hosting import (
    FULL,
    MAC,
    PLAIN,
    TAG_UID,
    ZERO,
    Host,
    blank,
    master_of,
    native,
    opened,
)
from tests.ntag424.testing.reading import ASCII, BOTH, COUNTER, LIMIT, UID, block

READ, WRITE, SETTINGS, CHANGE, COUNTERS = 0xAD, 0x8D, 0xF5, 0x5F, 0xF6
WHOLE_NDEF, NDEF_4 = "02 000000 000000", "02 000000 040000"
PICC_AND_MAC = block(BOTH, "F112", 16, 64, 64)


def tag_with(settings, **options):
    """Give a tag whose file 02 has these settings, as hex or as bytes."""
    if isinstance(settings, str):
        settings = bytes.fromhex(settings)
    options = {"ndef_file": b"abcd"} | options
    return opened(SimulatedTag(uid=TAG_UID, keys=[ZERO] * 5, file_settings=settings, **options))


def host_with(settings, number=0, **options):
    return Host(tag_with(settings, **options)).authenticate(number)


# ---- which mode applies ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "mode"), [("00", PLAIN), ("01", MAC), ("02", PLAIN), ("03", FULL)]
)
@pytest.mark.parametrize("rights", ["F01F", "10FF"], ids=["Read", "ReadWrite"])
def test_a_key_that_grants_reading_reads_in_the_mode_of_the_file(option, mode, rights):
    host = host_with(f"{option} {rights}", 1)
    assert host.send(READ, NDEF_4, mode=mode) == b"abcd"


@pytest.mark.parametrize("option", ["00", "01", "03"])
def test_free_reading_in_a_session_is_plain_whatever_the_file_says(option):
    assert host_with(f"{option} 00E0", 1).send(READ, NDEF_4, mode=PLAIN) == b"abcd"


@pytest.mark.parametrize("option", ["00", "01", "03"])
def test_free_reading_without_a_session_is_plain_whatever_the_file_says(option):
    assert tag_with(f"{option} 00E0").transmit(native(READ, NDEF_4)).data == b"abcd"


@pytest.mark.parametrize(
    ("option", "mode"), [("00", PLAIN), ("01", MAC), ("02", PLAIN), ("03", FULL)]
)
@pytest.mark.parametrize("rights", ["F0E1", "10EF"], ids=["Write", "ReadWrite"])
def test_a_key_that_grants_writing_writes_in_the_mode_of_the_file(option, mode, rights):
    host = host_with(f"{option} {rights}", 1)
    assert host.send(WRITE, NDEF_4, b"wxyz", mode) == b""
    # ReadWrite grants reading by key, and so in the file's mode; Write leaves it free.
    assert host.send(READ, NDEF_4, mode=PLAIN if rights == "F0E1" else mode) == b"wxyz"


@pytest.mark.parametrize("option", ["00", "01", "03"])
def test_free_writing_in_a_session_is_plain_whatever_the_file_says(option):
    assert host_with(f"{option} 00EE", 1).send(WRITE, NDEF_4, b"wxyz", PLAIN) == b""


def test_free_writing_needs_no_session():
    tag = blank()
    assert tag.transmit(native(WRITE, NDEF_4, "77787970")).status == Status.OK
    assert tag.transmit(native(READ, NDEF_4)).data == b"wxyp"


@pytest.mark.parametrize(
    ("rights", "number", "refusal"),
    [
        ("0011", None, Status.AUTHENTICATION_ERROR),
        ("0011", 2, Status.AUTHENTICATION_ERROR),
        ("F0FF", None, Status.PERMISSION_DENIED),
        ("F0FF", 0, Status.PERMISSION_DENIED),
        ("F01F", 0, Status.AUTHENTICATION_ERROR),
    ],
)
def test_reading_is_refused_to_who_has_no_right(rights, number, refusal):
    tag = tag_with("00" + rights)
    if number is not None:
        Host(tag).authenticate(number)
    assert tag.transmit(native(READ, NDEF_4)).status == refusal


@pytest.mark.parametrize(
    ("rights", "number", "refusal"),
    [
        ("00E0", None, Status.AUTHENTICATION_ERROR),
        ("00E0", 1, Status.AUTHENTICATION_ERROR),
        ("F0EF", None, Status.PERMISSION_DENIED),
        ("F0EF", 0, Status.PERMISSION_DENIED),
    ],
)
def test_writing_is_refused_to_who_has_no_right(rights, number, refusal):
    tag = tag_with("00" + rights)
    if number is not None:
        Host(tag).authenticate(number)
    assert tag.transmit(native(WRITE, NDEF_4, "00000000")).status == refusal


def test_sdm_file_read_opens_nothing_to_who_is_authenticated():
    host = host_with(b"\x40\xf0\xff" + PICC_AND_MAC[3:])
    assert host.send(READ, WHOLE_NDEF, mode=PLAIN) == Status.PERMISSION_DENIED


# ---- how much -------------------------------------------------------------------------------


def read_of(mode, length):
    option = {PLAIN: "00", MAC: "01", FULL: "03"}[mode]
    host = host_with(f"{option} 0000")
    return host.send(READ, "02 000000" + length.to_bytes(3, "little").hex(), mode=mode)


@pytest.mark.parametrize(("mode", "most"), [(PLAIN, 256), (MAC, 248), (FULL, 239)])
def test_an_answer_holds_so_much_of_a_file(mode, most):
    assert len(read_of(mode, most)) == most


@pytest.mark.parametrize(("mode", "length"), [(MAC, 249), (FULL, 240), (MAC, 0), (FULL, 0)])
def test_what_no_answer_can_hold_is_refused(mode, length):
    assert read_of(mode, length) == Status.LENGTH_ERROR


@pytest.mark.parametrize(
    ("header", "data", "refusal"),
    [
        ("02 000000 000000", "", Status.PARAMETER_ERROR),
        ("02 000000 000000", "00", Status.PARAMETER_ERROR),
        ("02 000000 020000", "00", Status.LENGTH_ERROR),
        ("02 000000 010000", "0000", Status.LENGTH_ERROR),
        ("02 000000 010000", "", Status.LENGTH_ERROR),
        ("02 FF0000 020000", "0000", Status.BOUNDARY_ERROR),
        ("02 000100 010000", "00", Status.BOUNDARY_ERROR),
        ("04 000000 010000", "00", Status.FILE_NOT_FOUND),
        ("02 000000 0100", "", Status.LENGTH_ERROR),
    ],
)
def test_a_wrong_write_is_refused(header, data, refusal):
    assert blank().transmit(native(WRITE, header, data)).status == refusal


def test_a_write_may_end_with_the_file():
    assert blank().transmit(native(WRITE, "02 FE0000 020000", "0102")).status == Status.OK


def test_a_write_leaves_the_bytes_around_it():
    tag = tag_with("00E0EE", ndef_file=b"\x11" * 256)
    tag.transmit(native(WRITE, "02 010000 020000", "2233"))
    assert tag.transmit(native(READ, NDEF_4)).data == bytes.fromhex("11223311")


@pytest.mark.parametrize(
    ("ins", "header"),
    [(READ, NDEF_4), (WRITE, NDEF_4), (SETTINGS, "02"), (CHANGE, "02"), (COUNTERS, "02")],
)
def test_files_are_unknown_at_the_master_file(ins, header):
    tag = SimulatedTag.blank(TAG_UID)
    assert tag.transmit(native(ins, header)).status == Status.PERMISSION_DENIED


# ---- SDM is for strangers -------------------------------------------------------------------


def test_who_is_authenticated_reads_what_was_written():
    host = host_with(PICC_AND_MAC)
    assert host.send(READ, WHOLE_NDEF, mode=PLAIN) == b"abcd".ljust(256, b"\0")


def test_reading_in_a_session_is_not_counted():
    host = host_with(PICC_AND_MAC)
    host.send(READ, WHOLE_NDEF, mode=PLAIN)
    assert host.tag.read_counter == 0


def test_a_session_reads_on_where_the_counter_is_used_up():
    host = host_with(block(BOTH | LIMIT, "F112", 16, 64, 64, 3), read_counter=3)
    assert host.send(READ, NDEF_4, mode=PLAIN) == b"abcd"


# ---- GetFileSettings, ChangeFileSettings ----------------------------------------------------


def test_get_file_settings_has_a_mac_in_a_session():
    assert master_of(blank()).send(SETTINGS, "03", mode=MAC) == bytes.fromhex("00033023800000")


def test_changed_settings_are_read_back():
    host = master_of(blank())
    host.send(CHANGE, "02", PICC_AND_MAC)
    expected = bytes.fromhex("00 4000E0 000100") + PICC_AND_MAC[3:]
    assert host.send(SETTINGS, "02", mode=MAC) == expected


def test_changed_settings_keep_the_content():
    host = host_with("00E0EE")
    host.send(CHANGE, "02", bytes.fromhex("0000E0"))
    assert host.send(READ, NDEF_4, mode=PLAIN) == b"abcd"


@pytest.mark.parametrize("number", ["01", "03"])
def test_the_other_files_change_their_settings_too(number):
    host = master_of(blank())
    assert host.send(CHANGE, number, bytes.fromhex("0112E3")) == b""
    assert host.send(SETTINGS, number, mode=MAC)[1:4] == bytes.fromhex("0112E3")


@pytest.mark.parametrize("authenticated", [False, True])
def test_free_change_is_plain(authenticated):
    tag = tag_with("000EE0")
    if authenticated:
        master_of(tag)
    assert tag.transmit(native(CHANGE, "02", "0000E0")).status == Status.OK


@pytest.mark.parametrize(
    ("rights", "number", "refusal"),
    [
        ("00E0", None, Status.AUTHENTICATION_ERROR),
        ("00E0", 1, Status.AUTHENTICATION_ERROR),
        ("0FE0", 0, Status.PERMISSION_DENIED),
        ("0FE0", None, Status.PERMISSION_DENIED),
    ],
)
def test_settings_change_for_who_has_the_right_alone(rights, number, refusal):
    tag = tag_with("00" + rights)
    if number is not None:
        Host(tag).authenticate(number)
    assert tag.transmit(native(CHANGE, "02", "0000E0")).status == refusal


@pytest.mark.parametrize(
    ("number", "settings", "refusal"),
    [
        ("01", "4000E0 01 FFFF", Status.PERMISSION_DENIED),
        ("03", "4000E0 01 FFFF", Status.PERMISSION_DENIED),
        ("04", "0000E0", Status.FILE_NOT_FOUND),
        ("02", "0000", Status.LENGTH_ERROR),
        ("02", "0000E000", Status.LENGTH_ERROR),
        ("02", "4000E0", Status.LENGTH_ERROR),
        ("02", "4000E0 C1 FF12 100000 400000", Status.LENGTH_ERROR),
        ("02", "0400E0", Status.PARAMETER_ERROR),
        ("02", "0005E0", Status.PARAMETER_ERROR),
        ("02", "4000E0 C1 FF12 100000 400000 3F0000", Status.PARAMETER_ERROR),
        ("02", "4000E0 61 FFFF 000000", Status.PARAMETER_ERROR),
    ],
)
def test_settings_that_cannot_be_are_refused(number, settings, refusal):
    assert master_of(blank()).send(CHANGE, number, bytes.fromhex(settings)) == refusal


def test_refused_settings_change_nothing():
    tag = blank()
    master_of(tag).send(CHANGE, "02", bytes.fromhex("0400E0"))
    assert tag.transmit(native(SETTINGS, "02")).data[1:4] == bytes.fromhex("00E0EE")


def test_enabling_sdm_starts_the_counter_at_0():
    host = host_with("0000E0", read_counter=7)
    host.send(CHANGE, "02", PICC_AND_MAC)
    assert host.tag.read_counter == 0


@pytest.mark.parametrize(("again", "counter"), [(False, 7), (True, 0)])
def test_settings_that_leave_sdm_on_keep_the_counter_unless_told_otherwise(again, counter):
    points = OpenPoints(counter_starts_again=again)
    host = host_with(PICC_AND_MAC, read_counter=7, open_points=points)
    host.send(CHANGE, "02", block(BOTH, "FF12", 16, 60, 64))
    assert host.tag.read_counter == counter


def test_disabling_sdm_keeps_the_counter():
    host = host_with(PICC_AND_MAC, read_counter=7)
    host.send(CHANGE, "02", bytes.fromhex("0000E0"))
    assert host.tag.read_counter == 7


@pytest.mark.parametrize(("limit", "answer"), [(7, Status.PARAMETER_ERROR), (8, b"")])
def test_a_limit_must_lie_above_the_counter(limit, answer):
    host = host_with(PICC_AND_MAC, read_counter=7)
    settings = block(COUNTER | LIMIT | ASCII, "FFFF", limit)
    assert host.send(CHANGE, "02", settings) == answer


def test_a_limit_is_compared_with_the_counter_as_it_starts():
    host = host_with("0000E0", read_counter=7)
    assert host.send(CHANGE, "02", block(COUNTER | LIMIT | ASCII, "FFFF", 1)) == b""


def test_a_change_of_settings_makes_the_next_tap_mirror():
    host = master_of(blank())
    host.send(CHANGE, "02", block(UID | ASCII, "FFEF", 2))
    host.tag.power_cycle()
    answer = opened(host.tag).transmit(native(READ, "02 020000 0E0000"))
    assert answer.data == TAG_UID.hex().upper().encode()


# ---- GetFileCounters ------------------------------------------------------------------------

FREE_COUNTER = block(BOTH, "FE12", 16, 64, 64)
COUNT_7 = bytes.fromhex("0700000000")


def test_the_key_for_it_reads_the_counter_in_full_mode():
    assert host_with(PICC_AND_MAC, 1, read_counter=7).send(COUNTERS, "02") == COUNT_7


def test_a_free_counter_is_plain_for_strangers():
    answer = tag_with(FREE_COUNTER, read_counter=7).transmit(native(COUNTERS, "02"))
    assert bytes(answer) == COUNT_7 + b"\x91\x00"


@pytest.mark.parametrize(("mode", "sent"), [(CommMode.FULL, FULL), (CommMode.MAC, MAC)])
def test_a_free_counter_in_a_session_has_the_mode_that_was_decided(mode, sent):
    points = OpenPoints(free_counters_mode=mode)
    host = host_with(FREE_COUNTER, read_counter=7, open_points=points)
    assert host.send(COUNTERS, "02", mode=sent) == COUNT_7


def test_a_free_counter_in_a_session_is_in_full_mode_unless_told_otherwise():
    assert host_with(FREE_COUNTER, read_counter=7).send(COUNTERS, "02") == COUNT_7


@pytest.mark.parametrize(
    ("settings", "number", "file_number", "refusal"),
    [
        (PICC_AND_MAC, None, "02", Status.AUTHENTICATION_ERROR),
        (PICC_AND_MAC, 0, "02", Status.AUTHENTICATION_ERROR),
        (block(BOTH, "FF12", 16, 64, 64), 0, "02", Status.PERMISSION_DENIED),
        ("0000E0", 0, "02", Status.PERMISSION_DENIED),
        (FREE_COUNTER, None, "01", Status.PERMISSION_DENIED),
        (FREE_COUNTER, None, "03", Status.PERMISSION_DENIED),
        (FREE_COUNTER, None, "04", Status.FILE_NOT_FOUND),
    ],
)
def test_a_counter_is_refused_to_who_has_no_right(settings, number, file_number, refusal):
    host = Host(tag_with(settings))
    command = native(COUNTERS, file_number)
    if number is not None:
        command = host.authenticate(number).command(COUNTERS, file_number)
    assert host.tag.transmit(command).status == refusal


def test_asking_for_the_counter_ends_a_run_of_reads():
    tag = tag_with(FREE_COUNTER)
    for command in (native(READ, NDEF_4), native(COUNTERS, "02"), native(READ, NDEF_4)):
        tag.transmit(command)
    assert tag.read_counter == 2
