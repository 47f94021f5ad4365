"""A file that is not as the vault left it opens not at all, or as it was: never wrongly."""

from __future__ import annotations

import random
import sqlite3
from contextlib import suppress
from unittest import mock

import pytest
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import KeyFile, Passphrase, Vault, _schema
from ntag424_provisioning.vault._sealing import Cost, Sealer

from ntag424 import KeyState
from tests.provisioning.vault.furniture import Place, master, stored, tag, uid

COLUMNS = [
    ("vault", "id"),
    ("vault", "salt"),
    ("vault", "data_key"),
    ("record", "name"),
    ("record", "content"),
    ("tag", "id"),
    ("tag", "content"),
]
each_column = pytest.mark.parametrize(("table", "column"), COLUMNS, ids=map(".".join, COLUMNS))


@pytest.fixture(scope="module")
def once_filled(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("filled"))
    with mock.patch.object(_schema, "ROOM_BYTES", 64):  # else most of the file holds nothing
        place.made(stored(1, master(1)), stored(2, master(2), KeyState.ACTIVE))
    with place.open() as vault:
        for number in range(3):
            vault.put(tag(number))
    return place


@pytest.fixture
def filled(once_filled, tmp_path):
    """A vault with two key versions and three tags, closed."""
    return once_filled.twin(tmp_path)


def assert_refused(place):
    with pytest.raises(VaultError) as refused:
        place.open()
    assert refused.value.hint


@each_column
def test_no_byte_of_a_row_can_be_changed(filled, table, column):
    row, value = filled.sql(f"SELECT rowid, {column} FROM {table} ORDER BY rowid DESC")[0]
    change = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
    for place in {*range(0, len(value), 17), *range(min(len(value), 28)), len(value) - 1}:
        changed = bytearray(value)
        changed[place] ^= 1 << place % 8
        filled.sql(change, bytes(changed), row)
        assert_refused(filled)
    filled.sql(change, value, row)
    assert len(filled.contents()[1]) == 3


@each_column
@pytest.mark.parametrize("value", [b"", bytes(11), bytes(40)], ids=["none", "short", "zeros"])
def test_no_value_can_be_exchanged_for_another(filled, table, column, value):
    row = filled.sql(f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 1")[0][0]
    with suppress(sqlite3.IntegrityError):  # no vault id of another length goes into the file
        filled.sql(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", value, row)
        assert_refused(filled)


@pytest.mark.parametrize("table", ["record", "tag"])
@pytest.mark.parametrize("step", [-1, 1, 1 << 62, -(1 << 62)])
def test_no_revision_can_be_changed(filled, table, step):
    row = filled.sql(f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 1")[0][0]
    filled.sql(f"UPDATE {table} SET revision = revision + ? WHERE rowid = ?", step, row)
    assert_refused(filled)


@pytest.mark.parametrize("table", ["record", "tag"])
def test_two_sealed_rows_that_changed_places_are_noticed(filled, table):
    rows = filled.sql(f"SELECT rowid, content FROM {table}")
    (one, sealed), (other, also_sealed) = rows[:2]
    filled.sql(f"UPDATE {table} SET content = ? WHERE rowid = ?", sealed, other)
    filled.sql(f"UPDATE {table} SET content = ? WHERE rowid = ?", also_sealed, one)
    assert_refused(filled)


def test_a_row_that_changed_its_table_is_noticed(filled):
    name, sealed = filled.sql("SELECT name, content FROM record")[0]
    filled.sql("UPDATE tag SET id = ?, content = ? WHERE rowid = 1", name, sealed)
    assert_refused(filled)


def test_rows_that_changed_their_names_are_noticed(filled):
    (one, name), (other, also_name) = filled.sql("SELECT rowid, id FROM tag")[:2]
    for row, value in ((one, b"aside"), (other, name), (one, also_name)):
        filled.sql("UPDATE tag SET id = ? WHERE rowid = ?", value, row)
    assert_refused(filled)


@pytest.mark.parametrize("table", ["vault", "record", "tag"])
def test_a_row_that_is_gone_is_noticed(filled, table):
    row = filled.sql(f"SELECT rowid FROM {table} ORDER BY rowid DESC")[0][0]
    filled.sql(f"DELETE FROM {table} WHERE rowid = ?", row)
    assert_refused(filled)


def test_a_row_of_another_vault_opens_nowhere_else(filled, tmp_path):
    (tmp_path / "second").mkdir()
    other = Place(tmp_path / "second").made(stored(1, master(1), KeyState.ACTIVE))
    (sealed,) = other.sql("SELECT content FROM record WHERE name = ?", b"keys")[0]
    filled.sql("UPDATE record SET content = ? WHERE name = ?", sealed, b"keys")
    assert_refused(filled)


def test_a_second_head_is_noticed(filled):
    filled.sql("INSERT INTO vault SELECT zeroblob(16), salt, n, r, p, data_key FROM vault")
    assert_refused(filled)


def test_no_byte_of_the_file_can_be_changed_without_notice(filled):
    """Unused space may change: then everything is as it was."""
    whole, contents = filled.path.read_bytes(), filled.contents()
    chance = random.Random(424)
    outcomes = set()
    for place in [*range(0, 100, 2), *chance.sample(range(100, len(whole)), 200)]:
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        filled.path.write_bytes(changed)
        try:
            found = filled.contents()
        except VaultError:
            outcomes.add("refused")
        else:
            outcomes.add("as it was")
            assert found == contents
    assert outcomes == {"refused", "as it was"}


def test_a_file_that_would_be_damaged_further_by_writing_is_refused(filled):
    """All rows can be read; only the list of free pages is wrong."""
    changed = bytearray(filled.path.read_bytes())
    changed[36:40] = (7).to_bytes(4, "big")
    filled.path.write_bytes(changed)
    assert_refused(filled)


@pytest.mark.parametrize("keep", [0, 1, 100, 4096, 5000, 8192])
def test_a_file_that_was_cut_off_is_refused(filled, keep):
    filled.path.write_bytes(filled.path.read_bytes()[:keep])
    assert_refused(filled)


def test_a_tag_that_is_damaged_while_the_vault_is_open_is_refused(filled):
    with filled.open() as vault:
        filled.sql("UPDATE tag SET content = zeroblob(400)")
        with pytest.raises(VaultError, match="damaged"):
            vault.find(uid(1))
        with pytest.raises(VaultError, match="damaged"):
            list(vault.tags())


# ---- what scrypt is asked for ---------------------------------------------------------------


@pytest.fixture(scope="module")
def with_passphrase(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("scrypt"))
    place.unlock = Passphrase("correct horse battery")
    return place.made()


@pytest.fixture
def altered(with_passphrase):
    """Change the parameters in the file, and put them back."""
    before = with_passphrase.sql("SELECT n, r, p FROM vault")[0]
    change = "UPDATE vault SET n = ?, r = ?, p = ?"
    yield lambda *cost: with_passphrase.sql(change, *cost)
    with_passphrase.sql(change, *before)


def test_a_passphrase_costs_128_mebibytes(with_passphrase):
    assert with_passphrase.sql("SELECT n, r, p FROM vault") == [(1 << 17, 8, 1)]


@pytest.mark.parametrize(
    "cost",
    [
        *[(n, 8, 1) for n in (-2, 0, 1, 2, 1 << 14, 1 << 16, (1 << 17) + 1, 1 << 21, 1 << 40)],
        *[(1 << 17, r, 1) for r in (-1, 0, 1, 7, 9, 1 << 30)],
        *[(1 << 17, 8, p) for p in (-1, 0, 2, 1 << 20)],
        (None, 8, 1),
        (1 << 17, None, None),
    ],
)
def test_no_other_amount_of_work_is_done(with_passphrase, altered, cost):
    altered(*cost)
    with pytest.raises(VaultError, match=r"work|unreadable"):
        with_passphrase.open()


def test_more_work_than_was_done_opens_nothing(with_passphrase, altered):
    altered(1 << 18, 8, 1)
    with pytest.raises(VaultError, match="does not open"):
        with_passphrase.open()


def test_a_vault_with_a_passphrase_cannot_be_made_one_with_a_key_file(
    with_passphrase, altered, tmp_path
):
    key_file = KeyFile(tmp_path / "key")
    key_file.draw()
    altered(None, None, None)
    with pytest.raises(VaultError, match="does not open"):
        Vault.open(with_passphrase.path, key_file)


def test_less_work_has_no_constructor():
    with pytest.raises(ValueError, match="power of two"):
        Cost(1 << 16)


def test_a_sealed_row_names_its_vault():
    """Beside its key, which is of that vault alone."""
    one, other = Sealer(bytes(32), b"1" * 16), Sealer(bytes(32), b"2" * 16)
    other._rows = one._rows
    with pytest.raises(VaultError, match="damaged"):
        other.open("tag", b"row", 7, one.seal("tag", b"row", 7, b"value"))
