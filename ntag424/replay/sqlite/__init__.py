"""The ledger in one SQLite file: the default, for one machine."""

from ntag424.replay.sqlite._ledger import SqliteLedger
from ntag424.replay.sqlite._store import SqliteStore

__all__ = ["SqliteLedger", "SqliteStore"]
