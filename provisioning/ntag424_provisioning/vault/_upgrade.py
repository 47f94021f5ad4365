"""From vaults whose rows had no revision to the present form."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._failures import damaged
from ntag424_provisioning.vault._inventory import Inventory
from ntag424_provisioning.vault._rows import Rows
from ntag424_provisioning.vault._sealer import Sealer

_TABLES = ("record", "tag")


def upgrade(db: sqlite3.Connection, sealer: Sealer, *, is_first: bool) -> None:
    """Seal every row of a former vault anew; all of them or none, also if this is cut off.

    *is_first* says that no witness knows the vault. Where one does, it was upgraded before,
    and this is an older copy of it: it gets a revision that is lower than any that was noted.

    Raises:
        VaultError: a row of the former vault was changed, or is missing.
        sqlite3.Error: it cannot be written.

    """
    if _schema.version_of(db) != _schema.FORMER_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        if _schema.version_of(db) == _schema.FORMER_VERSION:
            _rewrite(db, sealer, 1 if is_first else 0)
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _rewrite(db: sqlite3.Connection, sealer: Sealer, revision: int) -> None:
    for table in _TABLES:
        db.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for statement in _schema.SEALED_TABLES:
        db.execute(statement)
    rows = Rows(db, sealer, Inventory())
    rows.go_beyond(revision - 1)
    records = {
        name: sealer.open_unnumbered("record", name, sealed)
        for name, sealed in db.execute("SELECT name, sealed FROM former_record")
    }
    count = 0
    for name, sealed in db.execute("SELECT id, sealed FROM former_tag ORDER BY rowid"):
        rows.set_row(("tag", name), sealer.open_unnumbered("tag", name, sealed))
        count += 1
    if (
        records.keys() != {b"keys", b"census"}
        or int.from_bytes(records[b"census"], "big") != count
    ):
        raise damaged("it does not hold as many tags as it did")
    rows.set_keys(records[b"keys"])
    rows.finish()
    for table in _TABLES:
        db.execute(f"DROP TABLE former_{table}")
    _schema.set_version(db)
