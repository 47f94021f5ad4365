"""Commands and answers survive the wire, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.apdu import CommandApdu, ResponseApdu, Status

OCTET = st.integers(0, 0xFF)
COMMANDS = st.builds(
    CommandApdu,
    OCTET,
    st.binary(max_size=255),
    cla=OCTET,
    p1=OCTET,
    p2=OCTET,
    le=st.none() | OCTET,
)
RESPONSES = st.builds(ResponseApdu, st.binary(max_size=256), st.integers(0, 0xFFFF))


@given(COMMANDS)
def test_a_command_read_back_from_its_bytes_is_the_same_command(command):
    assert CommandApdu.from_bytes(bytes(command)) == command


@given(st.binary(max_size=300) | COMMANDS.map(bytes))
def test_whatever_bytes_the_command_parser_takes_it_writes_again(octets):
    try:
        command = CommandApdu.from_bytes(octets)
    except ValueError:
        return
    assert bytes(command) == octets


@given(RESPONSES)
def test_an_answer_read_back_from_its_bytes_is_the_same_answer(response):
    assert ResponseApdu.from_bytes(bytes(response)) == response


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (CommandApdu(0x60), "9060000000"),
        (CommandApdu(0xA4, cla=0x00, le=None), "00A40000"),
        (CommandApdu(0xF5, b"\x02"), "90F50000010200"),
        (CommandApdu(0xA4, b"\xe1\x04", cla=0, p2=0x0C, le=None), "00A4000C02E104"),
        (CommandApdu(0xB0, cla=0, p1=1, p2=2, le=3), "00B0010203"),
    ],
)
def test_each_of_the_four_cases_has_its_own_form(command, wire):
    assert bytes(command).hex().upper() == wire


def test_the_status_words_are_those_of_the_data_sheet():
    assert {status.name: f"{status:04X}" for status in Status} == {
        "OK": "9100",
        "SIGNATURE_OK": "9190",
        "COMMAND_NOT_FOUND": "910B",
        "COMMAND_FORMAT": "910C",
        "ILLEGAL_COMMAND_CODE": "911C",
        "INTEGRITY_ERROR": "911E",
        "NO_SUCH_KEY": "9140",
        "LENGTH_ERROR": "917E",
        "PERMISSION_DENIED": "919D",
        "PARAMETER_ERROR": "919E",
        "AUTHENTICATION_DELAY": "91AD",
        "AUTHENTICATION_ERROR": "91AE",
        "ADDITIONAL_FRAME": "91AF",
        "BOUNDARY_ERROR": "91BE",
        "COMMAND_ABORTED": "91CA",
        "MEMORY_ERROR": "91EE",
        "FILE_NOT_FOUND": "91F0",
        "ISO_OK": "9000",
        "ISO_MEMORY_FAILURE": "6581",
        "ISO_WRONG_LENGTH": "6700",
        "ISO_SECURITY_NOT_SATISFIED": "6982",
        "ISO_CONDITIONS_NOT_SATISFIED": "6985",
        "ISO_WRONG_DATA": "6A80",
        "ISO_FILE_NOT_FOUND": "6A82",
        "ISO_WRONG_PARAMETERS": "6A86",
        "ISO_INCONSISTENT_LC": "6A87",
        "ISO_WRONG_LE": "6C00",
        "ISO_UNKNOWN_INSTRUCTION": "6D00",
        "ISO_UNKNOWN_CLASS": "6E00",
    }


def test_an_answer_ends_in_its_status_word():
    assert bytes(ResponseApdu(b"\x01", Status.OK)) == b"\x01\x91\x00"


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "906000",
        "905F0000000102",  # an extended Lc
        "906000000000",  # Lc 00 before Le
        "90F5000000020000",  # Lc 00 before data
        "90F500000201",  # one byte less than Lc
        "90F5000001020000",  # one byte more than Lc and Le
    ],
)
def test_the_command_parser_refuses_malformed_bytes(wire):
    with pytest.raises(ValueError):
        CommandApdu.from_bytes(bytes.fromhex(wire))


@pytest.mark.parametrize("wire", [b"", b"\x90", bytes(259)])
def test_the_answer_parser_refuses_malformed_bytes(wire):
    with pytest.raises(ValueError):
        ResponseApdu.from_bytes(wire)


@pytest.mark.parametrize("name", ["ins", "cla", "p1", "p2", "le"])
@pytest.mark.parametrize("value", [-1, 0x100])
def test_a_command_refuses_a_field_that_is_not_one_byte(name, value):
    with pytest.raises(ValueError, match=name):
        CommandApdu(**{"ins": 0, name: value})


def test_a_command_carries_as_much_data_as_lc_can_count():
    assert len(bytes(CommandApdu(0, bytes(255)))) == 4 + 1 + 255 + 1


def test_an_answer_carries_as_much_data_as_le_can_ask_for():
    assert len(bytes(ResponseApdu(bytes(256), Status.OK))) == 256 + 2


def test_a_command_refuses_more_data_than_lc_can_count():
    with pytest.raises(ValueError, match="256"):
        CommandApdu(0, bytes(256))


@pytest.mark.parametrize("status", [-1, 0x10000])
def test_an_answer_refuses_a_status_that_is_not_two_bytes(status):
    with pytest.raises(ValueError, match="status"):
        ResponseApdu(b"", status)


def test_an_answer_refuses_more_data_than_le_can_ask_for():
    with pytest.raises(ValueError, match="257"):
        ResponseApdu(bytes(257), Status.OK)
