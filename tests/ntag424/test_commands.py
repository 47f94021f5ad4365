"""Every command says on the wire what the data sheet says, and takes no other answer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ntag424 import Key, Uid
from ntag424.apdu import CommandApdu
from ntag424.commands import (
    ChangeFileSettings,
    ChangeKey,
    ChangeMasterKey,
    Command,
    EnableLrp,
    EnableRandomId,
    EnableTagTamper,
    ForbidChainedWriting,
    GetCardUid,
    GetFileCounters,
    GetFileSettings,
    GetKeyVersion,
    GetTamperStatus,
    GetVersion,
    IgnoreFailedAuthentications,
    IsoReadBinary,
    IsoSelectApplication,
    IsoSelectFile,
    IsoUpdateBinary,
    ReadData,
    ReadSignature,
    SetBackModulation,
    SetCapabilities,
    SetFailedAuthenticationLimit,
    WriteData,
    key_crc,
)
from ntag424.errors import OriginalityError
from ntag424.model import TamperStatus
from ntag424.model.files import FACTORY_SETTINGS
from ntag424.model.version import TagVersion
from ntag424.originality import require_original
from tests.support import vectors

OLD, NEW = Key(b"O" * 16), Key(b"N" * 16)

# ---- what they say --------------------------------------------------------------------------


@dataclass
class Unprotected:
    """What secure messaging starts from: a command that is never sent so."""

    command: Command

    def apdu(self):
        return CommandApdu(self.command.ins, self.command.header() + self.command.payload())


WIRE = {
    "select the application": (IsoSelectApplication(), "00A4040C07D276000085010100"),
    "select a file": (IsoSelectFile(0xE105), "00A4000C02E10500"),
    "read a file to its end": (IsoReadBinary(), "00B0000000"),
    "read a part of a file": (IsoReadBinary(0x0102, 0x10), "00B0010210"),
    "read 256 bytes": (IsoReadBinary(0, 256), "00B0000000"),
    "write a part of a file": (IsoUpdateBinary(0x0102, b"ab"), "00D60102026162"),
    "version": (GetVersion(), "9060000000"),
    "UID": (GetCardUid(), "9051000000"),
    "key version": (GetKeyVersion(4), "90640000010400"),
    "settings": (GetFileSettings(2), "90F50000010200"),
    "change settings": (ChangeFileSettings(2, FACTORY_SETTINGS[2]), "905F0000040200E0EE00"),
    "counters": (GetFileCounters(), "90F60000010200"),
    "read": (ReadData(3, 0x010203, 0x10), "90AD00000703030201100000" + "00"),
    "read to the end": (ReadData(2), "90AD0000070200000000000000"),
    "write": (WriteData(3, 0, b"ab"), "908D00000903000000020000616200"),
    "change key 0": (ChangeMasterKey(NEW, 7), "90C400001200" + b"N".hex() * 16 + "0700"),
    "signature": (ReadSignature(), "903C0000010000"),
    "tamper status": (GetTamperStatus(), "90F7000000"),
    "random IDs": (EnableRandomId(), "905C000002000200"),
    "no chained writing": (ForbidChainedWriting(), "905C00000304040000"),
    "capabilities": (SetCapabilities(1, 2), "905C00000B0500000000000000000102" + "00"),
    "LRP": (EnableLrp(), "905C00000B05000000000200000000" + "0000"),
    "LRP with capabilities": (EnableLrp(1, 2), "905C00000B0500000000020000000102" + "00"),
    "tamper loop, status for all": (EnableTagTamper(), "905C000003" + "07010E" + "00"),
    "tamper loop, status for key 3": (EnableTagTamper(3), "905C000003" + "070103" + "00"),
    "limit as delivered": (SetFailedAuthenticationLimit(), "905C0000060A01E8030A0000"),
    "other limit": (SetFailedAuthenticationLimit(500, 1), "905C0000060A01F401010000"),
    "no counting of failures": (IgnoreFailedAuthentications(), "905C0000060A00E8030A0000"),
    "strong back modulation": (SetBackModulation(), "905C0000020B0100"),
    "standard back modulation": (SetBackModulation(is_strong=False), "905C0000020B0000"),
}


@pytest.mark.parametrize(("command", "wire"), WIRE.values(), ids=WIRE)
def test_a_command_is_what_the_data_sheet_says(command, wire):
    in_the_clear = command
    if isinstance(command, Command) and command.needs_authentication:
        in_the_clear = Unprotected(command)
    assert bytes(in_the_clear.apdu()).hex().upper() == wire.upper()


@pytest.mark.parametrize(
    "vector", [v for v in vectors("chip", "apdu") if v.id == "an12196-t17"], ids=lambda v: v.id
)
def test_the_published_write_is_written_so_but_for_the_le_that_tags_refuse(vector):
    assert bytes(IsoUpdateBinary(0, vector["data"]).apdu()) + b"\0" == vector["capdu"]


def test_a_changed_key_travels_mixed_with_the_old_one_and_a_checksum():
    mixed = bytes(old ^ new for old, new in zip(b"O" * 16, b"N" * 16, strict=True))
    command = ChangeKey(2, OLD, NEW, 7)
    assert command.payload() == mixed + b"\7" + key_crc(b"N" * 16)


@pytest.mark.parametrize(
    ("key", "crc"),
    [
        ("F3847D627727ED3BC9C4CC050489B966", "789DFADC"),
        ("00" * 16, "AAB44413"),
        ("01234567890123456789012345678901", "A0A60868"),
    ],
)
def test_the_checksum_of_a_key_is_the_published_one(key, crc):
    assert key_crc(bytes.fromhex(key)) == bytes.fromhex(crc)


IRREVERSIBLE = {EnableRandomId, ForbidChainedWriting, EnableLrp, EnableTagTamper}
CONFIGURATIONS = [
    EnableRandomId(),
    ForbidChainedWriting(),
    SetCapabilities(0, 0),
    EnableLrp(),
    EnableTagTamper(),
    SetFailedAuthenticationLimit(),
    IgnoreFailedAuthentications(),
    SetBackModulation(),
]


@pytest.mark.parametrize("command", CONFIGURATIONS, ids=lambda command: type(command).__name__)
def test_what_cannot_be_undone_says_so(command):
    assert command.is_irreversible is (type(command) in IRREVERSIBLE)


# ---- what they are answered -----------------------------------------------------------------

[VERSION] = vectors("chip", "get_version_parse")
WHOLE_VERSION = VERSION["part1"] + VERSION["part2"] + VERSION["part3"]


def test_a_published_version_is_read():
    version = GetVersion().parse(WHOLE_VERSION)
    assert (version.uid, version.has_tag_tamper) == (VERSION["uid"], True)


@pytest.mark.parametrize("more", [b"", b"\x01"])
def test_a_version_is_read_and_written_the_same(more):
    assert bytes(TagVersion.from_bytes(WHOLE_VERSION + more)) == WHOLE_VERSION + more


@pytest.mark.parametrize(
    ("place", "value", "is_ntag424"),
    [
        (0, 4, True),
        (0, 5, False),
        (1, 1, False),
        (2, 2, True),
        (2, 8, True),
        (2, 4, False),
        (3, 0x10, False),
    ],
)
def test_a_chip_is_known_by_vendor_type_subtype_and_major_version(place, value, is_ntag424):
    octets = bytearray(WHOLE_VERSION)
    octets[place] = value
    assert TagVersion.from_bytes(bytes(octets)).is_ntag424 is is_ntag424


ANSWERS = {
    "UID": (GetCardUid(), "04DE5F1EACC040", Uid.from_hex("04DE5F1EACC040")),
    "key version": (GetKeyVersion(1), "07", 7),
    "counter": (GetFileCounters(), "0302010000", 0x010203),
    "signature": (ReadSignature(), "AB" * 56, b"\xab" * 56),
    "tamper status": (GetTamperStatus(), "4F43", TamperStatus.RECLOSED),
    "part of a file": (ReadData(2, 0, 2), "6162", b"ab"),
    "rest of a file": (ReadData(2), "616263", b"abc"),
}


@pytest.mark.parametrize(("command", "answer", "value"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_as_what_it_means(command, answer, value):
    assert command.parse(bytes.fromhex(answer)) == value


WRONG = {name: (command, answer) for name, (command, answer, _) in ANSWERS.items()}
WRONG |= {"version": (GetVersion(), WHOLE_VERSION.hex()), "nothing": (SetBackModulation(), "")}
del WRONG["rest of a file"]


@pytest.mark.parametrize(("command", "answer"), WRONG.values(), ids=WRONG)
def test_an_answer_of_another_length_is_none(command, answer):
    with pytest.raises(ValueError, match=r"."):
        command.parse(bytes.fromhex(answer) + b"\0\0")


# ---- originality ----------------------------------------------------------------------------

[SIGNED] = vectors("chip", "ecdsa_p224_nohash")


def test_a_published_signature_is_nxps():
    require_original(SIGNED["message"], SIGNED["signature"])


@pytest.mark.parametrize("bit", range(0, 448, 37))
def test_a_signature_with_one_bit_changed_is_not_nxps(bit):
    changed = int.from_bytes(SIGNED["signature"], "big") ^ 1 << bit
    with pytest.raises(OriginalityError, match="04518DFAA96180"):
        require_original(SIGNED["message"], changed.to_bytes(56, "big"))


@pytest.mark.parametrize("bit", range(56))
def test_a_signature_over_another_uid_is_not_nxps(bit):
    changed = int.from_bytes(SIGNED["message"], "big") ^ 1 << bit
    with pytest.raises(OriginalityError):
        require_original(changed.to_bytes(7, "big"), SIGNED["signature"])


@pytest.mark.parametrize("signature", [b"", bytes(55), bytes(56), bytes(57), b"\xff" * 56])
def test_bytes_that_are_no_signature_are_not_nxps(signature):
    with pytest.raises(OriginalityError):
        require_original(SIGNED["message"], signature)
