"""Making and migrating the ledger's schema; nothing here happens by accident."""

from __future__ import annotations

from psycopg import errors, sql

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.replay._store import Phase
from ntag424.replay.postgres._connection import Connection
from ntag424.replay.postgres._gates import Gates, require_known
from ntag424.replay.postgres._migrations import migrations

# One at a time. The number tells our locks from those of other programs.
_QUEUE_UP = b"SELECT pg_advisory_xact_lock(1314141234, hashtext(%s))"
_HAS_SCHEMA = b"SELECT to_regnamespace(%s) IS NOT NULL"
_IDENTIFY = b"INSERT INTO store (id, version, phase) VALUES (%s, %s, %s)"
_VERSION = b"SELECT version FROM store"
_SET_VERSION = b"UPDATE store SET version = %s"
_DUPLICATES = (errors.DuplicateTable, errors.DuplicateFunction, errors.DuplicateObject)


async def init(connection: Connection, gates: Gates, store_id: str, phase: Phase) -> None:
    """Make a new, empty ledger: all of it, or nothing.

    Raises:
        LedgerMismatchError: something is there already.
        LedgerUnavailableError: the server cannot be used.

    """
    await _begin(connection, gates)
    try:
        await _make(connection, gates.schema)
    except LedgerUnavailableError as error:
        # Nothing in the scripts replaces anything.
        if isinstance(error.__cause__, _DUPLICATES):
            text = "something is there already; init never overwrites"
            raise LedgerMismatchError(text) from error
        raise
    await connection.ask(_IDENTIFY, (store_id, len(migrations()), phase.value))
    await connection.run_script(b"COMMIT")


async def migrate(connection: Connection, gates: Gates) -> int:
    """Bring an older ledger up to date, all of it or nothing; return the steps taken.

    Raises:
        LedgerMismatchError: there is no ledger, or it is newer than this program.
        LedgerUnavailableError: the server cannot be used.

    """
    await _begin(connection, gates)
    await gates.require_there(connection)
    ((version,),) = await connection.ask(_VERSION)
    require_known(version)
    missing = migrations()[version:]
    for script in missing:
        await connection.run_script(script)
    await connection.ask(_SET_VERSION, (version + len(missing),))
    await connection.run_script(b"COMMIT")
    return len(missing)


async def _begin(connection: Connection, gates: Gates) -> None:
    """Open a transaction that ends with its commit or, whatever happens, with the connection."""
    await gates.pass_server(connection)
    await connection.run_script(b"BEGIN")
    await connection.ask(_QUEUE_UP, (gates.schema,))


async def _make(connection: Connection, schema: str) -> None:
    # An operator may have made it, for a role that may not.
    ((has_schema,),) = await connection.ask(_HAS_SCHEMA, (f'"{schema}"',))
    if not has_schema:
        create = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema))
        await connection.run_script(create.as_bytes())
    for script in migrations():
        await connection.run_script(script)
