"""Ledgers: where a genuine tap is accepted once, and never again."""

from ntag424.replay._clock import BootClock, Clock
from ntag424.replay._enrolment import (
    Enrolled,
    Enrolment,
    EnrolmentVerdict,
    Stale,
    Standing,
    enrol_once,
    retire,
)
from ntag424.replay._enrolment_list import EnrolmentList
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
    require_uid,
)
from ntag424.replay._place import PLACE_SIZE, place_of
from ntag424.replay._recovery import Recovery, begin_recovery, compare, recover, take_up
from ntag424.replay._store import LedgerArchive, LedgerStore, Phase
from ntag424.replay._store_at import store_at
from ntag424.replay._witness import CHANGES_PER_TIMELINE, Witness
from ntag424.replay.sqlite import SqliteLedger, SqliteStore

__all__ = [
    "CHANGES_PER_TIMELINE",
    "PLACE_SIZE",
    "Accepted",
    "BootClock",
    "Clock",
    "Enrolled",
    "Enrolment",
    "EnrolmentList",
    "EnrolmentPolicy",
    "EnrolmentVerdict",
    "Grant",
    "LedgerArchive",
    "LedgerStore",
    "LiveGrant",
    "Phase",
    "Recovery",
    "Refused",
    "Repeated",
    "Replayed",
    "SqliteLedger",
    "SqliteStore",
    "Stale",
    "Standing",
    "TagLedger",
    "TagRecord",
    "TagState",
    "Verdict",
    "Witness",
    "begin_recovery",
    "compare",
    "enrol_once",
    "place_of",
    "recover",
    "require_uid",
    "retire",
    "store_at",
    "take_up",
]
