"""What is kept of simulated tags, and who may use one."""

from __future__ import annotations

import fcntl
import json
import stat

import pytest
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.sim import Shelf, Tear
from ntag424_provisioning.sim._lock import TagLock

from ntag424.errors import NoTagError, ReaderBusyError
from ntag424.testing import SimulatedTag
from tests.provisioning.sim.shelves import OTHER_UID, UID


@pytest.fixture
def folder(tmp_path, shelf):
    return tmp_path / "sim"


def test_a_new_tag_has_its_uid(shelf):
    with shelf.take("alice") as taken:
        assert taken.anticollision_uid == UID


def test_a_new_tag_is_not_signed_by_nxp(folder):
    saved = json.loads((folder / "alice.json").read_text())
    assert bytes.fromhex(saved["signature"]) == bytes(56)


def test_a_new_tag_has_no_tamper_loop(shelf):
    assert shelf.facts("alice")["tamper"] is None


def test_a_new_tag_has_its_tamper_loop_switched_off(shelf):
    shelf.make("bob", OTHER_UID, with_tamper_loop=True)
    assert shelf.facts("bob")["tamper"] == "II"


def test_nobody_else_may_look_into_the_folder(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_name_is_given_once(shelf):
    with pytest.raises(SetupError, match="already"):
        shelf.make("alice", OTHER_UID, with_tamper_loop=False)


def test_a_tag_is_not_replaced_by_one_of_the_same_name(shelf):
    with pytest.raises(SetupError):
        shelf.make("alice", OTHER_UID, with_tamper_loop=False)
    assert shelf.facts("alice")["uid"] == UID.hex().upper()


def test_names_are_in_order(shelf):
    for name in ("T-0002", "T-0001"):
        shelf.make(name, OTHER_UID, with_tamper_loop=False)
    assert shelf.names() == ["T-0001", "T-0002", "alice"]


def test_a_pattern_fits_only_what_it_says(shelf):
    for name in ("T-1", "T-10", "S-1"):
        shelf.make(name, OTHER_UID, with_tamper_loop=False)
    assert shelf.names("T-?") == ["T-1"]


@pytest.mark.parametrize(
    "stray", [".bob.json.x1", ".bob.json", "b.c.json", "bob.tear", "b c.json"]
)
def test_other_files_are_no_tags(shelf, folder, stray):
    (folder / stray).touch()
    assert shelf.names() == ["alice"]


def test_where_there_is_no_folder_there_are_no_tags(tmp_path):
    assert Shelf(tmp_path / "nowhere").names() == []


def test_facts_tell_no_key_and_no_content(shelf, folder):
    secret = bytes(range(16))
    tag = SimulatedTag(
        uid=UID, keys=[secret] * 5, ndef_file=secret, file_settings=bytes.fromhex("0000E0")
    )
    tag.save(folder / "alice.json")
    assert secret.hex() not in json.dumps(shelf.facts("alice")).lower()


def test_facts_are_told_of_a_tag_in_use(shelf):
    with shelf.take("alice"):
        assert shelf.facts("alice")["read_counter"] == 0


def test_facts_tell_of_a_tear(shelf):
    shelf.arm("alice", Tear(7, executed=True))
    assert shelf.facts("alice")["tear"] == {"at": 7, "executed": True}


@pytest.mark.parametrize("use", ["take", "facts", "remove"])
def test_a_tag_that_is_not_there_is_missed(shelf, use):
    with pytest.raises(NoTagError, match="bob") as caught:
        getattr(shelf, use)("bob")
    assert "sim new" in caught.value.hint


def test_missing_a_tag_leaves_nothing_behind(shelf, folder):
    before = sorted(folder.iterdir())
    with pytest.raises(NoTagError):
        shelf.take("bob")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format": "else"}'])
def test_a_file_that_is_no_tag_is_named(shelf, folder, content):
    (folder / "alice.json").write_bytes(content)
    with pytest.raises(SetupError, match="alice"):
        shelf.take("alice")


def test_a_tag_that_could_not_be_taken_is_not_held(shelf, folder):
    saved = (folder / "alice.json").read_bytes()
    (folder / "alice.json").write_bytes(b"")
    with pytest.raises(SetupError):
        shelf.take("alice")
    (folder / "alice.json").write_bytes(saved)
    shelf.take("alice").put_back()


@pytest.mark.parametrize("content", ["", "{}", '{"at": -1, "executed": true}', '{"at": "1"}'])
def test_a_tear_that_is_none_is_an_error(shelf, folder, content):
    (folder / "alice.tear").write_text(content)
    with pytest.raises(SetupError):
        shelf.take("alice")


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "sim").touch()
    with pytest.raises(SetupError, match="cannot be used"):
        Shelf(tmp_path / "sim").make("alice", UID, with_tamper_loop=False)


@pytest.mark.parametrize(
    "use",
    [
        lambda shelf: shelf.take("alice"),
        lambda shelf: shelf.remove("alice"),
        lambda shelf: shelf.arm("alice", Tear(0, executed=False)),
    ],
    ids=["take", "remove", "arm"],
)
def test_a_tag_in_use_is_for_nobody_else(shelf, use):
    with shelf.take("alice"), pytest.raises(ReaderBusyError, match="alice"):
        use(shelf)


def test_a_tag_that_was_put_back_is_for_everybody(shelf):
    shelf.take("alice").put_back()
    shelf.take("alice").put_back()


def test_putting_back_twice_does_not_take_it_from_the_next(shelf):
    taken = shelf.take("alice")
    taken.put_back()
    with shelf.take("alice"):
        taken.put_back()
        with pytest.raises(ReaderBusyError):
            shelf.take("alice")


def test_a_tag_that_is_removed_leaves_nothing_behind(shelf, folder):
    shelf.arm("alice", Tear(7, executed=True))
    (folder / ".alice.json.half").touch()
    shelf.remove("alice")
    assert list(folder.iterdir()) == []


def test_a_name_is_free_again_after_its_tag_was_removed(shelf):
    shelf.remove("alice")
    shelf.make("alice", OTHER_UID, with_tamper_loop=False)
    with shelf.take("alice") as taken:
        assert taken.anticollision_uid == OTHER_UID


def test_a_lock_that_was_removed_before_it_was_had_is_none(tmp_path, monkeypatch):
    path, flock = tmp_path / "alice.lock", fcntl.flock

    def too_late(descriptor, how):
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    TagLock(path)
    with pytest.raises(ReaderBusyError):
        TagLock(path)
