"""What the chip answers to every command in its right form, and to each malformed variant of it.

The forms are a table with the section of the data sheet (NT4H2421Gx) that each comes from; the
variants are derived from it by a host of its own, which shares nothing with the library's.
What the library's host refuses to build is in `../test_malformed_commands.py`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import pytest

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from tests.ntag424.testing.hosting import FULL, MAC, PLAIN, TAG_UID, ZERO, Host, opened, padded
from tests.ntag424.testing.reading import BOTH, block

NEW_KEY = bytes(range(16))
CRC = (zlib.crc32(NEW_KEY) ^ 0xFFFFFFFF).to_bytes(4, "little")
OPEN = bytes.fromhex("40EEEE") + block(BOTH, "FE1F", 16)[3:]
CLOSED = bytes.fromhex("4000E0") + block(BOTH, "F01F", 16)[3:]
READ_SIGNATURE = 0x3C


@dataclass(frozen=True)
class Form:
    """A native command that is right: CmdHeader (hex), CmdData, and who sends it how.

    *key* is None for nobody. *loop* is the tamper loop that the tag needs for it.
    """

    source: str
    ins: int
    header: str = ""
    data: bytes = b""
    mode: str = FULL
    key: int | None = 0
    answer: int = Status.OK
    settings: bytes = CLOSED
    loop: bytes | None = None
    at_master_file: int = Status.PERMISSION_DENIED

    def host(self, *, lrp=False, key=0, selected=True, **points):
        """Lay a tag down, select, and authenticate with *key*, if with any."""
        tag = SimulatedTag(
            uid=TAG_UID,
            keys=[ZERO] * 5,
            ndef_file=b"",
            file_settings=self.settings,
            lrp=lrp,
            tamper=self.loop,
            open_points=OpenPoints(**points),
        )
        host = Host(opened(tag) if selected else tag, lrp=lrp)
        return host if key is None else host.authenticate(key)

    def command(self, host, **changes):
        form = replace(self, **changes)
        return host.command(form.ins, form.header, form.data, form.mode)

    @property
    def plain(self):
        return CommandApdu(self.ins, bytes.fromhex(self.header) + self.data)


def nobody(**changes):
    """Give what makes a form one that anybody may send."""
    return {"mode": PLAIN, "key": None, "settings": OPEN} | changes


FORMS = {
    "GetVersion": Form("§10.5.2", 0x60, mode=MAC, answer=0x91AF, at_master_file=0x91AF),
    "GetVersion by nobody": Form("§10.5.2", 0x60, **nobody(answer=0x91AF, at_master_file=0x91AF)),
    "GetCardUID": Form("§10.5.3", 0x51, at_master_file=Status.AUTHENTICATION_ERROR),
    "GetKeyVersion": Form("§10.6.2", 0x64, "03", mode=MAC),
    "GetKeyVersion by nobody": Form("§10.6.2", 0x64, "03", **nobody()),
    "GetFileSettings": Form("§10.7.2", 0xF5, "02", mode=MAC),
    "GetFileSettings by nobody": Form("§10.7.2", 0xF5, "02", **nobody()),
    "GetFileCounters": Form("§10.7.3", 0xF6, "02"),
    "GetFileCounters by nobody": Form("§10.7.3", 0xF6, "02", **nobody()),
    "ReadData": Form("§10.8.1", 0xAD, "03 000000 100000", key=3),
    "ReadData by nobody": Form("§10.8.1", 0xAD, "02 000000 100000", **nobody()),
    "WriteData": Form("§10.8.2", 0x8D, "03 000000 040000", b"abcd", key=3),
    "WriteData by nobody": Form("§10.8.2", 0x8D, "02 000000 040000", b"abcd", **nobody()),
    "ChangeFileSettings": Form("§10.7.1", 0x5F, "01", bytes.fromhex("0000E0")),
    "ChangeFileSettings by nobody": Form("§10.7.1", 0x5F, "02", OPEN, **nobody()),
    "ChangeKey 0": Form("§10.6.1", 0xC4, "00", NEW_KEY + b"\x07"),
    "ChangeKey 2": Form("§10.6.1", 0xC4, "02", NEW_KEY + b"\x07" + CRC),
    "Read_Sig": Form("§10.10", READ_SIGNATURE, "00", answer=0x9190, at_master_file=0x9190),
    "Read_Sig by nobody": Form(
        "§10.10", READ_SIGNATURE, "00", **nobody(answer=0x9190, at_master_file=0x9190)
    ),
    "SetConfiguration 00": Form("§10.5.1", 0x5C, "00", b"\x02"),
    "SetConfiguration 04": Form("§10.5.1", 0x5C, "04", b"\x04\x00"),
    "SetConfiguration 05": Form("§10.5.1", 0x5C, "05", bytes(8) + b"\x01\x02"),
    "SetConfiguration 07": Form("NT4H2421Tx", 0x5C, "07", b"\x01\x0e", loop=b"II"),
    "SetConfiguration 0A": Form("§10.5.1", 0x5C, "0A", bytes.fromhex("01E8030A00")),
    "SetConfiguration 0B": Form("§10.5.1", 0x5C, "0B", b"\x01"),
    "GetTTStatus": Form("NT4H2421Tx", 0xF7, loop=b"CC"),
    "GetTTStatus by nobody": Form("NT4H2421Tx", 0xF7, **nobody(loop=b"CC")),
    "AuthenticateFirst": Form(
        "§10.4.1",
        0x71,
        "00 00",
        **nobody(answer=0x91AF, at_master_file=Status.ILLEGAL_COMMAND_CODE),
    ),
    "AuthenticateNonFirst": Form("§10.4.2", 0x77, "00", mode=PLAIN, answer=0x91AF),
}
SECURED = {name: form for name, form in FORMS.items() if form.mode != PLAIN}
WITH_DATA = {name: form for name, form in FORMS.items() if form.data}


def length_refusal(form):
    # Read_Sig alone has a word of its own (table 95).
    return Status.COMMAND_FORMAT if form.ins == READ_SIGNATURE else Status.LENGTH_ERROR


def integrity_refusal(form):
    return Status.COMMAND_NOT_FOUND if form.ins == READ_SIGNATURE else Status.INTEGRITY_ERROR


def rows(forms, variants):
    return [
        pytest.param(form, vary, refusal, id=f"{name}: {variant}")
        for name, form in forms.items()
        for variant, (vary, refusal) in variants.items()
    ]


def status(host, octets):
    return int.from_bytes(host.tag.exchange(octets)[-2:], "big")


# ---- right ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_right_form_is_carried_out(form, lrp):
    if form.ins == 0x71 and lrp:
        form = replace(form, header="00 01 02")
    host = form.host(lrp=lrp, key=form.key)
    assert status(host, bytes(form.command(host))) == form.answer


# ---- framed wrongly (§10.2, tables 22 to 24) ------------------------------------------------


def put(at, value):
    return lambda octets: octets[:at] + bytes([value]) + octets[at + 1 :]


def step_lc(step):
    def change(octets):
        if len(octets) == 5:
            # There is no Lc yet: one that promises a byte, or an empty one.
            return octets[:4] + bytes([max(step, 0)]) + octets[4:]
        return put(4, octets[4] + step)(octets)

    return change


FRAMES = {
    "Lc one too small": (step_lc(-1), length_refusal),
    "Lc one too large": (step_lc(+1), length_refusal),
    "Le missing": (lambda octets: octets[:-1], length_refusal),
    "Le 01": (lambda octets: octets[:-1] + b"\x01", length_refusal),
    "a byte behind Le": (lambda octets: octets + b"\x00", length_refusal),
    "extended": (lambda octets: octets[:4] + bytes(2) + octets[4:], length_refusal),
    "only CLA, INS and P1": (lambda octets: octets[:3], length_refusal),
    "P1 01": (put(2, 1), lambda _form: Status.ISO_WRONG_PARAMETERS),
    "P2 01": (put(3, 1), lambda _form: Status.ISO_WRONG_PARAMETERS),
    "CLA 80": (put(0, 0x80), lambda _form: Status.ISO_UNKNOWN_CLASS),
    "CLA 91": (put(0, 0x91), lambda _form: Status.ISO_UNKNOWN_CLASS),
    "CLA 00": (put(0, 0x00), lambda _form: Status.ISO_UNKNOWN_INSTRUCTION),
    "INS of nothing": (put(1, 0x6F), lambda _form: Status.ILLEGAL_COMMAND_CODE),
}


@pytest.mark.parametrize(("form", "vary", "refusal"), rows(FORMS, FRAMES))
def test_a_command_that_is_framed_wrongly_is_refused(form, vary, refusal):
    host = form.host(key=form.key)
    assert status(host, vary(bytes(form.command(host)))) == refusal(form)


@pytest.mark.parametrize("variant", FRAMES)
def test_a_wrong_frame_ends_the_session(variant):
    form = FORMS["GetCardUID"]
    host = form.host()
    status(host, FRAMES[variant][0](bytes(form.command(host))))
    assert not host.is_alive()


# ---- a body of another length ---------------------------------------------------------------


def without_the_last_of_the_header(form, host):
    return form.command(host, header=bytes.fromhex(form.header)[:-1].hex())


def with_a_byte_at_the_end(form, host):
    command = form.command(host)
    return replace(command, data=command.data + b"\0")


BODIES = {
    "header one too short": (without_the_last_of_the_header, length_refusal),
    "a byte too many": (with_a_byte_at_the_end, length_refusal),
}
#: Where data follow one byte of header, a byte less is another header and other data.
WITH_HEADER = {
    name: form
    for name, form in FORMS.items()
    if len(form.header) > 2 or (form.header and not form.data)
}
WITHOUT_HEADER = {name: form for name, form in FORMS.items() if name not in WITH_HEADER}
A_BYTE_TOO_MANY = {name: BODIES[name] for name in ("a byte too many",)}


@pytest.mark.parametrize(
    ("form", "vary", "refusal"),
    rows(WITH_HEADER, BODIES) + rows(WITHOUT_HEADER, A_BYTE_TOO_MANY),
)
def test_a_body_of_another_length_is_refused(form, vary, refusal):
    host = form.host(key=form.key)
    assert status(host, bytes(vary(form, host))) == refusal(form)


PAYLOADS = {
    "data one too short": lambda data: data[:-1],
    "data one too long": lambda data: data + b"\0",
    "no data": lambda _data: b"",
}


@pytest.mark.parametrize("change", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("form", WITH_DATA.values(), ids=WITH_DATA)
def test_data_of_another_length_are_refused_even_with_the_right_mac(form, change):
    host = form.host(key=form.key)
    command = form.command(host, data=change(form.data))
    assert status(host, bytes(command)) == Status.LENGTH_ERROR


# ---- secured wrongly (§9.1.8 to §9.1.10) ----------------------------------------------------


def sealed(form, host, body):
    """Put the right MAC behind *body*."""
    signed = host.command(form.ins, form.header, body, MAC)
    return signed.data


def body_of(form, data):
    return CommandApdu(form.ins, data)


def no_mac(form, _host):
    return form.plain


def mac_cut(form, host):
    return body_of(form, form.command(host).data[:-1])


def mac_wrong(form, host):
    data = form.command(host).data
    return body_of(form, data[:-1] + bytes([data[-1] ^ 1]))


def counter_wrong(form, host):
    host.counter += 1
    return form.command(host)


def transaction_wrong(form, host):
    host.ti = bytes(octet ^ 0xFF for octet in host.ti)
    return form.command(host)


def header_changed(form, host):
    # The number of the key or file is another one that exists: only the MAC tells.
    command = form.command(host)
    return body_of(form, bytes([command.data[0] ^ 1]) + command.data[1:])


SEALS = {
    "no MAC": (no_mac, length_refusal),
    "MAC one too short": (mac_cut, length_refusal),
    "MAC wrong": (mac_wrong, integrity_refusal),
    "counter one ahead": (counter_wrong, integrity_refusal),
    "another transaction": (transaction_wrong, integrity_refusal),
}


@pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])
@pytest.mark.parametrize(("form", "vary", "refusal"), rows(SECURED, SEALS))
def test_a_command_that_is_secured_wrongly_is_refused(form, vary, refusal, lrp):
    host = form.host(lrp=lrp, key=form.key)
    assert status(host, bytes(vary(form, host))) == refusal(form)


@pytest.mark.parametrize("name", ["GetKeyVersion", "GetFileSettings", "ChangeKey 2"])
def test_a_header_that_was_changed_on_the_way_is_refused(name):
    form = FORMS[name]
    host = form.host(key=form.key)
    assert status(host, bytes(header_changed(form, host))) == Status.INTEGRITY_ERROR


NO_DATA_IN_FULL = {
    name: form for name, form in SECURED.items() if form.mode == FULL and not form.data
}


@pytest.mark.parametrize("form", NO_DATA_IN_FULL.values(), ids=NO_DATA_IN_FULL)
def test_padding_is_refused_where_no_data_are_due(form):
    host = form.host(key=form.key)
    vector = host.ti + host.counter.to_bytes(2, "little")
    command = body_of(form, sealed(form, host, host.keys.encrypt(vector, padded(b""))))
    assert status(host, bytes(command)) == length_refusal(form)


PADDINGS = {
    "no mark": lambda data: data.ljust(len(padded(data)), b"\0"),
    "another mark": lambda data: (
        padded(data)[: len(data)] + b"\x81" + padded(data)[len(data) + 1 :]
    ),
    "something behind the mark": lambda data: padded(data)[:-1] + b"\1",
}


@pytest.mark.parametrize("pad", PADDINGS.values(), ids=PADDINGS)
@pytest.mark.parametrize("name", ["WriteData", "ChangeFileSettings", "SetConfiguration 0B"])
def test_wrong_padding_is_refused_even_with_the_right_mac(name, pad):
    form = FORMS[name]
    host = form.host(key=form.key)
    vector = host.ti + host.counter.to_bytes(2, "little")
    command = body_of(form, sealed(form, host, host.keys.encrypt(vector, pad(form.data))))
    assert status(host, bytes(command)) == Status.INTEGRITY_ERROR


ENCRYPTED = {name: form for name, form in SECURED.items() if form.data}


@pytest.mark.parametrize("form", ENCRYPTED.values(), ids=ENCRYPTED)
def test_data_with_a_mac_alone_are_refused_where_full_is_due(form):
    host = form.host(key=form.key)
    assert status(host, bytes(form.command(host, mode=MAC))) == Status.LENGTH_ERROR


# ---- in another state -----------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_before_the_application_is_selected_little_is_answered(form):
    host = form.host(key=None, selected=False)
    assert status(host, bytes(form.plain)) == form.at_master_file


FREE_INS = {0x60, 0x64, 0xF5, READ_SIGNATURE, 0xF7}
GUARDED = {name: form for name, form in SECURED.items() if form.ins not in FREE_INS}


@pytest.mark.parametrize("form", GUARDED.values(), ids=GUARDED)
def test_without_an_authentication_it_is_missed(form):
    assert status(form.host(key=None), bytes(form.plain)) == Status.AUTHENTICATION_ERROR


OF_ONE_KEY = {name: form for name, form in GUARDED.items() if form.ins != 0x51}


@pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])
@pytest.mark.parametrize("form", OF_ONE_KEY.values(), ids=OF_ONE_KEY)
def test_with_another_key_it_is_missed_too(form, lrp):
    host = form.host(lrp=lrp, key=4)
    assert status(host, bytes(form.command(host))) == Status.AUTHENTICATION_ERROR


def after_part_1(host):
    host.challenge(0)


def after_the_first_frame_of_the_version(host):
    host.tag.transmit(CommandApdu(0x60))


IN_BETWEEN = [after_part_1, after_the_first_frame_of_the_version]


@pytest.mark.parametrize("begin", IN_BETWEEN)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_command_may_come_into_the_middle_of_another(form, begin):
    host = form.host(key=None)
    begin(host)
    assert status(host, bytes(form.plain)) == Status.COMMAND_ABORTED


MIDDLE = {
    "ISOSelectFile": ("00A4040C07D276000085010100", 0x6985),
    "ISOReadBinary": ("00B0000000", 0x6985),
    "ISOUpdateBinary": ("00D600000161", 0x6985),
    "an unknown class": ("80CA000000", 0x6E00),
    "an unknown instruction": ("906F000000", 0x91CA),
    "AF with P1": ("90AF010000", 0x6A86),
    "AF without Le": ("90AF0000", 0x917E),
    "AF with Le 01": ("90AF000001", 0x917E),
    "AF with an empty Lc": ("90AF00000000", 0x917E),
    "AF with data that are not due": ("90AF0000010000", 0x917E),
}


@pytest.mark.parametrize("begin", IN_BETWEEN)
@pytest.mark.parametrize(("octets", "refusal"), MIDDLE.values(), ids=MIDDLE)
def test_nothing_but_the_next_frame_may_follow(octets, refusal, begin):
    host = FORMS["GetVersion"].host(key=None)
    begin(host)
    assert status(host, bytes.fromhex(octets)) == refusal


@pytest.mark.parametrize("begin", IN_BETWEEN)
def test_what_came_in_between_has_broken_it_off(begin):
    host = FORMS["GetVersion"].host(key=None)
    begin(host)
    answers = [status(host, bytes.fromhex(octets)) for octets in ("9060000000", "9060000000")]
    assert answers == [Status.COMMAND_ABORTED, Status.ADDITIONAL_FRAME]


PARTS = {"31 bytes": 31, "33 bytes": 33, "no bytes": 0}


@pytest.mark.parametrize("length", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("lrp", [False, True], ids=["AES", "LRP"])
def test_part_2_of_another_length_is_refused(length, lrp):
    host = FORMS["AuthenticateFirst"].host(lrp=lrp, key=None)
    after_part_1(host)
    assert status(host, bytes(CommandApdu(0xAF, bytes(length)))) == Status.LENGTH_ERROR


def test_there_is_no_next_frame_of_nothing():
    host = FORMS["GetVersion"].host(key=None)
    assert status(host, bytes.fromhex("90AF000000")) == Status.ILLEGAL_COMMAND_CODE


# ---- values that do not exist ---------------------------------------------------------------

VALUES = {
    "GetKeyVersion of key 5": (FORMS["GetKeyVersion"], {"header": "05"}, 0x9140),
    "ChangeKey 5": (FORMS["ChangeKey 2"], {"header": "05"}, 0x9140),
    "ChangeKey with a wrong old key": (
        FORMS["ChangeKey 2"],
        {"data": bytes(17) + CRC},
        Status.INTEGRITY_ERROR,
    ),
    "AuthenticateFirst key 5": (FORMS["AuthenticateFirst"], {"header": "05 00"}, 0x9140),
    "AuthenticateFirst LenCap 1": (FORMS["AuthenticateFirst"], {"header": "00 01"}, 0x917E),
    "AuthenticateFirst LenCap 7": (
        FORMS["AuthenticateFirst"],
        {"header": "00 07" + "00" * 7},
        0x919E,
    ),
    "AuthenticateNonFirst key 5": (FORMS["AuthenticateNonFirst"], {"header": "05"}, 0x9140),
    "GetFileSettings 4": (FORMS["GetFileSettings"], {"header": "04"}, 0x91F0),
    "GetFileCounters 4": (FORMS["GetFileCounters"], {"header": "04"}, 0x91F0),
    "GetFileCounters of a file without": (FORMS["GetFileCounters"], {"header": "03"}, 0x919D),
    "ReadData 4": (FORMS["ReadData"], {"header": "04 000000 100000"}, 0x91F0),
    "ReadData beyond": (FORMS["ReadData"], {"header": "03 000000 810000"}, 0x91BE),
    "ReadData behind": (FORMS["ReadData"], {"header": "03 800000 000000"}, 0x91BE),
    "WriteData 4": (FORMS["WriteData"], {"header": "04 000000 040000"}, 0x91F0),
    "WriteData beyond": (FORMS["WriteData"], {"header": "03 7D0000 040000"}, 0x91BE),
    "ChangeFileSettings 4": (FORMS["ChangeFileSettings"], {"header": "04"}, 0x91F0),
    "ChangeFileSettings with SDM": (FORMS["ChangeFileSettings"], {"data": CLOSED}, 0x919D),
    "ChangeFileSettings for key 5": (
        FORMS["ChangeFileSettings"],
        {"data": bytes.fromhex("0000E5")},
        0x919E,
    ),
    "Read_Sig at 01": (FORMS["Read_Sig"], {"header": "01"}, 0x910C),
    "SetConfiguration 01": (FORMS["SetConfiguration 00"], {"header": "01"}, 0x919E),
    "SetConfiguration 07": (FORMS["SetConfiguration 00"], {"header": "07"}, 0x919E),
    "SetConfiguration 00 with bit 0": (FORMS["SetConfiguration 00"], {"data": b"\3"}, 0x919E),
    "SetConfiguration 0A without a limit": (
        FORMS["SetConfiguration 0A"],
        {"data": bytes.fromhex("0100000A00")},
        0x919E,
    ),
}


@pytest.mark.parametrize(("form", "changes", "refusal"), VALUES.values(), ids=VALUES)
def test_a_value_that_does_not_exist_is_refused(form, changes, refusal):
    host = form.host(key=form.key)
    assert status(host, bytes(form.command(host, **changes))) == refusal


def test_who_switches_the_counting_of_failures_off_may_give_any_limit():
    form = FORMS["SetConfiguration 0A"]
    host = form.host()
    assert status(host, bytes(form.command(host, data=bytes(5)))) == Status.OK


def test_the_limit_of_before_stands_when_counting_is_switched_off():
    form = FORMS["SetConfiguration 0A"]
    host = form.host()
    status(host, bytes(form.command(host, data=bytes(5))))
    rule = host.tag._card.memory.failure_rule
    assert (rule.counted, rule.limit, rule.decrement) == (False, 1000, 10)


# ---- ISO commands (§10.9, tables 84 to 92) --------------------------------------------------

SELECTED, NO_FILE, MASTER_FILE = "NDEF file", "application", "MF"
ISO = {
    "select by name": (SELECTED, "00A4040C07D276000085010100", 0x9000),
    "select by name, P2 00": (SELECTED, "00A4040007D276000085010100", 0x9000),
    "select by name, no Le": (SELECTED, "00A4040C07D2760000850101", 0x9000),
    "select by name, any Le": (SELECTED, "00A4040C07D2760000850101FF", 0x9000),
    "select a file": (SELECTED, "00A4000C02E10300", 0x9000),
    "select a file, no Le": (SELECTED, "00A4000C02E103", 0x9000),
    "select the MF by nothing": (SELECTED, "00A4000C", 0x9000),
    "select in manner 05": (SELECTED, "00A4050C02E10300", 0x6A86),
    "select, P2 01": (SELECTED, "00A4000102E10300", 0x6A86),
    "select a file of 1 byte": (SELECTED, "00A4000C01E100", 0x6A87),
    "select a file of 3 bytes": (SELECTED, "00A4000C03E1030000", 0x6A87),
    "select an EF by nothing": (SELECTED, "00A4020C00", 0x6A87),
    "select the parent, with data": (SELECTED, "00A4030C02E10300", 0x6A87),
    "select by no name": (SELECTED, "00A4040C00", 0x6A87),
    "select by a name of 17 bytes": (SELECTED, "00A4040C11" + "D2" * 17 + "00", 0x6700),
    "select by another name": (SELECTED, "00A4040C07D276000085010200", 0x6A82),
    "select no file": (SELECTED, "00A4000C02E10600", 0x6A82),
    "select a file at the MF": (MASTER_FILE, "00A4000C02E10400", 0x6A82),
    "select, Lc one too small": (SELECTED, "00A4040C06D276000085010100", 0x6700),
    "select, Lc two too large": (SELECTED, "00A4040C09D276000085010100", 0x6700),
    "read": (SELECTED, "00B0000004", 0x9000),
    "read to the end": (SELECTED, "00B0000000", 0x9000),
    "read without Le": (SELECTED, "00B00000", 0x6700),
    "read with data": (SELECTED, "00B00000010004", 0x6700),
    "read, extended": (SELECTED, "00B00000000004", 0x6700),
    "read behind the end": (SELECTED, "00B0010001", 0x6A86),
    "read beyond the end": (SELECTED, "00B000FC08", 0x6C04),
    "read a reserved short id": (SELECTED, "00B0A00004", 0x6A86),
    "read an unknown short id": (SELECTED, "00B0820004", 0x6A82),
    "read no file": (NO_FILE, "00B0000004", 0x6985),
    "read at the MF": (MASTER_FILE, "00B0000004", 0x6985),
    "update": (SELECTED, "00D60000026162", 0x9000),
    "update with Le": (SELECTED, "00D6000002616200", 0x6700),
    "update with another Le": (SELECTED, "00D6000002616202", 0x6700),
    "update with nothing": (SELECTED, "00D60000", 0x6700),
    "update with Le alone": (SELECTED, "00D6000000", 0x6700),
    "update, Lc one too small": (SELECTED, "00D60000016162", 0x6700),
    "update, Lc one too large": (SELECTED, "00D60000036162", 0x6700),
    "update, extended": (SELECTED, "00D600000000026162", 0x6700),
    "update beyond the end": (SELECTED, "00D600FF026162", 0x6985),
    "update no file": (NO_FILE, "00D60000026162", 0x6985),
    "update at the MF": (MASTER_FILE, "00D60000026162", 0x6985),
    "an unknown instruction": (SELECTED, "00CA000000", 0x6D00),
    "a class with a logical channel": (SELECTED, "01B0000004", 0x6E00),
    "only CLA, INS and P1": (SELECTED, "00B000", 0x6700),
}


def iso_host(state):
    host = FORMS["GetVersion by nobody"].host(key=None, selected=state != MASTER_FILE)
    if state == SELECTED:
        status(host, bytes.fromhex("00A4000C02E104"))
    return host


@pytest.mark.parametrize(("state", "octets", "answer"), ISO.values(), ids=ISO)
def test_an_iso_command_is_answered_as_the_data_sheet_says(state, octets, answer):
    assert status(iso_host(state), bytes.fromhex(octets)) == answer


SECURITY = {"read": "00B0000004", "update": "00D60000026162"}


@pytest.mark.parametrize("octets", SECURITY.values(), ids=SECURITY)
def test_iso_commands_are_not_for_whom_is_authenticated(octets):
    host = FORMS["GetVersion by nobody"].host(key=None, select_ends_session=False)
    host.authenticate()
    status(host, bytes.fromhex("00A4000C02E104"))
    assert status(host, bytes.fromhex(octets)) == Status.ISO_SECURITY_NOT_SATISFIED


@pytest.mark.parametrize("octets", SECURITY.values(), ids=SECURITY)
def test_iso_commands_are_not_for_files_that_need_a_key(octets):
    host = FORMS["GetVersion"].host(key=None)
    status(host, bytes.fromhex("00A4000C02E105"))
    assert status(host, bytes.fromhex(octets)) == Status.ISO_SECURITY_NOT_SATISFIED


# ---- classes and instructions (tables 23 and 24) --------------------------------------------


def answers(octets):
    return {status(FORMS["GetVersion"].host(key=None), each) for each in octets}


def test_every_class_but_two_is_unknown():
    others = [bytes([cla, 0x60, 0, 0, 0]) for cla in range(256) if cla not in (0x00, 0x90)]
    assert answers(others) == {Status.ISO_UNKNOWN_CLASS}


def test_every_other_native_instruction_is_unknown():
    known = {form.ins for form in FORMS.values() if form.loop is None}
    others = [bytes([0x90, ins, 0, 0, 0]) for ins in range(256) if ins not in known]
    assert answers(others) == {Status.ILLEGAL_COMMAND_CODE}


def test_every_other_iso_instruction_is_unknown():
    others = [bytes([0, ins, 0, 0, 0]) for ins in range(256) if ins not in (0xA4, 0xB0, 0xD6)]
    assert answers(others) == {Status.ISO_UNKNOWN_INSTRUCTION}


def test_the_instruction_comes_before_the_parameters():
    assert answers([bytes.fromhex("906F010101")]) == {Status.ILLEGAL_COMMAND_CODE}


# ---- where sources differ -------------------------------------------------------------------

OTHERWISE = {
    "P1 in a native command, 919E": (
        {"native_parameters_refusal": Status.PARAMETER_ERROR},
        "9060010000",
        0x919E,
    ),
    "Lc that does not fit, 6700": (
        {"native_length_refusal": Status.ISO_WRONG_LENGTH},
        "90F500000502",
        0x6700,
    ),
    "no Le in a native command": ({"native_le_is_due": False}, "90600000", 0x91AF),
    "another Le all the same": ({"native_le_is_due": False}, "9060000001", 0x917E),
    "a read beyond the end, 919E": (
        {"read_beyond_the_end": Status.PARAMETER_ERROR},
        "90AD00000702010000000100" + "00",
        0x919E,
    ),
}


@pytest.mark.parametrize(("points", "octets", "answer"), OTHERWISE.values(), ids=OTHERWISE)
def test_the_tag_answers_otherwise_where_it_is_told_to(points, octets, answer):
    host = FORMS["ReadData by nobody"].host(key=None, **points)
    assert status(host, bytes.fromhex(octets)) == answer
