"""A simulated tag can be put on disk and comes back as it was."""

from __future__ import annotations

import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.testing.simulated_tag import SimulatedTag
from tests.ntag424.testing.hosting import TAG_UID, ZERO, Host, blank, master_of, native, opened
from tests.ntag424.testing.reading import BOTH, TAMPER, block

CONFIGURE = 0x5C


def used_tag():
    """Give a tag in which as much as possible is not as delivered."""
    tag = opened(
        SimulatedTag(
            uid=TAG_UID,
            keys=[bytes([number]) * 16 for number in range(5)],
            ndef_file=b"\x00\x04abcd",
            file_settings=block(BOTH | TAMPER, "FF12", 16, 60, 64, 64),
            read_counter=7,
            tamper=b"CC",
            signature=bytes(range(56)),
        )
    )
    tag.open_loop()
    host = master_of(tag)
    options = [("00", "02"), ("04", "0400"), ("05", "00000000 00 000000 12 34")]
    options += [("07", "0103"), ("0A", "01 0700 0300"), ("0B", "00")]
    for option, data in options:
        assert host.send(CONFIGURE, option, bytes.fromhex(data)) == b""
    host.challenge(3)
    tag.power_cycle()
    tag.close_loop()
    return tag


def stored(tag, tmp_path):
    path = tmp_path / "tag.json"
    tag.save(path)
    return path


@pytest.mark.parametrize("make", [blank, used_tag], ids=["blank", "used"])
def test_a_loaded_tag_has_the_memory_of_the_saved_one(make, tmp_path):
    tag = make()
    loaded = SimulatedTag.load(stored(tag, tmp_path))
    assert loaded._card.memory == tag._card.memory


def test_a_loaded_tag_in_lrp_mode_is_still_in_it(tmp_path):
    tag = SimulatedTag(
        uid=TAG_UID,
        keys=[ZERO] * 5,
        ndef_file=b"",
        file_settings=block(BOTH, "FF1F", 208),
        lrp=True,
    )
    loaded = SimulatedTag.load(stored(tag, tmp_path))
    assert Host(opened(loaded), lrp=True).authenticate().is_alive()


def test_saving_what_was_loaded_writes_the_same_file(tmp_path):
    path = stored(used_tag(), tmp_path)
    SimulatedTag.load(path).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_loaded_tag_has_just_come_into_the_field(tmp_path):
    host = master_of(blank())
    loaded = SimulatedTag.load(stored(host.tag, tmp_path))
    host.tag = opened(loaded)
    assert not host.is_alive()


def test_a_loop_that_broke_unnoticed_is_broken_after_loading(tmp_path):
    tag = blank(tamper=b"CC")
    tag.open_loop()
    loaded = SimulatedTag.load(stored(tag, tmp_path))
    assert opened(loaded).transmit(native(0xF7)).data == b"OO"


def test_a_loaded_tag_draws_from_the_source_it_is_given(tmp_path):
    path = stored(used_tag(), tmp_path)
    loaded = SimulatedTag.load(path, random_bytes=lambda count: b"r" * count)
    assert loaded.anticollision_uid == b"\x08rrr"


def test_saving_replaces_what_was_there(tmp_path):
    path = tmp_path / "tag.json"
    path.write_text("something longer" * 1000)
    blank().save(path)
    assert SimulatedTag.load(path).anticollision_uid == TAG_UID


def test_saving_leaves_no_other_file_behind(tmp_path):
    stored(blank(), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["tag.json"]


def test_only_the_owner_may_read_the_keys(tmp_path):
    assert stat.S_IMODE(stored(blank(), tmp_path).stat().st_mode) == 0o600


def test_a_save_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "tag.json").mkdir()
    with pytest.raises(OSError, match=r"tag\.json"):
        blank().save(tmp_path / "tag.json")
    assert [each.name for each in tmp_path.iterdir()] == ["tag.json"]


LOOP = {"status": "4343", "enabled": True, "status_key": 14, "wire_is_open": False}


def edited(tmp_path, **changes):
    path = stored(blank(tamper=b"CC"), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "something else"},
        {"uid": "04"},
        {"uid": 4},
        {"uid": "no hex"},
        {"keys": []},
        {"keys": {}},
        {"keys": [1, 2, 3, 4, 5]},
        {"read_counter": -1},
        {"read_counter": 0x1000000},
        {"read_counter": True},
        {"read_counter": "7"},
        {"lrp": 1},
        {"files": [{"number": 2, "settings": "00", "content": ""}]},
        {"files": [{"number": 1}]},
        {"files": []},
        {"failure_rule": None},
        {"failure_rule": {"counted": True, "limit": 0, "decrement": 10}},
        {"tamper": {"status": "0000"}},
        {"tamper": LOOP | {"status": "434F"}},
        {"tamper": LOOP | {"status_key": 5}},
        {"tamper": 7},
        {"user_capabilities": "00"},
    ],
    ids=str,
)
def test_a_file_that_holds_no_tag_is_refused(changes, tmp_path):
    path = edited(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"."):
        SimulatedTag.load(path)


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", "no JSON"])
def test_text_that_is_no_saved_tag_is_refused(text, tmp_path):
    path = tmp_path / "tag.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        SimulatedTag.load(path)


def test_a_refusal_does_not_show_a_key(tmp_path):
    key = "00112233445566778899AABBCCDDEE"
    path = edited(tmp_path, keys=[{"value": key, "version": 0}] * 5)
    with pytest.raises(ValueError, match=r".") as refusal:
        SimulatedTag.load(path)
    assert key not in str(refusal.value)


@given(st.binary(max_size=40))
def test_any_ndef_file_survives(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("tag") / "tag.json"
    tag = blank()
    tag._card.memory = SimulatedTag(
        uid=TAG_UID, keys=[ZERO] * 5, ndef_file=content, file_settings=bytes.fromhex("00E0EE")
    )._card.memory
    tag.save(path)
    assert SimulatedTag.load(path)._card.memory == tag._card.memory
