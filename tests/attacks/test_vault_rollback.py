"""Attack: somebody who may write to a vault, and has an older copy of it, puts some of it back.

One row, so that the vault forgets a rotation or what may be on a tag; or the whole file. They
have no key: everything they put back was sealed by the vault itself.
"""

from __future__ import annotations

import json
import shutil
import signal

import pytest
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.places import state_folder
from ntag424_provisioning.vault import Vault
from ntag424_provisioning.vault._file import Witness
from ntag424_provisioning.vault._rows import Rows

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


@pytest.fixture
def used(tmp_path):
    """A vault that was used here, closed: two tags, each written twice."""
    place = Place(tmp_path).made(stored(1, master(1), KeyState.ACTIVE))
    with place.open() as vault:
        for counter in (1, 2):
            vault.put(tag(1, counter=counter))
            vault.put(tag(2, counter=counter))
    return place


@pytest.fixture
def older(used, tmp_path):
    """A copy of it from before a tag was written again and the keys were rotated."""
    copy = Place(tmp_path / "older")
    copy.path.parent.mkdir(parents=True)
    shutil.copy2(used.path, copy.path)
    with used.open() as vault:
        vault.put(tag(1, counter=3))
        vault.rotate(master(2))
    return copy


def rows_of(place, table):
    """Return what every row of a table says, by its name."""
    name, *columns = [column[1] for column in place.sql(f"PRAGMA table_info({table})")]
    listed = place.sql(f"SELECT {name}, {', '.join(columns)} FROM {table}")
    return {row: dict(zip(columns, rest, strict=True)) for row, *rest in listed}, name


def put_back(place, older, table, names=None):
    """Put the rows of a table that are called *names*, or all of them, back from a copy."""
    rows, key = rows_of(older, table)
    for name in rows if names is None else names:
        columns = ", ".join(f"{column} = ?" for column in rows[name])
        place.sql(f"UPDATE {table} SET {columns} WHERE {key} = ?", *rows[name].values(), name)


def changed_tags(place, older):
    """Name the rows of tags that differ."""
    now, before = rows_of(place, "tag")[0], rows_of(older, "tag")[0]
    return [name for name, row in now.items() if row != before[name]]


def whole_put_back(place, older):
    """Put the file back, without the log of the newer one."""
    shutil.copy2(older.path, place.path)
    for end in ("-wal", "-shm"):
        place.path.with_name(place.path.name + end).unlink(missing_ok=True)


def refused(place):
    with pytest.raises(VaultError) as error:
        place.open()
    return error.value


# ---- single rows ----------------------------------------------------------------------------


def test_old_key_versions_beside_newer_rows_are_refused(used, older):
    put_back(used, older, "record", [b"keys"])
    error = refused(used)
    assert "older copy" in str(error)
    assert "newest copy" in error.hint


def test_the_old_record_of_a_tag_beside_newer_rows_is_refused(used, older):
    (name,) = changed_tags(used, older)
    put_back(used, older, "tag", [name])
    assert "older copy" in str(refused(used))


def test_all_old_records_of_tags_beside_newer_keys_are_refused(used, older):
    put_back(used, older, "tag")
    assert "older copy" in str(refused(used))


def test_everything_old_but_one_newer_row_is_refused(used, older):
    (name,) = changed_tags(used, older)
    newer = rows_of(used, "tag")[0][name]
    whole_put_back(used, older)
    columns = ", ".join(f"{column} = ?" for column in newer)
    used.sql(f"UPDATE tag SET {columns} WHERE id = ?", *newer.values(), name)
    assert "older copy" in str(refused(used))


def test_an_old_row_that_claims_to_be_new_is_refused(used, older):
    newer = rows_of(used, "record")[0][b"keys"]
    put_back(used, older, "record", [b"keys"])
    used.sql("UPDATE record SET revision = ? WHERE name = ?", newer["revision"], b"keys")
    assert "does not open" in str(refused(used))


def test_a_row_that_was_deleted_is_refused(used):
    used.sql("DELETE FROM tag WHERE rowid = 1")
    assert "missing" in str(refused(used))


def test_a_row_that_was_deleted_and_one_that_is_there_twice_are_refused(used):
    used.sql("DELETE FROM tag WHERE rowid = 1")
    used.sql("INSERT INTO tag SELECT zeroblob(32), revision, content FROM tag WHERE rowid = 2")
    refused(used)


def test_two_rows_that_changed_places_are_refused(used):
    (one, other), _ = zip(*rows_of(used, "tag")[0].items(), strict=True)
    for old, new in ((one, b"aside"), (other, one), (b"aside", other)):
        used.sql("UPDATE tag SET id = ? WHERE id = ?", new, old)
    assert "does not open" in str(refused(used))


def test_a_row_of_another_branch_of_the_same_vault_is_refused(used, older):
    """Both were written under the same revision, one here and one in a copy."""
    with used.open() as vault:
        vault.put(tag(2, counter=5))
    with older_opened(older, used) as vault:
        vault.put(tag(2, counter=4))
        vault.put(tag(1, counter=4))
        vault.put(tag(2, counter=6))
    ours, theirs = rows_of(used, "tag")[0], rows_of(older, "tag")[0]
    (name,) = [name for name, row in ours.items() if row["revision"] == theirs[name]["revision"]]
    put_back(used, older, "tag", [name])
    assert "older copy" in str(refused(used))


def older_opened(older, used):
    """Use the copy as on another machine, which knows nothing of this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(older.path.parent / "state"))
        return Vault.open(older.path, used.unlock)


# ---- while the vault is open ----------------------------------------------------------------


def test_an_old_record_that_is_put_back_while_the_vault_is_open_is_not_read(used, older):
    (name,) = changed_tags(used, older)
    with used.open() as vault:
        put_back(used, older, "tag", [name])
        with pytest.raises(VaultError, match="older copy"):
            vault.find(uid(1))
        with pytest.raises(VaultError, match="older copy"):
            list(vault.tags())


def test_a_record_that_is_deleted_while_the_vault_is_open_is_missed(used):
    with used.open() as vault:
        used.sql("DELETE FROM tag WHERE rowid = 1")
        with pytest.raises(VaultError, match="missing"):
            vault.find(uid(1))
        with pytest.raises(VaultError, match="missing"):
            list(vault.tags())


def test_old_keys_that_are_put_back_while_the_vault_is_open_are_not_read(used, older):
    with used.open() as vault:
        put_back(used, older, "record", [b"keys"])
        with pytest.raises(VaultError, match="older copy"):
            vault.versions()


def test_all_rows_that_are_put_back_while_the_vault_is_open_are_refused(used, older):
    with used.open() as vault:
        put_back(used, older, "record")
        put_back(used, older, "tag")
        with pytest.raises(VaultError, match="older copy"):
            vault.versions()


def test_an_old_census_that_is_put_back_while_the_vault_is_open_is_refused(used, older):
    with used.open() as vault:
        put_back(used, older, "record", [b"census"])
        with pytest.raises(VaultError, match="older copy"):
            vault.find(uid(2))


def test_the_census_of_another_branch_is_refused_while_the_vault_is_open(used, older):
    """It is of the same revision, and the tag that is asked for is the same in both."""
    with older_opened(older, used) as vault:
        vault.put(tag(1, counter=4))
        vault.put(tag(1, counter=5))
    with used.open() as vault:
        put_back(used, older, "record", [b"census"])
        with pytest.raises(VaultError, match="older copy"):
            vault.find(uid(2))


def test_what_another_process_writes_is_no_attack(used):
    with used.open() as one, used.open() as other:
        for counter in range(5, 9):
            one.put(tag(counter % 3, counter=counter))
            other.put(tag(3, counter=counter))
            assert other.find(uid(counter % 3)).counter == counter
        assert same(one.tags(), other.tags())


# ---- the whole file -------------------------------------------------------------------------


def test_an_older_copy_of_the_whole_vault_is_in_doubt(used, older):
    whole_put_back(used, older)
    with used.open() as vault:
        assert "older than the one used here last" in str(vault.doubt)
        assert "keys accept-restored" in vault.doubt.hint


def test_an_older_copy_with_its_log_is_in_doubt(used, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    with used.open() as vault:
        vault.put(tag(1, counter=3))
        for path in used.path.parent.iterdir():
            shutil.copy2(path, kept)
        assert (kept / "vault.db-wal").stat().st_size
        vault.put(tag(1, counter=4))
    for path in kept.iterdir():
        shutil.copy2(path, used.path.parent)
    with used.open() as vault:
        assert vault.doubt is not None
        assert vault.find(uid(1)).counter == 3


def test_a_vault_whose_log_was_removed_is_in_doubt(used, tmp_path):
    with used.open() as vault:
        vault.put(tag(1, counter=3))
        vault.rotate(master(2))
        shutil.copy2(used.path, tmp_path / "without-log")
    shutil.copy2(tmp_path / "without-log", used.path)
    with used.open() as vault:
        assert vault.doubt is not None


def test_nothing_is_written_to_a_vault_in_doubt(used, older):
    whole_put_back(used, older)
    with used.open() as vault:
        for write in (
            vault.require_writable,
            lambda: vault.put(tag(1)),
            lambda: vault.rotate(master(3)),
            lambda: vault.restore((stored(2, master(2)),)),
        ):
            with pytest.raises(VaultError, match="older than the one used here last"):
                write()
        assert len(vault.versions()) == 1


def test_a_doubt_stays_until_somebody_decides(used, older):
    whole_put_back(used, older)
    for _ in range(3):
        with used.open() as vault:
            assert vault.doubt is not None


def test_a_vault_that_was_accepted_is_written_again(used, older):
    whole_put_back(used, older)
    with used.open() as vault:
        vault.accept_restored()
        vault.put(tag(1, counter=9))
    with used.open() as vault:
        assert (vault.doubt, vault.find(uid(1)).counter) == (None, 9)


def test_what_was_newer_before_the_decision_is_the_older_one_after_it(used, older, tmp_path):
    shutil.copy2(used.path, tmp_path / "newer")
    whole_put_back(used, older)
    with used.open() as vault:
        vault.accept_restored()
    shutil.copy2(tmp_path / "newer", used.path)
    with used.open() as vault:
        assert vault.doubt is not None


def test_the_newest_copy_put_back_is_in_no_doubt(used, older, tmp_path):
    shutil.copy2(used.path, tmp_path / "newest")
    whole_put_back(used, older)
    used.open().close()
    shutil.copy2(tmp_path / "newest", used.path)
    with used.open() as vault:
        assert vault.doubt is None


# ---- the witness ----------------------------------------------------------------------------


def witness():
    (path,) = state_folder().iterdir()
    return path


def test_a_vault_without_witness_is_new_here_and_can_be_used(used):
    witness().unlink()
    with used.open() as vault:
        assert (vault.doubt, vault.is_new_here) == (None, True)
        vault.put(tag(1, counter=3))
    with used.open() as vault:
        assert (vault.doubt, vault.is_new_here) == (None, False)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "\0", "{", '{"vault": 1, "revision": 2, "at": 3, "mac": ""}']
)
def test_a_witness_that_is_damaged_leaves_a_doubt(used, text):
    witness().write_text(text)
    with used.open() as vault:
        assert "damaged" in str(vault.doubt)
        vault.accept_restored()
    with used.open() as vault:
        assert vault.doubt is None


@pytest.mark.parametrize("member", ["revision", "at", "mac"])
def test_a_witness_cannot_be_rewritten(used, member):
    record = json.loads(witness().read_text())
    record[member] = "0" * 64 if member == "mac" else record[member] - 1
    witness().write_text(json.dumps(record))
    with used.open() as vault:
        assert "damaged" in str(vault.doubt)


def test_the_witness_of_another_vault_leaves_a_doubt(used, tmp_path):
    ours = witness()
    (tmp_path / "second").mkdir()
    Place(tmp_path / "second").made()
    (other,) = set(state_folder().iterdir()) - {ours}
    shutil.copy2(other, ours)
    with used.open() as vault:
        assert "of another vault" in str(vault.doubt)


def test_a_process_that_is_behind_does_not_take_the_witness_back(used):
    with used.open():
        with used.open() as other:
            other.put(tag(1, counter=3))
        before = witness().read_bytes()
    assert witness().read_bytes() == before


def test_the_witness_is_for_one_user(used):
    modes = [path.stat().st_mode & 0o7777 for path in (witness(), witness().parent)]
    assert modes == [0o600, 0o700]


def test_the_witness_does_not_lie_beside_the_vault(used):
    assert [path.name for path in used.path.parent.iterdir()] == ["vault.db"]


def test_no_tag_is_begun_where_no_witness_can_be_written(used):
    witness().unlink()
    state_folder().rmdir()
    state_folder().touch()
    with used.open() as vault:
        for write in (vault.require_writable, lambda: vault.rotate(master(2))):
            with pytest.raises(VaultError, match="witness") as error:
                write()
            assert "XDG_STATE_HOME" in error.value.hint
        assert len(list(vault.tags())) == 2


# ---- crashes --------------------------------------------------------------------------------

# For each folder a process that dies before another call that changes a file.
_USE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.provisioning.vault.furniture import Place, master, tag

def die_at(left):
    def count(event, arguments):
        nonlocal left
        if event in ("os.mkdir", "os.rename", "os.remove") or (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        ):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    def statement(text):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return statement

for step, folder in enumerate(sys.argv[1:]):
    child = os.fork()
    if child == 0:
        place = Place(Path(folder))
        os.environ["XDG_STATE_HOME"] = folder + "/state"
        statement = die_at(step)
        with place.open() as vault:
            vault._file._db.set_trace_callback(statement)
            vault.rotate(master(2))
            vault.require_writable()
            vault.put(tag(1, counter=9))
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("has_witness", [True, False])
def test_a_crash_anywhere_between_vault_and_witness_leaves_no_doubt(
    used, tmp_path, monkeypatch, *, has_witness
):
    folders = [tmp_path / f"crash-{number}" for number in range(40)]
    for folder in folders:
        shutil.copytree(used.path.parent, folder / used.path.parent.name)
        shutil.copy2(used.unlock.path, folder / "key")
        if has_witness:
            shutil.copytree(state_folder(), folder / "state" / "ntag424")
    said, _ = run_elsewhere(_USE_AND_DIE, *folders).communicate(timeout=PATIENCE_SECONDS)
    ends = list(map(int, said.split()))
    assert set(ends) == {signal.SIGKILL, 0}
    for folder in folders:
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with Place(folder).open() as vault:
            assert vault.doubt is None
            vault.put(tag(2, counter=9))


def test_a_commit_between_two_looks_of_another_process_is_no_doubt(used, monkeypatch):
    """Witness and rows are looked at one after the other; in between there is another writer."""
    looks = ((Witness, "hear", Witness.hear), (Rows, "prove", Rows.prove))

    def and_then_somebody_writes(look):
        def looking(self):
            found = look(self)
            for owner, name, original in looks:
                monkeypatch.setattr(owner, name, original)
            writer.rotate(master(2))
            return found

        return looking

    with used.open() as writer:
        for owner, name, original in looks:
            monkeypatch.setattr(owner, name, and_then_somebody_writes(original))
        with used.open() as reader:
            assert reader.doubt is None
            assert len(reader.versions()) == 2
