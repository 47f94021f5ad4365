"""The simulated tag updates files by ISO commands too (NT4H2421Gx §10.9)."""

from __future__ import annotations

import pytest

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from tests.ntag424.testing.hosting import SELECT_NDEF, TAG_UID, ZERO, blank, opened
from tests.ntag424.testing.reading import BOTH, block


def update(offset, data, le=None):
    p1, p2 = divmod(offset, 0x100)
    return CommandApdu(0xD6, data, cla=0x00, p1=p1, p2=p2, le=le)


def read(p1=0, p2=0, le=4):
    return CommandApdu(0xB0, cla=0x00, p1=p1, p2=p2, le=le)


def selected(tag):
    assert tag.transmit(SELECT_NDEF).status == Status.ISO_OK
    return tag


def tag_with(rights):
    tag = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=bytes.fromhex("00" + rights)
    )
    return selected(opened(tag))


def test_what_is_updated_is_read():
    tag = selected(blank())
    tag.transmit(update(1, b"ab"))
    assert tag.transmit(read()).data == b"\x00ab\x00"


def test_an_update_answers_nothing():
    assert selected(blank()).transmit(update(0, b"a")) == ResponseApdu(b"", Status.ISO_OK)


@pytest.mark.parametrize(
    ("rights", "free"), [("00EE", 0x9000), ("E000", 0x9000), ("00E0", 0x6982)]
)
def test_an_update_needs_write_or_read_write_to_be_free(rights, free):
    assert tag_with(rights).transmit(update(0, b"a")).status == free


@pytest.mark.parametrize("rights", ["F0EF", "0011"])
def test_an_update_knows_one_refusal_for_every_missing_right(rights):
    status = tag_with(rights).transmit(update(0, b"a")).status
    assert status == Status.ISO_SECURITY_NOT_SATISFIED


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (update(256, b"a"), Status.ISO_CONDITIONS_NOT_SATISFIED),
        (update(0x8100, b"a"), Status.ISO_FILE_NOT_FOUND),
    ],
    ids=["behind the end", "short file id"],
)
def test_an_update_of_what_is_not_there_is_refused(command, refusal):
    assert selected(blank()).transmit(command).status == refusal


def test_an_update_may_end_with_the_file():
    assert selected(blank()).transmit(update(1, bytes(255))).status == Status.ISO_OK


def test_a_refused_update_changes_nothing():
    tag = selected(blank())
    tag.transmit(update(255, b"ab"))
    assert tag.transmit(read(p2=252)).data == bytes(4)


def test_an_update_ends_a_run_of_reads():
    settings = bytes.fromhex("40E0EE") + block(BOTH, "FF1F", 16)[3:]
    tag = SimulatedTag(uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=settings)
    selected(opened(tag))
    for command in (read(), update(0, b"a"), read()):
        tag.transmit(command)
    assert tag.read_counter == 2


# ---- short file ids -------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [(1, 2, 3), (3, 4, 5)])
def test_short_file_ids_can_be_given(ids):
    tag = blank(open_points=OpenPoints(short_file_ids=ids))
    lengths = [len(tag.transmit(read(0x80 | short_id, le=0)).data) for short_id in ids[:2]]
    assert lengths == [32, 256]


def test_a_short_file_id_selects_its_file():
    tag = blank(open_points=OpenPoints(short_file_ids=(1, 2, 3)))
    tag.transmit(read(0x81, le=0))
    assert tag.transmit(read(p2=7)).data == bytes.fromhex("0406E104")


def test_a_short_file_id_counts_its_offset_from_p2():
    tag = blank(open_points=OpenPoints(short_file_ids=(1, 2, 3)))
    assert tag.transmit(read(0x81, 7)).data == bytes.fromhex("0406E104")


@pytest.mark.parametrize(
    ("p1", "refusal"),
    [
        (0x84, Status.ISO_FILE_NOT_FOUND),
        (0xA2, Status.ISO_WRONG_PARAMETERS),
        (0x9F, Status.ISO_WRONG_PARAMETERS),
    ],
    ids=["unknown", "reserved bits", "reserved id"],
)
def test_a_wrong_short_file_id_is_refused(p1, refusal):
    tag = blank(open_points=OpenPoints(short_file_ids=(1, 2, 3)))
    assert tag.transmit(read(p1)).status == refusal


def test_short_file_id_0_is_the_file_that_is_selected():
    tag = selected(blank())
    tag.transmit(update(3, b"ab"))
    assert tag.transmit(read(0x80, 2)).data == b"\x00ab\x00"


def test_short_file_id_0_is_nothing_where_no_file_is_selected():
    assert blank().transmit(read(0x80)).status == Status.ISO_CONDITIONS_NOT_SATISFIED


@pytest.mark.parametrize(("cut", "answer"), [(False, "6C02"), (True, "00009000")])
def test_a_read_of_more_than_there_is_left_can_be_answered_in_two_ways(cut, answer):
    tag = selected(blank(open_points=OpenPoints(long_reads_are_cut=cut)))
    assert bytes(tag.transmit(read(0, 254))) == bytes.fromhex(answer)


def test_short_file_ids_are_unknown_at_the_master_file():
    tag = SimulatedTag.blank(TAG_UID, open_points=OpenPoints(short_file_ids=(1, 2, 3)))
    assert tag.transmit(read(0x82)).status == Status.ISO_FILE_NOT_FOUND


def test_a_file_read_in_between_by_short_id_ends_a_run():
    points = OpenPoints(short_file_ids=(1, 2, 3))
    settings = block(BOTH, "FF1F", 16)
    tag = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=settings, open_points=points
    )
    opened(tag)
    for p1 in (0x82, 0x81, 0x82):
        tag.transmit(read(p1))
    assert tag.read_counter == 2


def test_reads_in_a_row_by_short_id_share_one_count():
    points = OpenPoints(short_file_ids=(1, 2, 3))
    settings = block(BOTH, "FF1F", 16)
    tag = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=b"", file_settings=settings, open_points=points
    )
    opened(tag)
    for offset in (0, 4):
        tag.transmit(read(0x82, offset))
    assert tag.read_counter == 1
