"""The simulated tag counts, mirrors and refuses as the chip does."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from hypothesis import given
from hypothesis import strategies as st

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag import SimulatedTag

UID = bytes.fromhex("04DE5F1EACC040")
KEYS = [bytes([number]) * 16 for number in range(1, 6)]
MAC_KEY, META_KEY = KEYS[2], KEYS[1]

# Settings by hand: FileOption, AccessRights, SDMOptions, SDMAccessRights, then 3 bytes LE each.
NO_SDM = bytes.fromhex("0000E0")
PICC_AT, MAC_AT = 16, 64
PICC_AND_MAC = bytes.fromhex("4000E0 C1 FF12 100000 400000 400000")
LIMIT_3 = bytes.fromhex("4000E0 E1 FF12 100000 400000 400000 030000")

# ---- how a reader asks ----------------------------------------------------------------------


def select(target, p1=0x00, p2=0x0C):
    return CommandApdu(0xA4, bytes.fromhex(target), cla=0x00, p1=p1, p2=p2)


APPLICATION = select("D2760000850101", p1=0x04)
CC, NDEF, PROPRIETARY = select("E103"), select("E104"), select("E105")


def read_binary(offset=0, le=0):
    return CommandApdu(0xB0, cla=0x00, p1=offset >> 8, p2=offset & 0xFF, le=le)


def read_data(file_number=2, offset=0, length=0):
    header = bytes([file_number]) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
    return CommandApdu(0xAD, header)


def make_tag(settings=PICC_AND_MAC, *, ndef_file=b"", **options):
    return SimulatedTag(uid=UID, keys=KEYS, ndef_file=ndef_file, file_settings=settings, **options)


def opened(settings=PICC_AND_MAC, **options):
    """Give a tag whose NDEF file is selected."""
    tag = make_tag(settings, **options)
    for command in (APPLICATION, NDEF):
        assert tag.transmit(command).status == Status.ISO_OK
    return tag


def whole(tag):
    answer = tag.transmit(read_binary())
    assert answer.status == Status.ISO_OK
    return answer.data


def status(tag, *commands):
    """Send all and give the last status."""
    return [tag.transmit(command).status for command in commands][-1]


def cmac(key, message):
    return CMAC.new(key, message, ciphermod=AES).digest()


def short_mac(key, message):
    return cmac(key, message)[1::2].hex().upper().encode()


def decrypted_picc(content):
    encrypted = bytes.fromhex(content[PICC_AT : PICC_AT + 32].decode())
    return AES.new(META_KEY, AES.MODE_CBC, iv=bytes(16)).decrypt(encrypted)


# ---- the known answers ----------------------------------------------------------------------

DOCUMENT = json.loads((Path(__file__).parents[2] / "vectors" / "sdm.json").read_text())
#: Those of the application note; what other tags delivered is in test_known_taps.
VECTORS = [vector for vector in DOCUMENT["vectors"] if vector["id"].startswith("an12196")]
#: Where the padding of PICCData begins, behind tag, UID and counter.
PADDING_AT = 11
# AN12196 table 6: PICCDataOffset 1F, SDMENCOffset 44, SDMENCLength 20, SDMMACOffset 6A.
URL = b"my424dna.com/?picc_data=" + b"0" * 32 + b"&enc=" + b"x" * 32 + b"&cmac=" + b"0" * 16
URL_FILE = b"\x00\x78\xd1\x01\x74\x55\x04" + URL
PICC, ENC, MAC = slice(0x1F, 0x3F), slice(0x44, 0x64), slice(0x6A, 0x7A)
WITH_ENC = bytes.fromhex("4000E0 D1 FE00 1F0000 440000 440000 200000 6A0000")
WITHOUT_ENC = bytes.fromhex("4000E0 C1 FE00 1F0000 6A0000 6A0000")


def vectors_with(name):
    chosen = [vector for vector in VECTORS if name in vector["in"] | vector["out"]]
    return pytest.mark.parametrize("vector", chosen, ids=lambda vector: vector["id"])


def tapped_as_in(vector):
    """Tap a factory-keyed tag that has the vector's UID, counter, padding and layout."""
    answers = vector["out"]
    plain = bytes.fromhex(answers.get("plain") or answers["picc_plain"])
    tag = SimulatedTag(
        uid=plain[1:8],
        keys=[bytes(16)] * 5,
        ndef_file=URL_FILE,
        file_settings=WITH_ENC if "enc_file_data" in vector["in"] else WITHOUT_ENC,
        random_bytes={16 - PADDING_AT: plain[PADDING_AT:]}.__getitem__,
        read_counter=int.from_bytes(plain[8:PADDING_AT], "little") - 1,
    )
    return tag.tap()


@vectors_with("picc_enc_data")
def test_picc_data_is_that_of_the_application_note(vector):
    assert tapped_as_in(vector)[PICC].decode() == vector["in"]["picc_enc_data"]


@vectors_with("enc_file_data")
def test_encrypted_file_data_is_that_of_the_application_note(vector):
    assert tapped_as_in(vector)[ENC].decode() == vector["in"]["enc_file_data"]


@vectors_with("sdmmac")
def test_the_mac_is_that_of_the_application_note(vector):
    assert tapped_as_in(vector)[MAC].decode() == vector["out"]["sdmmac"]


def test_every_vector_reaches_a_test():
    assert [vector["id"] for vector in VECTORS] == [
        "an12196-t3",
        "an12196-t4",
        "an12196-4.4.3-url",
        "an12196-t5",
        "an12196-t6",
    ]


# ---- when the counter steps -----------------------------------------------------------------

ISO_READ, NATIVE_READ = read_binary(0, 8), read_data(2, 0, 8)


def test_a_new_tag_has_counted_nothing():
    assert make_tag().read_counter == 0


def test_the_counter_steps_before_the_first_answer():
    assert decrypted_picc(whole(opened()))[8:11] == b"\x01\x00\x00"


@pytest.mark.parametrize("read", [ISO_READ, NATIVE_READ], ids=["ISOReadBinary", "ReadData"])
def test_reads_in_a_row_share_one_count(read):
    tag = opened()
    for _ in range(3):
        tag.transmit(read)
    assert tag.read_counter == 1


@pytest.mark.parametrize("read", [ISO_READ, NATIVE_READ], ids=["ISOReadBinary", "ReadData"])
@pytest.mark.parametrize(
    "between",
    [
        (NDEF,),
        (APPLICATION, NDEF),
        (select("FFFF"),),
        (CommandApdu(0xF5, b"\x02"),),
        (CommandApdu(0x6F),),
        (CommandApdu(0xCA, cla=0x00),),
        (CommandApdu(0xAD, cla=0xA0),),
        (read_data(1),),
    ],
    ids=[
        "select the same file",
        "select the application",
        "select what is not there",
        "GetFileSettings",
        "unknown native command",
        "unknown ISO command",
        "unknown class",
        "ReadData of another file",
    ],
)
def test_any_other_command_in_between_starts_a_new_run(read, between):
    tag = opened()
    status(tag, read, *between, read)
    assert tag.read_counter == 2


@pytest.mark.parametrize(
    "order", [(ISO_READ, NATIVE_READ), (NATIVE_READ, ISO_READ)], ids=["to native", "to ISO"]
)
def test_switching_the_read_command_starts_a_new_run(order):
    tag = opened()
    status(tag, *order)
    assert tag.read_counter == 2


def test_leaving_the_field_starts_a_new_run():
    tag = opened()
    status(tag, NATIVE_READ)
    tag.power_cycle()
    status(tag, APPLICATION, NATIVE_READ)
    assert tag.read_counter == 2


@pytest.mark.parametrize("refused", [read_binary(0x100, 1), read_data(2, 0x100)])
def test_a_refused_read_is_not_counted(refused):
    tag = opened()
    tag.transmit(refused)
    assert tag.read_counter == 0


def test_a_refused_read_of_the_same_kind_leaves_the_run_open():
    tag = opened()
    status(tag, ISO_READ, read_binary(0x100, 1), ISO_READ)
    assert tag.read_counter == 1


def test_reading_another_file_is_not_counted():
    tag = opened()
    status(tag, read_data(1), CC, read_binary())
    assert tag.read_counter == 0


@pytest.mark.parametrize(
    "settings",
    [NO_SDM, bytes.fromhex("4000E0 81 FFEF 100000")],
    ids=["without SDM", "counter not enabled"],
)
def test_without_an_enabled_counter_nothing_is_counted(settings):
    tag = opened(settings)
    whole(tag)
    assert tag.read_counter == 0


def test_a_tap_counts_once_however_many_reads_it_takes():
    tag = make_tag(ndef_file=URL_FILE)
    tag.tap()
    assert tag.read_counter == 1


def test_taps_count_on_from_where_the_counter_started():
    tag = make_tag(read_counter=0x1FE)
    for _ in range(3):
        tag.tap()
    assert tag.read_counter == 0x201


# ---- where the counter ends -----------------------------------------------------------------


def test_a_limit_of_three_allows_three_runs():
    tag = make_tag(LIMIT_3)
    for _ in range(3):
        tag.tap()
    with pytest.raises(ValueError, match="answered 6982"):
        tag.tap()


@pytest.mark.parametrize(
    ("settings", "counter", "read", "refusal"),
    [
        (LIMIT_3, 3, NATIVE_READ, Status.PERMISSION_DENIED),
        (LIMIT_3, 3, ISO_READ, Status.ISO_SECURITY_NOT_SATISFIED),
        (PICC_AND_MAC, 0xFFFFFF, NATIVE_READ, Status.INTEGRITY_ERROR),
        (PICC_AND_MAC, 0xFFFFFF, ISO_READ, Status.ISO_SECURITY_NOT_SATISFIED),
        (LIMIT_3[:-3] + b"\xff" * 3, 0xFFFFFF, NATIVE_READ, Status.INTEGRITY_ERROR),
    ],
    ids=["limit, native", "limit, ISO", "FFFFFF, native", "FFFFFF, ISO", "no limit, native"],
)
def test_a_used_up_counter_refuses_a_first_read(settings, counter, read, refusal):
    assert status(opened(settings, read_counter=counter), read) == refusal


@pytest.mark.parametrize(("settings", "last"), [(LIMIT_3, 3), (PICC_AND_MAC, 0xFFFFFF)])
def test_the_last_run_may_be_read_to_its_end(settings, last):
    tag = opened(settings, read_counter=last - 1)
    assert status(tag, ISO_READ, ISO_READ) == Status.ISO_OK


def test_a_refused_first_read_leaves_a_used_up_counter_alone():
    tag = opened(PICC_AND_MAC, read_counter=0xFFFFFF)
    status(tag, ISO_READ, NATIVE_READ)
    assert tag.read_counter == 0xFFFFFF


# ---- one run, one content -------------------------------------------------------------------


def test_picc_padding_is_drawn_once_per_run():
    drawn = itertools.count(1)
    tag = opened(random_bytes=lambda count: bytes([next(drawn)]) * count)
    paddings = [decrypted_picc(whole(tag))[11:] for _ in range(2)]
    tag.transmit(NDEF)
    paddings.append(decrypted_picc(whole(tag))[11:])
    assert paddings == [b"\x01" * 5, b"\x01" * 5, b"\x02" * 5]


@given(st.lists(st.integers(1, 255), max_size=8, unique=True).map(sorted))
def test_a_file_read_in_chunks_is_the_file_read_at_once(cuts):
    tag = opened(WITH_ENC, ndef_file=URL_FILE)
    edges = [0, *cuts, 256]
    reads = [read_binary(start, end - start & 0xFF) for start, end in itertools.pairwise(edges)]
    assert b"".join(tag.transmit(read).data for read in reads) == whole(tag)


@given(st.lists(st.integers(1, 255), max_size=8, unique=True).map(sorted))
def test_read_data_in_chunks_is_the_file_read_at_once(cuts):
    tag = opened(WITH_ENC, ndef_file=URL_FILE)
    edges = [0, *cuts, 256]
    reads = [read_data(2, start, end - start) for start, end in itertools.pairwise(edges)]
    assert b"".join(tag.transmit(read).data for read in reads) == tag.transmit(read_data()).data


def test_a_tap_returns_the_length_and_the_whole_message():
    assert make_tag(NO_SDM, ndef_file=b"\x00\xfe" + b"m" * 254).tap() == b"\x00\xfe" + b"m" * 254


def test_a_tap_begins_with_a_fresh_field():
    tag = make_tag(NO_SDM)
    tag.transmit(CommandApdu(0x60))  # leaves a frame of GetVersion pending
    assert tag.tap() == b"\x00\x00"


def test_a_tap_of_a_blank_tag_finds_an_empty_message():
    assert make_tag(NO_SDM).tap() == b"\x00\x00"


def test_a_tap_fails_if_the_message_claims_to_be_longer_than_the_file():
    with pytest.raises(ValueError, match="the tag answered"):
        make_tag(NO_SDM, ndef_file=b"\x01\x00").tap()


# ---- what is mirrored -----------------------------------------------------------------------

UID_TEXT = UID.hex().upper().encode()
SV2 = bytes.fromhex("3CC300010080")


def test_without_sdm_the_file_is_delivered_as_written():
    assert whole(opened(NO_SDM, ndef_file=b"abc")) == b"abc" + bytes(253)


def test_a_plain_uid_is_mirrored_where_the_offset_says():
    content = whole(opened(bytes.fromhex("4000E0 81 FFEF 050000")))
    assert content == bytes(5) + UID_TEXT + bytes(237)


def test_a_plain_counter_is_mirrored_most_significant_byte_first():
    tag = opened(bytes.fromhex("4000E0 41 FFEF 050000"), read_counter=0x00ABCC)
    assert whole(tag) == bytes(5) + b"00ABCD" + bytes(245)


def test_an_offset_of_all_ones_leaves_a_running_counter_out():
    tag = opened(bytes.fromhex("4000E0 41 FFEF FFFFFF"))
    assert (whole(tag), tag.read_counter) == (bytes(256), 1)


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ("C1", bytes.fromhex("C7") + UID + bytes.fromhex("010000") + b"r" * 5),
        ("81", bytes.fromhex("87") + UID + b"r" * 8),
        ("41", bytes.fromhex("40 010000") + b"r" * 12),
    ],
    ids=["both", "UID only", "counter only"],
)
def test_picc_data_carries_what_the_options_ask_for(options, plain):
    settings = bytes.fromhex(f"4000E0 {options} FF1F 100000")
    tag = opened(settings, random_bytes=lambda count: b"r" * count)
    assert decrypted_picc(whole(tag)) == plain


@pytest.mark.parametrize(
    ("settings", "vector"),
    [
        ("C1 FF12 100000 400000 400000", UID + b"\x01\x00\x00"),
        ("81 FF12 100000 400000 400000", UID + bytes(3)),
        ("41 FF12 100000 400000 400000", b"\x01\x00\x00" + bytes(7)),
        ("C1 FFE2 100000 200000 400000 400000", UID + b"\x01\x00\x00"),
        ("81 FFE2 100000 400000 400000", UID + bytes(3)),
        ("41 FFE2 200000 400000 400000", b"\x01\x00\x00" + bytes(7)),
        ("C1 FFE2 100000 FFFFFF 400000 400000", UID + bytes(3)),
        ("01 FFF2 400000 400000", bytes(10)),
        ("41 FFF2 400000 400000", bytes(10)),
    ],
    ids=[
        "encrypted both",
        "encrypted UID",
        "encrypted counter",
        "plain both",
        "plain UID",
        "plain counter",
        "counter not mirrored",
        "neither",
        "counter without mirror",
    ],
)
def test_the_mac_key_is_made_of_what_is_mirrored(settings, vector):
    content = whole(opened(bytes.fromhex("4000E0" + settings)))
    assert content[MAC_AT : MAC_AT + 16] == short_mac(cmac(MAC_KEY, SV2 + vector), b"")


def test_the_mac_covers_the_file_as_delivered():
    content = whole(opened(bytes.fromhex("4000E0 C1 FFE2 050000 200000 040000 400000")))
    key = cmac(MAC_KEY, SV2 + UID + b"\x01\x00\x00")
    assert content[MAC_AT : MAC_AT + 16] == short_mac(key, content[4:MAC_AT])


def test_encrypted_file_data_takes_only_the_first_half_of_its_place():
    one = opened(WITH_ENC, ndef_file=URL_FILE[:0x44] + b"x" * 16 + b"1" * 16)
    two = opened(WITH_ENC, ndef_file=URL_FILE[:0x44] + b"x" * 16 + b"2" * 16)
    assert whole(one)[ENC] == whole(two)[ENC]


def test_encrypted_file_data_of_several_blocks_is_chained():
    settings = bytes.fromhex("4000E0 D1 FFE2 000000 0E0000 400000 400000 400000 800000")
    content = whole(opened(settings, ndef_file=bytes(64) + b"0123456789abcdef" * 2))
    counter = b"\x01" + bytes(15)
    key = cmac(MAC_KEY, bytes.fromhex("C33C00010080") + UID + counter[:3])
    iv = AES.new(key, AES.MODE_ECB).encrypt(counter)
    encrypted = bytes.fromhex(content[64:128].decode())
    assert AES.new(key, AES.MODE_CBC, iv=iv).decrypt(encrypted) == b"0123456789abcdef" * 2


def test_mirrors_do_not_need_a_file_read_key():
    content = whole(opened(bytes.fromhex("4000E0 81 FFEF 000000")))
    assert content[:14] == UID_TEXT


def test_a_random_source_of_the_wrong_length_is_named():
    tag = opened(random_bytes=lambda count: bytes(count - 1))
    with pytest.raises(ValueError, match=r"random_bytes\(5\) gave 4 bytes"):
        whole(tag)


# ---- who may read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "native", "iso"),
    [
        ("0000E0", Status.OK, Status.ISO_OK),
        ("00E000", Status.OK, Status.ISO_OK),
        ("000000", Status.AUTHENTICATION_ERROR, Status.ISO_SECURITY_NOT_SATISFIED),
        ("00F000", Status.AUTHENTICATION_ERROR, Status.ISO_SECURITY_NOT_SATISFIED),
        ("0000F0", Status.AUTHENTICATION_ERROR, Status.ISO_SECURITY_NOT_SATISFIED),
        ("00F0F0", Status.PERMISSION_DENIED, Status.ISO_SECURITY_NOT_SATISFIED),
        ("40F0F0 81 FFEF 000000", Status.PERMISSION_DENIED, Status.ISO_SECURITY_NOT_SATISFIED),
        ("40F0F0 81 FFE2 000000 400000 400000", Status.OK, Status.ISO_OK),
        ("400000 81 FFE2 000000 400000 400000", Status.OK, Status.ISO_OK),
    ],
    ids=[
        "Read free",
        "ReadWrite free",
        "both for key 0",
        "Read for key 0",
        "ReadWrite for key 0",
        "never",
        "never, mirrors only",
        "never, but SDMFileRead",
        "key 0, but SDMFileRead",
    ],
)
def test_reading_is_free_by_read_by_read_write_or_by_sdm_file_read(settings, native, iso):
    tag = opened(bytes.fromhex(settings))
    assert (status(tag, NATIVE_READ), status(tag, ISO_READ)) == (native, iso)


def test_the_proprietary_file_needs_a_key():
    tag = opened()
    assert (status(tag, read_data(3)), status(tag, PROPRIETARY, read_binary())) == (
        Status.AUTHENTICATION_ERROR,
        Status.ISO_SECURITY_NOT_SATISFIED,
    )


# ---- selecting ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (read_data(), Status.PERMISSION_DENIED),
        (CommandApdu(0xF5, b"\x02"), Status.PERMISSION_DENIED),
        (read_binary(), Status.ISO_CONDITIONS_NOT_SATISFIED),
        (NDEF, Status.ISO_FILE_NOT_FOUND),
        (select("E104", p1=0x02), Status.ISO_FILE_NOT_FOUND),
        (select("", p1=0x03), Status.ISO_FILE_NOT_FOUND),
    ],
)
def test_after_power_on_the_master_file_refuses_all_about_files(command, refusal):
    tag = opened()
    tag.power_cycle()
    assert status(tag, command) == refusal


@pytest.mark.parametrize(
    "way",
    [
        (APPLICATION,),
        (select("D2760000850101", p1=0x04, p2=0x00),),
        (select("E110"),),
        (select("E110", p1=0x01),),
        (APPLICATION, APPLICATION),
        (NDEF, APPLICATION),
    ],
)
def test_the_application_is_reached_by_name_and_by_id(way):
    assert status(make_tag(), *way, read_data()) == Status.OK


@pytest.mark.parametrize(
    "way",
    [select(""), select("3F00"), select("", p1=0x03), select("D2760000850100", p1=0x04)],
    ids=["empty", "3F00", "parent", "name"],
)
def test_the_master_file_is_reached_by_name_by_id_and_as_parent(way):
    assert status(opened(), way, read_data()) == Status.PERMISSION_DENIED


def test_selecting_the_application_deselects_its_file():
    assert status(opened(), APPLICATION, read_binary()) == Status.ISO_CONDITIONS_NOT_SATISFIED


@pytest.mark.parametrize("p1", [0x00, 0x02])
def test_an_elementary_file_is_selected_by_id(p1):
    tag = opened()
    assert status(tag, select("E103", p1=p1)) == Status.ISO_OK
    assert len(whole(tag)) == 32


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (select("E106"), Status.ISO_FILE_NOT_FOUND),
        (select("E110", p1=0x01), Status.ISO_FILE_NOT_FOUND),
        (select("E110", p1=0x02), Status.ISO_FILE_NOT_FOUND),
        (select("D27600008501", p1=0x04), Status.ISO_FILE_NOT_FOUND),
        (select("E1"), Status.ISO_INCONSISTENT_LC),
        (select("", p1=0x02), Status.ISO_INCONSISTENT_LC),
        (select("3F00", p1=0x03), Status.ISO_INCONSISTENT_LC),
        (select("E104", p1=0x05), Status.ISO_WRONG_PARAMETERS),
        (select("E104", p2=0x04), Status.ISO_WRONG_PARAMETERS),
    ],
)
def test_a_select_that_names_nothing_is_refused(command, refusal):
    assert status(opened(), command) == refusal


def test_a_refusal_carries_no_data():
    assert make_tag().transmit(NDEF) == ResponseApdu(b"", Status.ISO_FILE_NOT_FOUND)


def test_a_select_returns_no_file_control_information():
    assert opened().transmit(NDEF) == ResponseApdu(b"", Status.ISO_OK)


def test_a_refused_select_leaves_the_file_selected():
    assert status(opened(), select("E106"), read_binary()) == Status.ISO_OK


# ---- reading --------------------------------------------------------------------------------


def test_read_binary_gives_the_bytes_from_the_offset_on():
    tag = opened(NO_SDM, ndef_file=bytes(range(256)))
    assert tag.transmit(read_binary(0xF0, 3)).data == b"\xf0\xf1\xf2"


def test_read_binary_with_le_0_gives_the_rest_of_the_file():
    tag = opened(NO_SDM, ndef_file=bytes(range(256)))
    assert tag.transmit(read_binary(0xFD)).data == b"\xfd\xfe\xff"


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (read_binary(0xFD, 4), 0x6C03),
        (read_binary(0x100, 1), Status.ISO_WRONG_PARAMETERS),
        (read_binary(0, None), Status.ISO_WRONG_LENGTH),
        (CommandApdu(0xB0, b"\x00", cla=0x00), Status.ISO_WRONG_LENGTH),
        (CommandApdu(0xB0, cla=0x00, p1=0x82), Status.ISO_FILE_NOT_FOUND),
    ],
    ids=["Le too large", "offset beyond", "no Le", "data", "short file id"],
)
def test_read_binary_refuses_what_is_not_in_the_file(command, refusal):
    assert status(opened(NO_SDM), command) == refusal


def test_read_data_gives_the_bytes_from_the_offset_on():
    tag = opened(NO_SDM, ndef_file=bytes(range(256)))
    assert tag.transmit(read_data(2, 0xF0, 3)).data == b"\xf0\xf1\xf2"


def test_read_data_of_length_0_gives_the_rest_of_the_file():
    tag = opened(NO_SDM, ndef_file=bytes(range(256)))
    assert tag.transmit(read_data(2, 0xFD)).data == b"\xfd\xfe\xff"


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (read_data(2, 0xFD, 4), Status.BOUNDARY_ERROR),
        (read_data(2, 0x100), Status.BOUNDARY_ERROR),
        (read_data(4), Status.FILE_NOT_FOUND),
        (CommandApdu(0xAD, b"\x02"), Status.LENGTH_ERROR),
        (CommandApdu(0xAD, read_data().data, le=8), Status.LENGTH_ERROR),
        (CommandApdu(0xAD, read_data().data, p1=1), Status.ISO_WRONG_PARAMETERS),
        (CommandApdu(0xAD, read_data().data, p2=1), Status.ISO_WRONG_PARAMETERS),
    ],
    ids=["length", "offset", "file", "header", "Le", "P1", "P2"],
)
def test_read_data_refuses_what_is_not_in_the_file(command, refusal):
    assert status(opened(NO_SDM), command) == refusal


def test_the_capability_container_is_the_one_at_delivery():
    tag = opened()
    tag.transmit(CC)
    expected = "001720010000FF 0406E10401000000 0506E10500808283 000000000000000000"
    assert whole(tag) == bytes.fromhex(expected)


# ---- everything else ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (CommandApdu(0x6F), Status.ILLEGAL_COMMAND_CODE),
        (CommandApdu(0xAF), Status.ILLEGAL_COMMAND_CODE),
        (CommandApdu(0xCA, b"\x00", cla=0x00), Status.ISO_UNKNOWN_INSTRUCTION),
        (CommandApdu(0xAD, cla=0x80), Status.ISO_UNKNOWN_CLASS),
    ],
    ids=["native", "frame of nothing", "ISO", "class"],
)
def test_an_unknown_command_is_refused(command, refusal):
    assert status(opened(), command) == refusal


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (1, "00 0000E0 200000"),
        (2, "00 4000E0 000100 C1FF12100000400000400000"),
        (3, "00 033023 800000"),
    ],
)
def test_get_file_settings_answers_with_type_and_size(number, answer):
    expected = ResponseApdu(bytes.fromhex(answer), Status.OK)
    assert opened().transmit(CommandApdu(0xF5, bytes([number]))) == expected


def test_get_file_settings_of_no_file_is_refused():
    assert status(opened(), CommandApdu(0xF5)) == Status.LENGTH_ERROR


FIRST_FRAME, NEXT_FRAME = CommandApdu(0x60), CommandApdu(0xAF)


def test_get_version_answers_in_three_frames():
    tag = make_tag()
    answers = [tag.transmit(command) for command in (FIRST_FRAME, NEXT_FRAME, NEXT_FRAME)]
    assert [answer.status for answer in answers] == [0x91AF, 0x91AF, 0x9100]


def test_get_version_names_the_chip_and_the_uid():
    tag = make_tag()
    parts = [tag.transmit(command).data for command in (FIRST_FRAME, NEXT_FRAME, NEXT_FRAME)]
    hardware, software = bytes.fromhex("04040230001105"), bytes.fromhex("04040201021105")
    assert (parts[0], parts[1], parts[2][:7], len(parts[2])) == (hardware, software, UID, 14)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (CommandApdu(0xF5, b"\x02"), Status.COMMAND_ABORTED),
        (APPLICATION, Status.ISO_CONDITIONS_NOT_SATISFIED),
        (CommandApdu(0xAF, b"\x00"), Status.LENGTH_ERROR),
    ],
)
def test_another_command_breaks_off_a_pending_get_version(command, refusal):
    tag = make_tag()
    answers = [tag.transmit(each).status for each in (FIRST_FRAME, command, NEXT_FRAME)]
    assert answers == [Status.ADDITIONAL_FRAME, refusal, Status.ILLEGAL_COMMAND_CODE]


def test_get_version_takes_no_data():
    assert status(make_tag(), CommandApdu(0x60, b"\x00")) == Status.LENGTH_ERROR


def test_leaving_the_field_breaks_off_a_pending_get_version():
    tag = make_tag()
    tag.transmit(FIRST_FRAME)
    tag.power_cycle()
    assert status(tag, NEXT_FRAME) == Status.ILLEGAL_COMMAND_CODE


# ---- making one -----------------------------------------------------------------------------


def test_the_repr_shows_uid_and_counter_only():
    tag = make_tag(read_counter=7)
    assert repr(tag) == "SimulatedTag(uid=04DE5F1EACC040, read_counter=7)"


def test_no_part_of_the_tag_shows_a_key():
    shown = " ".join(repr(part) for part in vars(make_tag()).values())
    assert not [key for key in KEYS if repr(key) in shown or key.hex() in shown.lower()]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"uid": bytes(4)}, "UID has 7 bytes, not 4"),
        ({"keys": [bytes(16)] * 4}, "five AppKeys, not 4"),
        ({"keys": [bytes(16)] * 4 + [bytes(15)]}, "every AppKey has 16 bytes"),
        ({"ndef_file": bytes(257)}, "256 bytes, not 257"),
        ({"read_counter": -1}, "24 bits"),
        ({"read_counter": 0x1000000}, "24 bits"),
        ({"file_settings": LIMIT_3, "read_counter": 4}, "4 cannot be above SDMReadCtrLimit 3"),
        ({"file_settings": b""}, "at least FileOption"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tag_that_cannot_exist_is_refused(wrong, reason):
    right = {"uid": UID, "keys": KEYS, "ndef_file": b"", "file_settings": NO_SDM}
    with pytest.raises(ValueError, match=reason):
        SimulatedTag(**(right | wrong))
