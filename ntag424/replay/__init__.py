"""Ledgers: where a genuine tap is accepted once, and never again."""

from ntag424.replay._clock import BootClock, Clock
from ntag424.replay._ledger import (
    Accepted,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    Repeated,
    Replayed,
    TagLedger,
    TagRecord,
    TagState,
    Verdict,
)
from ntag424.replay.sqlite import SqliteLedger

__all__ = [
    "Accepted",
    "BootClock",
    "Clock",
    "EnrolmentPolicy",
    "Grant",
    "LiveGrant",
    "Refused",
    "Repeated",
    "Replayed",
    "SqliteLedger",
    "TagLedger",
    "TagRecord",
    "TagState",
    "Verdict",
]
