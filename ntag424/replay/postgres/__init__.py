"""The ledger in PostgreSQL: for more than one machine. Needs the extra `postgres`."""

from ntag424.replay.postgres._ledger import PostgresLedger
from ntag424.replay.postgres._store import PostgresArchive, PostgresStore

__all__ = ["PostgresArchive", "PostgresLedger", "PostgresStore"]
