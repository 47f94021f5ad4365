"""The simulated tag refuses the file settings that the chip refuses (NT4H2421Gx §10.7.1)."""

from __future__ import annotations

import pytest

from ntag424.testing.simulated_tag import SimulatedTag
from tests.ntag424.testing.reading import ASCII, BOTH, COUNTER, ENC, LIMIT, TAMPER, UID, block


def tag_with(settings, **options):
    return SimulatedTag(
        uid=bytes.fromhex("04DE5F1EACC040"),
        keys=[bytes(16)] * 5,
        ndef_file=b"",
        file_settings=settings,
        **options,
    )


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
    "a tamper status": (block(ASCII | TAMPER, "FFFF", 0), "TagTamper"),
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


# ---- in LRP mode ----------------------------------------------------------------------------

ACCEPTED_IN_LRP_MODE = {
    "PICCData at the very end": block(BOTH, "FF1F", 208),
    "regions touch": block(BOTH, "FF12", 16, 64, 64),
    "UID at the very end": block(UID | ASCII, "FFEF", 242),
}
REFUSED_IN_LRP_MODE = {
    "PICCData beyond the file": (block(BOTH, "FF1F", 209), "PICCData at offset 209 reaches"),
    "PICCData over MAC": (block(BOTH, "FF12", 17, 64, 64), "PICCData and SDMMAC overlap"),
    "PICCData over ENC": (
        block(BOTH | ENC, "FF12", 17, 64, 64, 32, 96),
        "PICCData and SDMENCFileData overlap",
    ),
}


@pytest.mark.parametrize(
    "settings", ACCEPTED_IN_LRP_MODE.values(), ids=ACCEPTED_IN_LRP_MODE.keys()
)
def test_a_tag_in_lrp_mode_takes_what_the_chip_takes(settings):
    assert tag_with(settings, lrp=True).read_counter == 0


@pytest.mark.parametrize(
    ("settings", "reason"), REFUSED_IN_LRP_MODE.values(), ids=REFUSED_IN_LRP_MODE.keys()
)
def test_a_tag_in_lrp_mode_refuses_where_longer_picc_data_does_not_fit(settings, reason):
    with pytest.raises(ValueError, match=reason):
        tag_with(settings, lrp=True)


# ---- with a tamper loop ---------------------------------------------------------------------


def with_status_at(offset, picc=0, enc=64):
    """PICCData, status, then a window over nothing but 64 characters of ENC, and the MAC."""
    return block(BOTH | ENC | TAMPER, "FF12", picc, offset, enc, enc, 64, enc + 64)


ACCEPTED_WITH_A_LOOP = {
    "nothing but the status": block(TAMPER | ASCII, "FFFF", 0),
    "the status at the very end": block(TAMPER | ASCII, "FFFF", 254),
    "plain UID and counter, status, ENC, MAC, limit": block(
        BOTH | ENC | LIMIT | TAMPER, "F1E2", 32, 46, 60, 64, 64, 64, 128, 5
    ),
    "no status": block(BOTH, "FF12", 32, 64, 64),
    "behind PICCData": with_status_at(32),
    "before ENC": with_status_at(62),
    "the first characters of ENC": with_status_at(64),
    "the last characters of the first half of ENC": with_status_at(94),
    "behind MAC": with_status_at(144),
    "in a MAC window without ENC": block(BOTH | TAMPER, "FF12", 0, 70, 64, 80),
    "over the UID": block(UID | TAMPER | ASCII, "FFEF", 0, 6),
    "over the counter": block(COUNTER | TAMPER | ASCII, "FFEF", 0, 2),
}
HALF = "must lie wholly in the first half of SDMENCFileData"
REFUSED_WITH_A_LOOP = {
    "beyond the file": (block(TAMPER | ASCII, "FFFF", 255), "TTStatus at offset 255 reaches"),
    "without an offset": (block(TAMPER | ASCII, "FFFF"), "takes 6 bytes, not 3"),
    "an offset without the option": (block(ASCII, "FFFF", 0), "takes 3 bytes, not 6"),
    "over the end of PICCData": (with_status_at(31), "TTStatus and PICCData overlap"),
    "over the beginning of PICCData": (with_status_at(9, picc=10), "TTStatus and PICCData"),
    "over the beginning of MAC": (with_status_at(127), "TTStatus and SDMMAC overlap"),
    "over the end of MAC": (with_status_at(143), "TTStatus and SDMMAC overlap"),
    "half before ENC": (with_status_at(63), HALF),
    "over the middle of ENC": (with_status_at(95), HALF),
    "in the second half of ENC": (with_status_at(96), HALF),
    "at the end of ENC": (with_status_at(126), HALF),
}


@pytest.mark.parametrize(
    "settings", ACCEPTED_WITH_A_LOOP.values(), ids=ACCEPTED_WITH_A_LOOP.keys()
)
def test_a_tag_with_a_loop_takes_what_the_chip_takes(settings):
    assert tag_with(settings, tamper=b"CC").read_counter == 0


@pytest.mark.parametrize(
    ("settings", "reason"), REFUSED_WITH_A_LOOP.values(), ids=REFUSED_WITH_A_LOOP.keys()
)
def test_a_tag_with_a_loop_refuses_what_the_chip_refuses(settings, reason):
    with pytest.raises(ValueError, match=reason):
        tag_with(settings, tamper=b"CC")


def test_the_status_must_not_overlap_the_longer_picc_data_of_lrp_mode():
    with pytest.raises(ValueError, match="TTStatus and PICCData overlap"):
        tag_with(with_status_at(47), tamper=b"CC", lrp=True)
