"""The simulated tag secures commands and answers, and ends a session on any error (§9.1, §9.2)."""

from __future__ import annotations

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag import OpenPoints
from tests.ntag424.testing.hosting import (
    FULL,
    MAC,
    PLAIN,
    SELECT_NDEF,
    TAG_UID,
    Host,
    blank,
    in_lrp_mode,
    master_of,
    native,
)
from tests.ntag424.testing.reading import APPLICATION

GET_CARD_UID, GET_VERSION, KEY_VERSION, SETTINGS = 0x51, 0x60, 0x64, 0xF5
READ, WRITE = 0xAD, 0x8D
#: Header of ReadData and WriteData: 16 bytes of file 02 or 03.
NDEF_16, PROPRIETARY_16 = "02 000000 100000", "03 000000 100000"
BOTH_MODES = pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])


def master(*, lrp=False, number=0, **options):
    tag = in_lrp_mode(**options) if lrp else blank(**options)
    return Host(tag, lrp=lrp).authenticate(number)


# ---- three modes ----------------------------------------------------------------------------


@BOTH_MODES
def test_a_command_in_mac_mode_is_answered_with_a_mac(lrp):
    assert master(lrp=lrp).send(KEY_VERSION, "00", mode=MAC) == b"\x00"


@BOTH_MODES
def test_a_command_in_full_mode_without_data_carries_a_mac_alone(lrp):
    assert master(lrp=lrp).send(GET_CARD_UID) == TAG_UID


@BOTH_MODES
@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 100])
def test_what_is_written_in_full_mode_is_read_in_full_mode(length, lrp):
    host, content = master(lrp=lrp, number=3), bytes(range(1, length + 1))
    size = length.to_bytes(3, "little").hex()
    assert host.send(WRITE, "03 000000" + size, content) == b""
    assert host.send(READ, "03 000000" + size) == content


@BOTH_MODES
def test_a_plain_command_in_a_session_counts_as_one(lrp):
    host = master(lrp=lrp)
    assert host.send(WRITE, NDEF_16, bytes(16), PLAIN) == b""
    assert host.send(GET_CARD_UID) == TAG_UID


@BOTH_MODES
def test_the_modes_may_alternate(lrp):
    host = master(lrp=lrp, number=3)
    answers = [
        host.send(KEY_VERSION, "00", mode=MAC),
        host.send(WRITE, PROPRIETARY_16, b"s" * 16),
        host.send(READ, NDEF_16, mode=PLAIN),
        host.send(READ, PROPRIETARY_16),
    ]
    assert answers == [b"\x00", b"", bytes(16), b"s" * 16]


@BOTH_MODES
def test_get_version_counts_once_and_has_one_mac_at_its_end(lrp):
    host = master(lrp=lrp)
    frames = [host.tag.transmit(host.command(GET_VERSION, mode=MAC))]
    frames += [host.tag.transmit(native(0xAF)) for _ in range(2)]
    host.counter += 1
    whole = b"".join(frame.data for frame in frames)
    message = bytes.fromhex("000100") + host.ti + whole[:-8]
    assert (len(whole), whole[-8:]) == (28 + 8, host.keys.mac(message)[1::2])
    assert host.is_alive()


def test_the_counter_ends_at_ffff():
    host = master()
    host.tag._card.session.counter = host.counter = 0xFFFE
    answers = [host.send(GET_CARD_UID) for _ in range(2)]
    assert answers == [TAG_UID, Status.INTEGRITY_ERROR]


def test_a_plain_command_is_refused_too_at_the_end_of_the_counter():
    host = master()
    host.tag._card.session.counter = 0xFFFF
    assert host.send(READ, NDEF_16, mode=PLAIN) == Status.INTEGRITY_ERROR


# ---- what is wrong with a command -----------------------------------------------------------


def altered(command, index):
    data = bytearray(command.data)
    data[index] ^= 0x01
    return CommandApdu(command.ins, bytes(data))


@BOTH_MODES
@pytest.mark.parametrize("index", [1, -9, -8, -1], ids=["header", "ciphertext", "MAC", "last"])
def test_an_altered_command_is_not_carried_out(index, lrp):
    host = master(lrp=lrp, number=3)
    command = altered(host.command(WRITE, PROPRIETARY_16, bytes(16)), index)
    assert host.tag.transmit(command).status == Status.INTEGRITY_ERROR


@BOTH_MODES
def test_a_command_is_good_for_once(lrp):
    host = master(lrp=lrp)
    command = host.command(KEY_VERSION, "00", mode=MAC)
    answers = [host.tag.transmit(command).status for _ in range(2)]
    assert answers == [Status.OK, Status.INTEGRITY_ERROR]


class Unpadded(Host):
    """A host whose encryption leaves *plain* as it is."""

    def write(self, plain):
        vector = self.counter.to_bytes(2, "little")
        header = bytes.fromhex(PROPRIETARY_16)
        encrypted = self.keys.encrypt(self.ti + vector, plain)
        mac = self.keys.mac(bytes([WRITE]) + vector + self.ti + header + encrypted)[1::2]
        return self.tag.transmit(CommandApdu(WRITE, header + encrypted + mac)).status


@BOTH_MODES
@pytest.mark.parametrize(
    "plain",
    [bytes(32), b"x" * 32, b"x" * 15 + b"\x80" + bytes(16), b"x" * 16 + b"\x81" + bytes(15)],
    ids=["zeros", "none", "a block too much", "another byte"],
)
def test_wrong_padding_is_refused(plain, lrp):
    tag = in_lrp_mode() if lrp else blank()
    host = Unpadded(tag, lrp=lrp).authenticate(3)
    assert host.write(plain) == Status.INTEGRITY_ERROR


# ---- what ends a session --------------------------------------------------------------------

ENDING = {
    "unknown command": CommandApdu(0x6F),
    "wrong MAC": native(GET_CARD_UID, "00" * 8),
    "no MAC": native(GET_CARD_UID),
    "no such file": native(SETTINGS, "04", "00" * 8),
    "a frame of nothing": CommandApdu(0xAF),
    "wrong P1": CommandApdu(GET_CARD_UID, p1=1),
    "unknown class": CommandApdu(GET_CARD_UID, cla=0x80),
    "unknown ISO command": CommandApdu(0xCA, cla=0x00),
    "ISOReadBinary": CommandApdu(0xB0, cla=0x00),
    "ISOUpdateBinary": CommandApdu(0xD6, b"x", cla=0x00),
    "a selection of nothing": CommandApdu(0xA4, b"\xff\xff", cla=0x00),
    "select the application": APPLICATION,
    "select a file": SELECT_NDEF,
}


@BOTH_MODES
@pytest.mark.parametrize("command", ENDING.values(), ids=ENDING.keys())
def test_a_session_ends_with(command, lrp):
    host = master(lrp=lrp)
    host.tag.transmit(command)
    assert not host.is_alive()


def test_after_the_end_of_a_session_its_commands_lack_an_authentication():
    host = master()
    host.tag.transmit(CommandApdu(0x6F))
    assert host.send(GET_CARD_UID) == Status.AUTHENTICATION_ERROR


def test_leaving_the_field_ends_a_session():
    host = master()
    host.tag.power_cycle()
    host.tag.transmit(APPLICATION)
    assert not host.is_alive()


def test_bytes_that_are_no_command_end_a_session():
    host = master()
    host.tag.exchange(b"\x90")
    assert not host.is_alive()


@pytest.mark.parametrize("select", [APPLICATION, SELECT_NDEF], ids=["application", "file"])
def test_a_selection_need_not_end_a_session(select):
    host = master_of(blank(open_points=OpenPoints(select_ends_session=False)))
    host.tag.transmit(select)
    assert host.is_alive()


def test_an_interrupted_get_version_ends_a_session():
    host = master()
    host.tag.transmit(host.command(GET_VERSION, mode=MAC))
    host.tag.transmit(host.command(GET_CARD_UID, mode=FULL))
    assert not host.is_alive()
