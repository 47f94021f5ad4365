"""The ledger in one SQLite file: the default, for one machine."""

from ntag424.replay.sqlite._ledger import SqliteLedger

__all__ = ["SqliteLedger"]
