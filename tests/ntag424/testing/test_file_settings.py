"""The simulated tag refuses the file settings that the chip refuses (NT4H2421Gx §10.7.1)."""

from __future__ import annotations

import pytest

from ntag424.testing.simulated_tag import SimulatedTag

#: UID, counter, limit, ENC bits of SDMOptions, and the bit that must be set.
UID, COUNTER, LIMIT, ENC, ASCII = 0x80, 0x40, 0x20, 0x10, 0x01
BOTH = UID | COUNTER | ASCII


def tag_with(settings):
    return SimulatedTag(
        uid=bytes.fromhex("04DE5F1EACC040"),
        keys=[bytes(16)] * 5,
        ndef_file=b"",
        file_settings=settings,
    )


def block(options, rights, *items):
    """FileOption and AccessRights that are fine, then an SDM block made by hand."""
    fixed = bytes.fromhex("4000E0") + bytes([options]) + bytes.fromhex(rights)
    return fixed + b"".join(item.to_bytes(3, "little") for item in items)


# SDMAccessRights on the wire: F|CtrRet, then MetaRead|FileRead.
ACCEPTED = {
    "no SDM": bytes.fromhex("00E0EE"),
    "every communication mode": bytes.fromhex("0300E0"),
    "nobody may change them": bytes.fromhex("000FE0"),
    "SDM that mirrors nothing": block(ASCII, "FFFF"),
    "encrypted PICCData": block(BOTH, "FF1F", 32),
    "encrypted PICCData and MAC": block(BOTH, "FF12", 32, 64, 64),
    "plain UID and counter": block(BOTH, "FFEF", 32, 46),
    "plain counter, not mirrored": block(COUNTER | ASCII, "FFEF", 0xFFFFFF),
    "counter without any mirror": block(COUNTER | ASCII, "FFFF"),
    "free counter retrieval": block(BOTH, "FEEF", 32, 46),
    "plain UID, counter, ENC, MAC, limit": block(
        BOTH | ENC | LIMIT, "F1E2", 32, 46, 64, 64, 64, 128, 5
    ),
    "ENC ends where MAC begins": block(BOTH | ENC, "FF12", 32, 64, 64, 32, 96),
    "regions touch": block(BOTH, "FFE2", 32, 46, 0, 52),
    "UID at the very end": block(UID | ASCII, "FFEF", 242),
    "counter at the very end": block(COUNTER | ASCII, "FFEF", 250),
    "PICCData at the very end": block(BOTH, "FF1F", 224),
    "MAC at the very end": block(BOTH, "FF12", 32, 240, 240),
    "the lowest limit": block(COUNTER | LIMIT | ASCII, "FFFF", 1),
}

REFUSED = {
    "no AccessRights": (b"\x00\x00", "at least FileOption"),
    "a reserved bit of FileOption": (bytes.fromhex("0400E0"), "reserved bits"),
    "Read for key 5": (bytes.fromhex("000050"), "Read must not be"),
    "Write for key 5": (bytes.fromhex("000005"), "Write must not be"),
    "ReadWrite for key 5": (bytes.fromhex("005000"), "ReadWrite must not be"),
    "Change for key 5": (bytes.fromhex("000500"), "Change must not be"),
    "bytes after AccessRights": (bytes.fromhex("0000E000"), "end after AccessRights"),
    "SDM without a block": (bytes.fromhex("4000E0C1"), "at least SDMOptions"),
    "a block too short": (block(BOTH, "FF12", 32, 64), "takes 12 bytes, not 9"),
    "a block too long": (block(BOTH, "FF1F", 32, 64), "takes 6 bytes, not 9"),
    "binary mirrors": (block(UID | COUNTER, "FFFF"), "bit 0 must be set"),
    "reserved bit 2": (block(ASCII | 0x04, "FFFF"), "bits 2 and 1"),
    "reserved bit 1": (block(ASCII | 0x02, "FFFF"), "bits 2 and 1"),
    "a tamper status": (block(ASCII | 0x08, "FFFF"), "TagTamper"),
    "MetaRead for key 5": (block(BOTH, "FF5F", 32), "SDMMetaRead must not be"),
    "FileRead for key 5": (block(BOTH, "FF15", 32, 64, 64), "SDMFileRead must not be"),
    "FileRead free": (block(BOTH, "FF1E", 32, 64, 64), "SDMFileRead must not be"),
    "CtrRet for key 5": (block(BOTH, "F51F", 32), "SDMCtrRet must not be"),
    "the reserved nibble": (block(BOTH, "1F1F", 32), "reserved nibble"),
    "UID that nobody sees": (block(UID | ASCII, "FFFF"), "must not be F while the UID"),
    "MetaRead for nothing": (block(ASCII, "FF1F", 32), "must be F while neither"),
    "free MetaRead for nothing": (block(ASCII, "FFEF"), "must be F while neither"),
    "CtrRet without counter": (block(UID | ASCII, "F1EF", 32), "while the counter is not"),
    "limit without counter": (block(UID | LIMIT | ASCII, "FFEF", 32, 9), "SDMReadCtrLimit needs"),
    "limit of 0": (block(COUNTER | LIMIT | ASCII, "FFFF", 0), "above the counter"),
    "ENC without counter": (block(UID | ENC | ASCII, "FF12", 0, 64, 64, 32, 96), "both UID"),
    "ENC without UID": (block(COUNTER | ENC | ASCII, "FF12", 0, 64, 64, 32, 96), "both UID"),
    "ENC without FileRead": (block(BOTH | ENC, "FF1F", 32), "needs an SDMFileRead key"),
    "UID beyond the file": (block(UID | ASCII, "FFEF", 243), "beyond the file"),
    "UID not mirrored": (block(UID | ASCII, "FFEF", 0xFFFFFF), "beyond the file"),
    "counter beyond the file": (block(COUNTER | ASCII, "FFEF", 251), "beyond the file"),
    "PICCData beyond the file": (block(BOTH, "FF1F", 225), "beyond the file"),
    "MAC beyond the file": (block(BOTH, "FF12", 32, 64, 241), "beyond the file"),
    "MAC window reversed": (block(BOTH, "FF12", 32, 65, 64), "behind SDMMACOffset"),
    "ENC before the window": (block(BOTH | ENC, "FF12", 32, 65, 64, 32, 128), "begin before"),
    "ENC after the window": (block(BOTH | ENC, "FF12", 32, 64, 64, 32, 95), "end before"),
    "ENC of half a block": (block(BOTH | ENC, "FF12", 32, 64, 64, 48, 128), "multiple of 32"),
    "ENC of nothing": (block(BOTH | ENC, "FF12", 32, 64, 64, 0, 128), "multiple of 32"),
    "UID over counter": (block(BOTH, "FFEF", 32, 45), "UID and SDMReadCtr overlap"),
    "counter over UID": (block(BOTH, "FFEF", 37, 32), "UID and SDMReadCtr overlap"),
    "PICCData over MAC": (block(BOTH, "FF12", 32, 63, 63), "PICCData and SDMMAC overlap"),
    "PICCData over ENC": (
        block(BOTH | ENC, "FF12", 33, 64, 64, 32, 96),
        "PICCData and SDMENCFileData overlap",
    ),
    "UID over MAC": (block(BOTH, "FFE2", 32, 0, 45, 45), "UID and SDMMAC overlap"),
    "counter over ENC": (
        block(BOTH | ENC, "FFE2", 32, 90, 64, 64, 32, 96),
        "SDMReadCtr and SDMENCFileData overlap",
    ),
}


@pytest.mark.parametrize("settings", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_the_tag_takes_what_the_chip_takes(settings):
    assert tag_with(settings).read_counter == 0


@pytest.mark.parametrize(("settings", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_the_tag_refuses_what_the_chip_refuses_and_says_why(settings, reason):
    with pytest.raises(ValueError, match=reason):
        tag_with(settings)
