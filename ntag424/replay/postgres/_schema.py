"""The schema of a ledger: how it is made, and what a server must be for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from psycopg import errors, sql

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay._phases import require_serving
from ntag424.replay._store import Phase
from ntag424.replay.postgres._connection import Connection, Statement

# Settings of ours, and a look at those that only the operator can change.
#
# - synchronous_commit is set to what it is, so that a change for new connections lowers
#   nothing in this one.
# - A standby's wait that was cancelled shows in a warning alone, so we must get warnings.
# - How long we wait is our own affair: a statement that the server ends is no answer.
# - Backups and logical subscribers never become the primary. What a role may not see is NULL,
#   and taken for a standby.
_SERVER = """
SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes'),
    set_config('synchronous_commit', current_setting('synchronous_commit'), false),
    current_setting('synchronous_standby_names') = '' AND EXISTS (
        SELECT FROM pg_stat_replication
        WHERE (state IS NULL OR state <> 'backup' AND replay_lsn IS NOT NULL)
            AND pid NOT IN (SELECT active_pid FROM pg_replication_slots
                WHERE slot_type = 'logical' AND active_pid IS NOT NULL)),
    set_config('search_path', {path}, false), set_config('client_min_messages', 'warning', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
"""
_IDENTIFY = "SELECT id, version FROM {store}"
_IS_THERE = "SELECT to_regclass({store}) IS NOT NULL"
_PHASE = b"SELECT phase_of(%s)"
# One at a time. The number tells our locks from those of other programs.
_QUEUE_UP = b"SELECT pg_advisory_xact_lock(1314141234, hashtext(%s))"
_HAS_SCHEMA = b"SELECT to_regnamespace(%s) IS NOT NULL"
_RECORD = b"INSERT INTO store (id, version, phase) VALUES (%s, %s, %s)"
_VERSION = b"SELECT version FROM store"
_SET_VERSION = b"UPDATE store SET version = %s"
_DUPLICATES = (errors.DuplicateTable, errors.DuplicateFunction, errors.DuplicateObject)


@cache
def migrations() -> tuple[bytes, ...]:
    """Return the migration scripts in order; the first leads to version 1."""
    scripts = (files(__package__) / "migrations").iterdir()
    return tuple(script.read_bytes() for script in sorted(scripts, key=lambda item: item.name))


@dataclass(frozen=True, slots=True)
class ServerChecks:
    """What a server and the ledger in it must be: asked at every connection."""

    schema: str

    async def check_server(self, connection: Connection) -> int:
        """Look at the server behind *connection*, and make the connection ready for use.

        What its clock shows is returned, UNIX time in ms.

        Raises:
            LedgerUnsafeError: it could accept a tap twice as it is set up.
            LedgerUnavailableError: it is a standby, or does not answer.

        """
        path = sql.Literal(f'"{self.schema}", pg_temp')
        ((recovers, fsync, full_pages, commit, stands_alone, *_, now),) = await connection.ask(
            _compose(_SERVER, path=path)
        )
        if recovers:
            raise LedgerUnavailableError(
                "this PostgreSQL is a standby",
                hint="Leave target_session_attrs out of the URL, and name all servers in it.",
            )
        if fsync != "on":
            raise _unsafe("fsync", fsync, "on", "it forgets the last taps at a power cut")
        if full_pages != "on":
            raise _unsafe("full_page_writes", full_pages, "on", "a power cut may damage it")
        if commit not in ("on", "remote_apply"):
            raise _unsafe("synchronous_commit", commit, "on", "it forgets taps that it confirmed")
        if stands_alone:
            raise _standby_lags()
        return int(now)

    async def check_store(self, connection: Connection, store_id: str) -> None:
        """Look at the ledger: it has to be the one called *store_id*, of this release.

        Raises:
            LedgerMismatchError: it is not.
            LedgerUnavailableError: the server does not answer.

        """
        await self.require_there(connection)
        store = sql.Identifier(self.schema, "store")
        rows = await connection.ask(_compose(_IDENTIFY, store=store))
        if not rows or rows[0][0] != store_id:
            raise LedgerMismatchError(
                "this is not the ledger that was initialised for this service"
            )
        require_known(rows[0][1])
        if rows[0][1] < len(migrations()):
            raise LedgerMismatchError("the ledger is older than this program; run migrate")

    async def check_serving(self, connection: Connection, store_id: str) -> None:
        """Look whether the ledger, which passed, redeems taps where it is.

        Raises:
            LedgerMismatchError: it does not, or is only a copy made by `pg_dump` and the like.
            LedgerUnavailableError: the server does not answer.

        """
        for (phase,) in await connection.ask(_PHASE, (store_id,)):
            require_serving(Phase(phase))

    async def require_there(self, connection: Connection) -> None:
        """Raise `LedgerMismatchError` if the schema holds no ledger."""
        store = sql.Literal(f'"{self.schema}".store')
        ((is_there,),) = await connection.ask(_compose(_IS_THERE, store=store))
        if not is_there:
            raise LedgerMismatchError(
                f"there is no ledger in the schema {self.schema} of this database",
                hint="Check the URL; a new store is made by `init` and by nothing else.",
            )


def require_known(version: int) -> None:
    """Raise `LedgerMismatchError` if the ledger is of a later release."""
    if version > len(migrations()):
        raise LedgerMismatchError("the ledger is newer than this program; update the program")


def _compose(text: str, **names: sql.Composable) -> Statement:
    return sql.SQL(text).format(**names).as_bytes()


def _unsafe(setting: str, value: str, wanted: str, harm: str) -> LedgerUnsafeError:
    return LedgerUnsafeError(
        f"{setting} of this PostgreSQL is {value}: {harm}",
        f"Run ALTER SYSTEM SET {setting} = {wanted}; SELECT pg_reload_conf(); and see whether "
        "the role or the database sets it, too.",
    )


def _standby_lags() -> LedgerUnsafeError:
    return LedgerUnsafeError(
        "synchronous_standby_names of this PostgreSQL is empty, but it has a standby, which may "
        "take over without the last taps",
        "Run ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'; SELECT pg_reload_conf(); "
        "if what is connected never takes over, GRANT pg_monitor to the ledger's role to show it.",
    )


async def init(connection: Connection, checks: ServerChecks, store_id: str, phase: Phase) -> None:
    """Make a new, empty ledger: all of it, or nothing.

    Raises:
        LedgerMismatchError: something is there already.
        LedgerUnavailableError: the server cannot be used.

    """
    await _begin(connection, checks)
    try:
        await _make(connection, checks.schema)
    except LedgerUnavailableError as error:
        # Nothing in the scripts replaces anything.
        if isinstance(error.__cause__, _DUPLICATES):
            text = "something is there already; init never overwrites"
            raise LedgerMismatchError(text) from error
        raise
    await connection.ask(_RECORD, (store_id, len(migrations()), phase.value))
    await connection.run_script(b"COMMIT")


async def migrate(connection: Connection, checks: ServerChecks) -> int:
    """Bring an older ledger up to date, all of it or nothing; return the steps taken.

    Raises:
        LedgerMismatchError: there is no ledger, or it is newer than this program.
        LedgerUnavailableError: the server cannot be used.

    """
    await _begin(connection, checks)
    await checks.require_there(connection)
    ((version,),) = await connection.ask(_VERSION)
    require_known(version)
    missing = migrations()[version:]
    for script in missing:
        await connection.run_script(script)
    await connection.ask(_SET_VERSION, (version + len(missing),))
    await connection.run_script(b"COMMIT")
    return len(missing)


async def _begin(connection: Connection, checks: ServerChecks) -> None:
    """Open a transaction that ends with its commit or, whatever happens, with the connection."""
    await checks.check_server(connection)
    await connection.run_script(b"BEGIN")
    await connection.ask(_QUEUE_UP, (checks.schema,))


async def _make(connection: Connection, schema: str) -> None:
    # An operator may have made it, for a role that may not.
    ((has_schema,),) = await connection.ask(_HAS_SCHEMA, (f'"{schema}"',))
    if not has_schema:
        create = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema))
        await connection.run_script(create.as_bytes())
    for script in migrations():
        await connection.run_script(script)
