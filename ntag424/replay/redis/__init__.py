"""The ledger in Redis: for many nodes that must act as one, with little delay."""

from ntag424.replay.redis._ledger import RedisLedger
from ntag424.replay.redis._store import RedisStore

__all__ = ["RedisLedger", "RedisStore"]
