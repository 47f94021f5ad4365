"""Which sealed rows a vault has: what tells that an old one was put back, or one is missing.

A sealed row opens for ever, so the seal alone does not tell the newest from one that was kept
from before. Therefore each write draws a number, the *revision* of the whole vault; a row is
sealed together with the one that it was written under; and one more sealed row, the census,
has the last revision and a total over all rows. The total is the sum of their marks modulo
2^256, one MAC for each row in its present form (MSet-Add-Hash; Clarke, Devadas, van Dijk,
Gassend and Suh, ASIACRYPT 2003). A write subtracts one mark and adds another, so it costs the
same for one tag as for a hundred thousand. No key holder ever makes a set of old rows with
the same total: nobody else can compute a mark, so it fits by chance, once in 2^256 tries.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Mapping
from typing import TypeAlias

from ntag424 import Uid
from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._sealing import Sealer, damaged, put_back

_MODULUS = 1 << 256
_TOTAL_BYTES = 32

#: The table that a row is in, and its name there.
RowName: TypeAlias = tuple[str, bytes]
#: The marks of rows.
Marks: TypeAlias = Mapping[RowName, bytes]


class Inventory:
    """The marks of all rows as this process has proven them, kept in memory.

    A row that is read has to have its mark, so what is put back while the vault is open is
    noticed too. Below one kilobyte for each tag.
    """

    def __init__(self) -> None:
        """Know nothing yet: every row is newer than what is known."""
        self.revision = -1
        self._total = 0
        self._marks: dict[RowName, bytes] = {}

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return sum(1 for name, _ in self._marks if name == table)

    def total_with(self, marks: Marks) -> bytes:
        """Return the total where the rows that are named have these *marks*."""
        total = self._total
        for name, mark in marks.items():
            total += _number(mark) - _number(self.mark_of(name))
        return (total % _MODULUS).to_bytes(_TOTAL_BYTES, "big")

    def advance(self, revision: int, total: bytes, marks: Marks) -> None:
        """Take over what was written since, if it makes the *total* of the census.

        Raises:
            VaultError: it does not: a row is older than the census, or is missing.

        """
        if not hmac.compare_digest(self.total_with(marks), total):
            raise put_back()
        self.revision, self._total = revision, _number(total)
        self._marks.update(marks)

    def mark_of(self, name: RowName) -> bytes:
        """Return the mark of a row; of one that is not there, nothing."""
        return self._marks.get(name, b"")

    def require_not_behind(self, revision: int, total: bytes) -> None:
        """Refuse a census that is older than what is known.

        Raises:
            VaultError: it is.

        """
        is_same = hmac.compare_digest(self.total_with({}), total)
        if revision < self.revision or (revision == self.revision and not is_same):
            raise put_back()


def _number(mark: bytes) -> int:
    return int.from_bytes(mark, "big")


_KEYS, _CENSUS = ("record", b"keys"), ("record", b"census")

_FIND = {
    "record": "SELECT revision, content FROM record WHERE name = ?",
    "tag": "SELECT revision, content FROM tag WHERE id = ?",
}
_PUT = {
    "record": "INSERT INTO record (name, revision, content) VALUES (?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET revision = excluded.revision, content = excluded.content",
    "tag": "INSERT INTO tag (id, revision, content) VALUES (?, ?, ?) ON CONFLICT (id) "
    "DO UPDATE SET revision = excluded.revision, content = excluded.content",
}
_SINCE = {
    "record": "SELECT name, revision, content FROM record WHERE revision > ?",
    "tag": "SELECT id, revision, content FROM tag WHERE revision > ?",
}


class Rows:
    """All reading and writing of one transaction; *known* is what was proven before it."""

    def __init__(self, db: sqlite3.Connection, sealer: Sealer, known: Inventory) -> None:
        self._db = db
        self._sealer = sealer
        self._known = known
        self._revision = known.revision
        self._written: dict[RowName, bytes] = {}

    # ---- proving ------------------------------------------------------------------------------

    def prove(self) -> None:
        """Open the census and every row that was written since the last look.

        Raises:
            VaultError: a row does not open, is older than the census, or is missing; or the
                census itself is older than what this process saw.

        """
        revision, total = self._census()
        self._known.require_not_behind(revision, total)
        if revision > self._known.revision:
            self._known.advance(revision, total, self._since(self._known.revision))
        self._revision = revision

    def _census(self) -> tuple[int, bytes]:
        table, name = _CENSUS
        found = self._db.execute(_FIND[table], (name,)).fetchone()
        if found is None:
            raise damaged("it does not say what is in it")
        return found[0], self._sealer.open(table, name, *found)

    def _since(self, revision: int) -> dict[RowName, bytes]:
        marks = {}
        for table, query in _SINCE.items():
            for name, number, content in self._db.execute(query, (revision,)):
                if (table, name) != _CENSUS:
                    self._sealer.open(table, name, number, content)
                    marks[table, name] = self._sealer.mark(table, name, number, content)
        return marks

    # ---- reading ------------------------------------------------------------------------------

    def keys(self) -> bytes:
        """Return the key versions as they were written down."""
        text = self._read(_KEYS)
        if text is None:
            raise damaged("it has no key versions")
        return text

    def tag(self, uid: Uid) -> bytes | None:
        """Return what was written down of a tag."""
        return self._read(("tag", self._sealer.row_id(uid)))

    def tags_after(self, place: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the next tags behind *place*, with theirs, in the order in which they came."""
        query = (
            "SELECT rowid, id, revision, content FROM tag WHERE rowid > ? ORDER BY rowid LIMIT ?"
        )
        rows = self._db.execute(query, (place, limit)).fetchall()
        if len(rows) < limit:
            self._require_all_tags()
        return [(place, self._opened(("tag", name), *row)) for place, name, *row in rows]

    def _require_all_tags(self) -> None:
        (count,) = self._db.execute("SELECT count(*) FROM tag").fetchone()
        if count != self._known.count("tag"):
            raise put_back()

    def _read(self, name: RowName) -> bytes | None:
        row = self._db.execute(_FIND[name[0]], name[1:]).fetchone()
        if row is not None:
            return self._opened(name, *row)
        self._require(name, b"")
        return None

    def _opened(self, name: RowName, revision: int, content: bytes) -> bytes:
        value = self._sealer.open(*name, revision, content)
        self._require(name, self._sealer.mark(*name, revision, content))
        return value

    def _require(self, name: RowName, mark: bytes) -> None:
        if not hmac.compare_digest(self._written.get(name, self._known.mark_of(name)), mark):
            raise put_back()

    # ---- writing ------------------------------------------------------------------------------

    def set_keys(self, value: bytes) -> None:
        """Replace the key versions: in one row, so none of them can go missing alone."""
        self.set_row(_KEYS, value)

    def set_tag(self, uid: Uid, value: bytes) -> None:
        """Write down what is known of a tag, instead of what was."""
        self.set_row(("tag", self._sealer.row_id(uid)), value)

    def set_row(self, name: RowName, value: bytes) -> None:
        """Write a row, new or not, under the next revision of the vault."""
        self.go_beyond(self._known.revision)
        self._written[name] = self._put(name, value)

    def go_beyond(self, revision: int) -> None:
        """Let the vault have a higher revision than *revision* from now on."""
        self._revision = max(self._revision, revision + 1)

    def finish(self) -> None:
        """Write the census, if anything was written: the last thing in a transaction."""
        if self._revision > self._known.revision:
            self._put(_CENSUS, self._known.total_with(self._written))

    def remember(self) -> None:
        """Know what this transaction wrote; it was committed."""
        if self._revision > self._known.revision:
            total = self._known.total_with(self._written)
            self._known.advance(self._revision, total, self._written)

    def fill_room(self) -> None:
        """Write as much as the journal does about one job."""
        self._db.execute("UPDATE room SET filler = randomblob(?)", (_schema.ROOM_BYTES,))

    def _put(self, name: RowName, value: bytes) -> bytes:
        table, row = name
        content = self._sealer.seal(table, row, self._revision, value)
        self._db.execute(_PUT[table], (row, self._revision, content))
        return self._sealer.mark(table, row, self._revision, content)
