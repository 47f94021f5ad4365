"""A vault of the release before opens as what it was, also if bringing it up to date was cut off.

The one in `former/` was made by that release: two key versions, three tags.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ntag424_provisioning.errors import VaultError

from ntag424 import KeyState
from tests.provisioning.vault.furniture import (
    PATIENCE_SECONDS,
    Place,
    run_elsewhere,
    same,
    tag,
    uid,
)

FORMER = Path(__file__).parent / "former"
TAGS = [tag(0, label="badge-0"), tag(1, label="badge-1", counter=7), tag(2, label="badge-2")]


def former(folder):
    """Lay a copy of it in *folder*; git keeps no modes."""
    place = Place(folder)
    place.path.parent.mkdir(parents=True)
    for source, goal in (("vault.db", place.path), ("key", place.unlock.path)):
        goal.touch(0o600)
        shutil.copyfile(FORMER / source, goal)
    return place


@pytest.fixture
def place(tmp_path):
    return former(tmp_path)


def assert_whole(place):
    with place.open() as vault:
        assert vault.doubt is None
        assert same(vault.tags(), TAGS)
        states = [(version.ordinal, version.state) for version in vault.versions()]
        assert states == [(1, KeyState.ACCEPTING), (2, KeyState.ACTIVE)]


def test_a_former_vault_opens_as_what_it_was(place):
    assert_whole(place)
    assert_whole(place)
    assert place.sql("PRAGMA user_version") == [(2,)]


def test_an_upgraded_vault_is_written_and_read(place):
    with place.open() as vault:
        vault.put(tag(1, counter=8))
        vault.put(tag(3))
    with place.open() as vault:
        assert (vault.find(uid(1)).counter, len(list(vault.tags()))) == (8, 4)


def test_the_tables_are_those_of_a_new_vault(place, tmp_path):
    place.open().close()
    (tmp_path / "new").mkdir()
    new = Place(tmp_path / "new").made()
    for table in ("record", "tag"):
        columns = f"PRAGMA table_info({table})"
        assert place.sql(columns) == new.sql(columns)
    names = "SELECT name FROM sqlite_schema ORDER BY name"
    assert place.sql(names) == new.sql(names)


_OPEN_AND_DIE = """
import os, signal, sqlite3, sys
from pathlib import Path
from ntag424_provisioning.vault import _file
from tests.provisioning.vault.furniture import Place

rewrite = _file._rewrite

def rewriting(left):
    def count(statement):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def counted(db, *rest):
        db.set_trace_callback(count)
        rewrite(db, *rest)
    return counted

for statement, folder in enumerate(sys.argv[1:]):
    child = os.fork()
    if child == 0:
        os.environ["XDG_STATE_HOME"] = folder + "/state"
        _file._rewrite = rewriting(statement)
        Place(Path(folder)).open().close()
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_an_upgrade_that_is_killed_anywhere_is_done_by_the_next_who_opens(tmp_path, monkeypatch):
    folders = [tmp_path / f"killed-{number}" for number in range(40)]
    places = [former(folder) for folder in folders]
    said, _ = run_elsewhere(_OPEN_AND_DIE, *folders).communicate(timeout=PATIENCE_SECONDS)
    assert set(map(int, said.split())) == {signal.SIGKILL, 0}
    for folder, place in zip(folders, places, strict=True):
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        assert_whole(place)


def test_two_processes_upgrade_it_once(place):
    program = """
import sys
from pathlib import Path
from tests.provisioning.vault.furniture import Place
with Place(Path(sys.argv[1])).open() as vault:
    print(len(list(vault.tags())))
"""
    folder = place.unlock.path.parent
    processes = [run_elsewhere(program, folder) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE_SECONDS)[0].strip() for process in processes]
    assert said == ["3", "3"]
    assert_whole(place)


@pytest.mark.parametrize("table", ["record", "tag"])
def test_a_former_vault_that_lacks_a_row_is_refused(place, table):
    place.sql(f"DELETE FROM {table} WHERE rowid = 1")
    with pytest.raises(VaultError, match="damaged"):
        place.open()
    assert place.sql("PRAGMA user_version") == [(1,)]


def test_a_row_of_a_former_vault_opens_in_no_upgraded_one(place):
    ((row, sealed),) = place.sql("SELECT id, sealed FROM tag WHERE rowid = 1")
    place.open().close()
    place.sql("UPDATE tag SET content = ? WHERE id = ?", sealed, row)
    with pytest.raises(VaultError, match="damaged"):
        place.open()


def test_a_former_vault_that_is_put_back_after_the_upgrade_is_in_doubt(place):
    place.open().close()
    for path in place.path.parent.glob("vault.db-*"):
        path.unlink()
    shutil.copyfile(FORMER / "vault.db", place.path)
    for _ in range(2):
        with place.open() as vault:
            assert "older than the one used here last" in str(vault.doubt)
    with place.open() as vault:
        vault.accept_restored()
    assert_whole(place)


def test_a_former_release_that_has_it_open_can_write_no_more(place):
    with closing(sqlite3.connect(place.path)) as former_release:
        former_release.execute("SELECT sealed FROM tag").fetchall()
        place.open().close()
        with pytest.raises(sqlite3.OperationalError, match="sealed"):
            former_release.execute("UPDATE tag SET sealed = ? WHERE id = ?", (b"", b""))
    assert_whole(place)
