"""The simulated tag answers any octets, as a chip would, and never breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.apdu import ResponseApdu
from ntag424.testing.simulated_tag import SimulatedTag
from tests.ntag424.testing.hosting import TAG_UID, Host, blank, master_of, opened
from tests.ntag424.testing.reading import BOTH, block

SELECT = bytes.fromhex("00A4040C07D276000085010100")
KEYS = [bytes(16)] * 5


def test_a_command_is_answered_with_data_and_status():
    answer = SimulatedTag.blank(TAG_UID).exchange(bytes.fromhex("9060000000"))
    assert answer == bytes.fromhex("04040230001105 91AF")


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        ("", "6700"),
        ("00", "6700"),
        ("00A404", "6700"),
        ("90600000 0000", "917E"),
        ("90F50000 0502", "917E"),
        ("00A40000 000002E104", "6700"),
        ("80", "6E00"),
        ("FF", "6E00"),
        ("80CA0000 0502", "6E00"),
        ("80CA0000", "6E00"),
        ("60", "6E00"),
    ],
)
def test_what_is_no_command_is_refused(octets, answer):
    assert blank().exchange(bytes.fromhex(octets)) == bytes.fromhex(answer)


def test_what_is_no_command_breaks_off_an_open_one():
    tag = blank()
    tag.exchange(bytes.fromhex("9060000000"))
    tag.exchange(b"")
    assert tag.exchange(bytes.fromhex("90AF000000")) == bytes.fromhex("911C")


def test_what_is_no_command_ends_a_run_of_reads():
    tag = SimulatedTag(
        uid=TAG_UID, keys=KEYS, ndef_file=b"", file_settings=block(BOTH, "FF1F", 16)
    )
    opened(tag)
    read = bytes.fromhex("90AD0000070200000000000000")
    for octets in (read, b"", read):
        tag.exchange(octets)
    assert tag.read_counter == 2


INSTRUCTIONS = st.sampled_from(
    [0x3C, 0x51, 0x5C, 0x5F, 0x60, 0x64, 0x71, 0x77, 0x8D, 0xAD, 0xAF, 0xC4, 0xF5, 0xF6, 0xF7]
)
ISO = st.sampled_from([0xA4, 0xB0, 0xD6])


def apdu(head, data):
    return bytes(head) + (bytes([len(data)]) + data if data else b"") + b"\x00"


SHORT = st.binary(max_size=12) | st.binary(max_size=255)
NATIVE = st.builds(lambda ins, data: apdu([0x90, ins, 0, 0], data), INSTRUCTIONS, SHORT)
OTHER = st.builds(
    lambda ins, p1, p2, data: apdu([0, ins, p1, p2], data),
    ISO,
    st.integers(0, 255),
    st.integers(0, 255),
    st.just(b"") | SHORT,
)
OCTETS = st.lists(NATIVE | OTHER | st.binary(max_size=300), max_size=12)


def tags():
    settings = block(BOTH, "FE1F", 16)
    common = {"uid": TAG_UID, "keys": KEYS, "ndef_file": b"", "tamper": b"CC"}
    return [SimulatedTag(**common, file_settings=settings, lrp=lrp) for lrp in (False, True)]


@given(OCTETS)
def test_no_octets_break_the_tag(conversation):
    for tag in tags():
        tag.exchange(SELECT)
        for octets in conversation:
            ResponseApdu.from_bytes(tag.exchange(octets))


@given(st.lists(st.tuples(INSTRUCTIONS, st.binary(max_size=32)), max_size=6))
def test_no_secured_command_breaks_the_tag(commands):
    tag = blank(tamper=b"CC")
    for ins, data in commands:
        tag.power_cycle()
        host = master_of(opened(tag))
        if ins not in {0xC4, 0x5C}:
            command = host.command(ins, data[:1].hex(), data[1:])
            ResponseApdu.from_bytes(tag.exchange(bytes(command)))


@given(st.integers(0, 255), st.binary(max_size=24))
def test_no_configuration_breaks_the_tag(option, data):
    host = Host(blank(tamper=b"II")).authenticate()
    command = host.command(0x5C, f"{option:02X}", data)
    ResponseApdu.from_bytes(host.tag.exchange(bytes(command)))


@given(st.binary(min_size=3, max_size=34))
def test_no_settings_break_the_tag(settings):
    host = Host(blank(tamper=b"II")).authenticate()
    command = host.command(0x5F, "02", settings)
    ResponseApdu.from_bytes(host.tag.exchange(bytes(command)))
    host.tag.power_cycle()
    ResponseApdu.from_bytes(opened(host.tag).exchange(bytes.fromhex("90F50000010200")))
