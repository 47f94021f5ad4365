"""A vault remembers every tag, for every thread and every process that asks."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from ntag424_provisioning.errors import RefusedError, SetupError, VaultError
from ntag424_provisioning.model import KnownTag, Stage
from ntag424_provisioning.vault import KeyFile, Lock, Vault, _schema, _vault

from ntag424 import KeyState
from tests.provisioning.vault.furniture import (
    PATIENCE_SECONDS,
    Place,
    master,
    run_elsewhere,
    same,
    stored,
    tag,
    uid,
)

# ---- making and opening ---------------------------------------------------------------------


def test_a_new_vault_and_its_folder_are_for_one_user(place):
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place.path, place.path.parent)]
    assert modes == [0o600, 0o700]


def test_the_log_beside_an_open_vault_is_for_one_user_too(place, vault):
    vault.put(tag(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.path.parent.iterdir()}
    assert modes == dict.fromkeys(["vault.db", "vault.db-wal", "vault.db-shm"], 0o600)


def test_a_vault_is_never_overwritten(place, tmp_path):
    before = place.path.read_bytes()
    with pytest.raises(VaultError, match="already") as refused:
        Vault.create(place.path, KeyFile(tmp_path / "other"))
    assert (place.path.read_bytes(), refused.value.hint != "") == (before, True)


def test_a_vault_that_comes_into_being_meanwhile_is_not_overwritten(place, tmp_path, monkeypatch):
    before = place.path.read_bytes()
    monkeypatch.setattr(_schema, "require_free", lambda _: None)
    with pytest.raises(VaultError):
        Vault.create(place.path, KeyFile(tmp_path / "other"))
    assert place.path.read_bytes() == before


def test_a_key_file_is_never_overwritten(place, tmp_path):
    before = place.unlock.path.read_bytes()
    with pytest.raises(VaultError):
        Vault.create(tmp_path / "other.db", place.unlock)
    assert place.unlock.path.read_bytes() == before


def test_a_vault_that_cannot_be_made_leaves_no_key_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VaultError):
        Vault.create(tmp_path / "file" / "vault.db", KeyFile(tmp_path / "key"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_vault_of_versions_that_contradict_each_other_is_not_begun(tmp_path):
    with pytest.raises(RefusedError):
        Place(tmp_path).made(stored(1, master(1)), stored(2, master(1), KeyState.ACTIVE))
    assert list(tmp_path.iterdir()) == []


def test_two_vaults_have_nothing_in_common(tmp_path):
    one, other = Place(tmp_path / "one"), Place(tmp_path / "other")
    for one_of_them in (one, other):
        one_of_them.unlock.path.parent.mkdir()
        one_of_them.made()
    ids = [row for p in (one, other) for row in p.sql("SELECT id, salt, data_key FROM vault")]
    assert len({value for row in ids for value in row}) == 6


def test_no_vault_is_made_by_opening(tmp_path):
    with pytest.raises(VaultError, match="no vault") as refused:
        Place(tmp_path).open()
    assert ("keys init" in refused.value.hint, list(tmp_path.iterdir())) == (True, [])


def test_another_key_file_opens_nothing(place, tmp_path):
    other = KeyFile(tmp_path / "other")
    other.draw()
    with pytest.raises(VaultError, match="does not open"):
        Vault.open(place.path, other)


def test_a_vault_says_what_opens_it(place):
    assert Vault.lock_of(place.path) is Lock.KEY_FILE


def test_a_vault_of_a_newer_release_is_left_alone(place):
    place.sql("PRAGMA user_version = 3")
    with pytest.raises(VaultError, match="newer") as refused:
        place.open()
    assert "Update" in refused.value.hint


def test_another_sqlite_file_is_no_vault(place):
    place.sql("PRAGMA application_id = 7")
    with pytest.raises(VaultError, match="no vault"):
        place.open()


def test_a_file_that_is_no_database_is_no_vault(place):
    place.path.write_bytes(b"labels, labels, labels\n" * 400)
    with pytest.raises(VaultError, match="not a database"):
        place.open()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_vault_that_others_may_open_is_refused(place, mode):
    place.path.chmod(mode)
    with pytest.raises(VaultError, match="others") as refused:
        place.open()
    assert "chmod 600" in refused.value.hint


def test_a_vault_is_found_through_a_symbolic_link(place, tmp_path):
    (tmp_path / "link").symlink_to(place.path)
    with Vault.open(tmp_path / "link", place.unlock) as vault:
        vault.put(tag(1))
    assert len(place.contents()[1]) == 1


def test_a_commit_is_forced_to_the_disk(vault):
    db = vault._file._db
    modes = [
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]
    assert modes == ["wal", 2]


def test_a_closed_vault_raises_no_driver_error(vault):
    vault.close()
    vault.close()
    with pytest.raises(VaultError):
        vault.find(uid(1))


# ---- tags -----------------------------------------------------------------------------------


def test_a_restart_forgets_nothing(place):
    tags = [tag(n, label=f"badge {n}", counter=n) for n in range(5)]
    with place.open() as vault:
        for known in tags:
            vault.put(known)
    with place.open() as vault:
        assert same([vault.find(known.uid) for known in tags], tags)


def test_an_unknown_tag_is_not_found(vault):
    vault.put(tag(1))
    assert vault.find(uid(2)) is None


def test_the_last_record_of_a_tag_counts(vault):
    vault.put(tag(1, stage=Stage.WRITING, about="ChangeKey 2"))
    vault.put(tag(1, counter=7))
    assert same(vault.tags(), [tag(1, counter=7)])


def test_a_record_is_dated(vault, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_123.7)
    vault.put(replace(tag(1), changed_at=5))
    assert vault.find(uid(1)).changed_at == 1_800_000_123


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(_vault, "_PAGE", 4)


def test_tags_come_in_the_order_in_which_they_were_first_put_down(vault, small_pages):
    order = [20 - n for n in range(20)]
    for number in order:
        vault.put(KnownTag.blank(uid(number)))
    vault.put(tag(order[3]))
    assert [known.uid for known in vault.tags()] == [uid(number) for number in order]


def test_tags_can_be_put_down_while_they_are_listed(vault, small_pages):
    for number in range(10):
        vault.put(KnownTag.blank(uid(number)))
    for known in vault.tags():
        vault.put(replace(known, counter=1))
    assert {known.counter for known in vault.tags()} == {1}


def test_the_file_does_not_tell_a_uid(place):
    with place.open() as vault:
        vault.put(tag(0x424242))
    names = place.sql("SELECT id FROM tag")
    assert (len(names), len(names[0][0])) == (1, 32)
    assert uid(0x424242) not in place.path.read_bytes()


def test_the_same_record_is_sealed_differently_every_time(place):
    def sealed():
        with place.open() as vault:
            vault.put(tag(1))
        return place.sql("SELECT content FROM tag")[0][0]

    one, other = sealed(), sealed()
    assert (one[:12] != other[:12], one[12:28] != other[12:28]) == (True, True)


def test_an_interruption_in_a_transaction_undoes_it(place, vault):
    vault.put(tag(1))
    with suppress(KeyboardInterrupt), vault._file.writing() as rows:
        rows.set_tag(uid(2), tag(2).to_json())
        raise KeyboardInterrupt
    vault.put(tag(3))
    assert same(vault.tags(), [tag(1), tag(3)])


# ---- several at once ------------------------------------------------------------------------


def test_threads_share_one_vault(vault):
    threads = [
        threading.Thread(target=lambda n=n: [vault.put(tag(20 * n + i)) for i in range(20)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {known.uid for known in vault.tags()} == {uid(number) for number in range(80)}


_WRITER = """
import sys
from pathlib import Path
from ntag424_provisioning.vault import KeyFile, Vault
from tests.provisioning.vault.furniture import tag
with Vault.open(Path(sys.argv[1]), KeyFile(Path(sys.argv[2]))) as vault:
    print("ready")
    sys.stdin.readline()
    for number in range(int(sys.argv[3]), int(sys.argv[4])):
        vault.put(tag(number))
"""


def test_two_processes_write_at_once_and_nothing_is_lost(place):
    writers = [
        run_elsewhere(_WRITER, place.path, place.unlock.path, start, start + 60, stdin=-1)
        for start in (0, 40)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    codes = [
        (writer.communicate(timeout=PATIENCE_SECONDS), writer.returncode) for writer in writers
    ]
    assert codes == [(("", None), 0)] * 2
    with place.open() as vault:
        assert {known.uid for known in vault.tags()} == {uid(number) for number in range(100)}


def test_of_two_who_rotate_at_once_none_undoes_the_other(place, vault):
    with place.open() as other:
        threads = [
            threading.Thread(target=lambda v=v, n=n: [v.rotate(master(n + i)) for i in range(4)])
            for v, n in ((vault, 10), (other, 20))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    keys = {version.ordinal: version.keys for version in vault.versions()}
    assert (sorted(keys), len(set(keys.values()))) == ([*range(1, 10)], 9)


def test_a_vault_that_stays_busy_says_so(place, vault, monkeypatch):
    vault._file._db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(place.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(VaultError, match="locked") as refused:
            vault.put(tag(1))
        assert "Another ntag424" in refused.value.hint


@pytest.mark.parametrize("name", ["vault.db", "vault.db-wal"])
def test_a_vault_that_is_exchanged_while_it_is_open_takes_nothing_more(place, vault, name):
    path = place.path.with_name(name)
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    with pytest.raises(VaultError, match="replaced"):
        vault.put(tag(1))


def test_a_vault_that_is_deleted_while_it_is_open_takes_nothing_more(place, vault):
    place.path.unlink()
    with pytest.raises(VaultError, match="replaced"):
        vault.put(tag(1))


def test_an_empty_vault_has_no_keyring(tmp_path):
    with Place(tmp_path).made().open() as vault, pytest.raises(SetupError, match="no keys"):
        vault.keyring()
