"""What the chip takes has a value, what it refuses has none, and the bytes say the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.model import (
    EncryptedFileData,
    EncryptedMirror,
    Mode,
    PiccDataTag,
    PlainMirror,
    SdmSettings,
)
from ntag424.model.files import (
    FACTORY_CC,
    FACTORY_SETTINGS,
    FREE,
    NEVER,
    AccessRights,
    CapabilityContainer,
    CommMode,
    FileControl,
    FileDescription,
    FileSettings,
    ReadCounter,
    SdmAccess,
    SdmBlock,
    SecuredRead,
    Tlv,
)
from ntag424.testing import SimulatedTag
from tests.support import vectors

RIGHTS = AccessRights(FREE, 0, 0, 0)
COUNTED = ReadCounter()
MAC = SecuredRead(2, 200, 200)
ENCRYPTED = SdmBlock(EncryptedMirror(0x20), 1, MAC, COUNTED)
PLAIN = SdmBlock(PlainMirror(10, 30), None, MAC, COUNTED)
WITH_FILE = SecuredRead(2, 100, 200, EncryptedFileData(110, 64))


def settings(sdm=None, mode=CommMode.PLAIN, access=RIGHTS):
    return FileSettings(mode, access, sdm)


# ---- known answers --------------------------------------------------------------------------

DESCRIPTIONS = vectors("chip", "file_settings_parse")
each_description = pytest.mark.parametrize("vector", DESCRIPTIONS, ids=lambda vector: vector.id)


@each_description
def test_a_published_description_is_read_and_written_the_same(vector):
    assert bytes(FileDescription.from_bytes(vector["settings"])) == vector["settings"]


@each_description
def test_the_offsets_of_a_published_description_are_the_published_ones(vector):
    sdm = FileDescription.from_bytes(vector["settings"]).settings.sdm
    offsets = (sdm.mirror.picc_data_offset, sdm.secured.mac_input_offset, sdm.secured.mac_offset)
    names = ("picc_data_offset", "mac_input_offset", "mac_offset")
    assert offsets == tuple(int.from_bytes(vector[name], "big") for name in names)


@each_description
def test_the_rights_of_a_published_description_are_the_published_ones(vector):
    access = FileDescription.from_bytes(vector["settings"]).settings.access
    found = [access.read, access.write, access.read_write, access.change]
    names = ("read", "write", "read_write", "change")
    assert [int(getattr(one, "value", one)) for one in found] == [vector[n][0] for n in names]


@pytest.mark.parametrize(
    ("number", "wire"), [(1, "0000E0"), (2, "00E0EE"), (3, "033023")], ids=["CC", "NDEF", "own"]
)
def test_the_settings_at_delivery_are_those_of_the_data_sheet(number, wire):
    assert bytes(FACTORY_SETTINGS[number]) == bytes.fromhex(wire)


def test_the_container_at_delivery_is_that_of_the_data_sheet():
    wire = "001720010000FF0406E104010000000506E105008082830000000000000000 00"
    assert bytes(FACTORY_CC) == bytes.fromhex(wire)


def test_the_longest_settings_have_30_bytes():
    longest = SdmBlock(
        PlainMirror(10, 30),
        None,
        WITH_FILE,
        ReadCounter(1, 0x1234),
        tamper_offset=50,
    )
    assert len(bytes(settings(longest))) == 30


# ---- rules of presence and validity (NT4H2421Gx §10.7.1) ------------------------------------

REFUSED = {
    "meta-read key beside plain mirrors": lambda: replace(PLAIN, meta_read=1),
    "PICCData without its key": lambda: replace(ENCRYPTED, meta_read=None),
    "a meta-read key that is none": lambda: replace(ENCRYPTED, meta_read=5),
    "a file-read key that is none": lambda: replace(MAC, file_read=5),
    "mirrors of nothing": lambda: SdmBlock(PlainMirror(None, None), None, MAC),
    "a mirrored counter that is not enabled": lambda: replace(PLAIN, counter=None),
    "PICCData with a counter that is not enabled": lambda: replace(ENCRYPTED, counter=None),
    "PICCData without the counter that is enabled": lambda: replace(
        ENCRYPTED, mirror=EncryptedMirror(0x20, PiccDataTag.UID)
    ),
    "a limit of 0": lambda: ReadCounter(limit=0),
    "a limit of 25 bits": lambda: ReadCounter(limit=1 << 24),
    "a counter that key 5 may read": lambda: ReadCounter(5),
    "file data without the UID": lambda: SdmBlock(PlainMirror(None, 30), None, WITH_FILE, COUNTED),
    "file data without the counter": lambda: SdmBlock(PlainMirror(10, None), None, WITH_FILE),
    "file data of 16 characters": lambda: EncryptedFileData(110, 16),
    "file data of 48 characters": lambda: EncryptedFileData(110, 48),
    "file data of none": lambda: EncryptedFileData(110, 0),
    "file data before the window": lambda: SecuredRead(2, 120, 200, EncryptedFileData(110, 64)),
    "file data up to behind the MAC's start": lambda: SecuredRead(
        2, 100, 173, EncryptedFileData(110, 64)
    ),
    "a window that ends before it begins": lambda: SecuredRead(2, 201, 200),
    "a UID beyond the file": lambda: replace(PLAIN, mirror=PlainMirror(243, 30)),
    "a counter beyond the file": lambda: replace(PLAIN, mirror=PlainMirror(10, 251)),
    "PICCData beyond the file": lambda: replace(ENCRYPTED, mirror=EncryptedMirror(225)),
    "a MAC beyond the file": lambda: replace(PLAIN, secured=SecuredRead(2, 0, 241)),
    "a tamper status beyond the file": lambda: replace(PLAIN, tamper_offset=255),
    "UID over counter": lambda: replace(PLAIN, mirror=PlainMirror(10, 23)),
    "UID over MAC": lambda: replace(PLAIN, mirror=PlainMirror(187, 30)),
    "PICCData over MAC": lambda: replace(ENCRYPTED, mirror=EncryptedMirror(169)),
    "UID over file data": lambda: replace(PLAIN, mirror=PlainMirror(97, 30), secured=WITH_FILE),
    "tamper status over PICCData": lambda: replace(ENCRYPTED, tamper_offset=0x20 + 31),
    "tamper status over MAC": lambda: replace(PLAIN, tamper_offset=199),
    "tamper status in the second half of file data": lambda: replace(
        PLAIN, secured=WITH_FILE, tamper_offset=110 + 32
    ),
    "tamper status over the middle of file data": lambda: replace(
        PLAIN, secured=WITH_FILE, tamper_offset=110 + 31
    ),
    "tamper status over the start of file data": lambda: replace(
        PLAIN, secured=WITH_FILE, tamper_offset=109
    ),
    "rights for key 5": lambda: AccessRights(5, 0, 0, 0),
    "rights for key -1": lambda: AccessRights(0, 0, -1, 0),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_the_chip_refuses_has_no_constructor(make):
    with pytest.raises(ValueError, match=r"."):
        make()


TAKEN = {
    "UID and counter in the clear": PLAIN,
    "PICCData": ENCRYPTED,
    "PICCData without counter": SdmBlock(EncryptedMirror(0x20, PiccDataTag.UID), 0, MAC),
    "PICCData without UID": SdmBlock(EncryptedMirror(0x20, PiccDataTag.COUNTER), 4, MAC, COUNTED),
    "UID alone": SdmBlock(PlainMirror(10, None), None, MAC),
    "UID, and a counter that is not shown": SdmBlock(PlainMirror(10, None), None, MAC, COUNTED),
    "a counter that is not shown, and free": SdmBlock(
        PlainMirror(None, None), None, MAC, ReadCounter(FREE)
    ),
    "a counter under SDMMetaRead F": SdmBlock(None, None, MAC, ReadCounter(NEVER, 5)),
    "nothing but a MAC": SdmBlock(None, None, MAC),
    "nothing at all": SdmBlock(None),
    "mirrors without a MAC": SdmBlock(PlainMirror(10, 30), None, None, COUNTED),
    "a limit without a MAC": SdmBlock(None, None, None, ReadCounter(3, 0xFFFFFF)),
    "file data": replace(PLAIN, secured=WITH_FILE),
    "file data, and a counter that is not shown": SdmBlock(
        PlainMirror(10, None), None, WITH_FILE, COUNTED
    ),
    "tamper status at the end of the first half": replace(
        PLAIN, secured=WITH_FILE, tamper_offset=110 + 30
    ),
    "tamper status before file data": replace(PLAIN, secured=WITH_FILE, tamper_offset=108),
    "tamper status at the end of the file": replace(PLAIN, tamper_offset=254),
    "everything at the end of the file": replace(ENCRYPTED, secured=SecuredRead(0, 0, 240)),
}
each_taken = pytest.mark.parametrize("sdm", TAKEN.values(), ids=TAKEN)


@each_taken
def test_what_the_chip_takes_is_read_as_it_was_written(sdm):
    assert FileSettings.from_bytes(bytes(settings(sdm))) == settings(sdm)


@each_taken
def test_what_has_a_constructor_a_tag_takes(sdm):
    assert tag_takes(bytes(settings(sdm)))


def test_in_lrp_mode_picc_data_needs_16_characters_more():
    block = replace(ENCRYPTED, mirror=EncryptedMirror(160))
    with pytest.raises(ValueError, match="PICCData and SDMMAC overlap"):
        block.require_room(Mode.LRP)


# ---- bytes that a tag might be sent ---------------------------------------------------------

UID = bytes.fromhex("04DE5F1EACC040")


def tag_takes(octets, *, lrp=False):
    """Ask the simulated tag, which has rules of its own."""
    try:
        SimulatedTag(
            uid=UID,
            keys=[bytes(16)] * 5,
            ndef_file=b"",
            file_settings=octets,
            lrp=lrp,
            tamper=b"CC",
        )
    except ValueError:
        return False
    return True


def host_takes(octets):
    try:
        return bytes(FileSettings.from_bytes(octets)) == octets
    except ValueError:
        return False


EDITS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 255)), min_size=1, max_size=3)


@given(st.sampled_from(list(TAKEN.values())), EDITS)
def test_edited_settings_are_taken_by_host_and_tag_alike(sdm, edits):
    octets = bytearray(bytes(settings(sdm)))
    for place, value in edits:
        octets[place % len(octets)] = value
    # Two spellings of plain communication and of no limit: the host writes the other one.
    assert host_takes(bytes(octets)) == tag_takes(bytes(octets)) or is_spelled_otherwise(octets)


def is_spelled_otherwise(octets):
    """Whether the host reads these bytes, and would write the same settings differently."""
    try:
        FileSettings.from_bytes(bytes(octets))
    except ValueError:
        return False
    return octets[0] & 3 == 2


@given(st.binary(max_size=33))
def test_any_bytes_are_settings_or_a_value_error(octets):
    try:
        found = FileSettings.from_bytes(octets)
    except ValueError:
        return
    assert FileSettings.from_bytes(bytes(found)) == found


@given(st.binary(max_size=40))
def test_any_bytes_are_a_description_or_a_value_error(octets):
    try:
        found = FileDescription.from_bytes(octets)
    except ValueError:
        return
    assert FileDescription.from_bytes(bytes(found)) == found


# ---- offsets of a template, and the keys ----------------------------------------------------


def test_a_template_and_keys_make_the_block_the_application_note_writes():
    [vector] = vectors("layout", "file_settings_parse")
    offsets = SdmSettings(EncryptedMirror(0x20), 0x43, 0x43)
    block = SdmBlock.of(offsets, SdmAccess(file_read=1, meta_read=2, counter=1))
    assert bytes(block) == vector["settings"][7:]


def test_a_counter_that_is_not_mirrored_is_not_enabled():
    block = SdmBlock.of(SdmSettings(PlainMirror(10, None), 30, 30), SdmAccess(2, None))
    assert block.counter is None


@pytest.mark.parametrize("more", [{"access": SdmAccess(2, None, 1)}, {"limit": 5}])
def test_without_a_counter_there_is_none_to_read_or_to_end(more):
    offsets = SdmSettings(PlainMirror(10, None), 30, 30)
    with pytest.raises(ValueError, match="no counter"):
        SdmBlock.of(offsets, more.get("access", SdmAccess(2, None)), limit=more.get("limit"))


def test_a_limit_goes_into_the_block():
    block = SdmBlock.of(SdmSettings(EncryptedMirror(10), 50, 50), SdmAccess(2, 1), limit=7)
    assert block.counter == ReadCounter(NEVER, 7)


# ---- how data travel ------------------------------------------------------------------------

OWN = FileSettings(CommMode.FULL, AccessRights(2, 3, 4, 0))


@pytest.mark.parametrize(
    ("key", "mode"),
    [(2, CommMode.FULL), (4, CommMode.FULL), (3, CommMode.PLAIN), (None, CommMode.PLAIN)],
)
def test_reading_is_protected_where_a_key_grants_it(key, mode):
    assert OWN.mode_for_reading(key) is mode


@pytest.mark.parametrize(
    ("key", "mode"), [(3, CommMode.FULL), (4, CommMode.FULL), (2, CommMode.PLAIN)]
)
def test_writing_is_protected_where_a_key_grants_it(key, mode):
    assert OWN.mode_for_writing(key) is mode


def test_what_everybody_may_travels_plain_whatever_the_files_mode():
    open_to_all = FileSettings(CommMode.FULL, AccessRights(FREE, FREE, FREE, FREE))
    assert open_to_all.mode_for_reading(0) is CommMode.PLAIN


@pytest.mark.parametrize(("change", "mode"), [(0, CommMode.FULL), (FREE, CommMode.PLAIN)])
def test_settings_are_changed_encrypted_unless_everybody_may(change, mode):
    assert replace(OWN, access=AccessRights(2, 3, 4, change)).mode_for_changing() is mode


# ---- the container --------------------------------------------------------------------------


CONTAINERS = vectors("cc", "cc_file")
each_container = pytest.mark.parametrize("vector", CONTAINERS, ids=lambda v: v.id)


@each_container
def test_a_container_is_written_back_to_the_last_byte(vector):
    assert bytes(CapabilityContainer.from_bytes(vector["file"])) == vector["file"]


@each_container
def test_a_container_tells_what_other_tools_wrote(vector):
    found = CapabilityContainer.from_bytes(vector["file"])
    told = (1 + len(found.others), bytes((found.ndef.write,)), found.trailing)
    assert told == (vector["tlvs"], vector["ndef_write"], vector["trailing"])


@each_container
def test_a_read_only_container_differs_in_its_15th_byte_alone(vector):
    closed = bytes(CapabilityContainer.from_bytes(vector["file"]).read_only())
    assert closed == vector["file"][:0x0E] + b"\xff" + vector["file"][0x0F:]


def test_a_container_of_our_own_is_padded_with_zeros():
    assert bytes(CapabilityContainer(FACTORY_CC.ndef)) == bytes.fromhex(
        "000F20010000FF0406E10401000000"
    ).ljust(32, b"\0")


def test_a_read_only_container_knows_that_it_is():
    assert (FACTORY_CC.is_read_only, FACTORY_CC.read_only().is_read_only) == (False, True)


@pytest.mark.parametrize(
    ("others", "told"),
    [(FACTORY_CC.others, 0xE105), ((), None), ((Tlv(0x05, b"\xe1\x05"),), None)],
)
def test_a_container_knows_of_a_proprietary_file_what_it_is_told(others, told):
    found = CapabilityContainer(FACTORY_CC.ndef, others).proprietary
    assert (None if found is None else found.file_id) == told


@pytest.mark.parametrize(
    ("place", "octets", "reason"),
    [
        (0, "0021", "says that it has 33 bytes"),
        (0, "0016", "cut off by CCLEN"),
        (0, "0010", "cut off by CCLEN"),
        (0, "0007", "does not begin with the control of an NDEF file"),
        (0, "0000", "does not begin with the control of an NDEF file"),
        (2, "10", "mapping version"),
        (7, "05", "does not begin with the control of an NDEF file"),
        (8, "05", "cut off by CCLEN|does not begin"),
        (8, "FF", "cut off by CCLEN"),
    ],
)
def test_a_container_that_phones_cannot_follow_is_refused(place, octets, reason):
    broken = bytearray(bytes(FACTORY_CC))
    broken[place : place + len(octets) // 2] = bytes.fromhex(octets)
    with pytest.raises(ValueError, match=reason):
        CapabilityContainer.from_bytes(bytes(broken))


def test_a_container_that_is_larger_than_the_file_has_no_constructor():
    with pytest.raises(ValueError, match="these are too many"):
        CapabilityContainer(FACTORY_CC.ndef, FACTORY_CC.others, trailing=bytes(10))


CONTROLS = st.builds(
    FileControl,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0xFF),
)
TLVS = st.lists(st.builds(Tlv, st.integers(0, 0xFF), st.binary(max_size=2)), max_size=4).map(tuple)


@given(CONTROLS, TLVS, st.sampled_from([0x20, 0x30]), st.binary(max_size=1))
def test_every_container_is_read_as_it_was_written(ndef, others, version, trailing):
    made = CapabilityContainer(ndef, others, version, trailing=trailing)
    assert CapabilityContainer.from_bytes(bytes(made)) == made


@given(st.binary(max_size=34).filter(lambda octets: octets[7:9] != b"\x04\x06"))
def test_bytes_without_the_control_of_an_ndef_file_are_no_container(octets):
    with pytest.raises(ValueError, match="CC file"):
        CapabilityContainer.from_bytes(octets)
