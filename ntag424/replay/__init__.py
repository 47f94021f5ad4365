"""Ledgers: where a genuine tap is accepted once, and never again."""

from ntag424.replay._clock import BootClock, Clock
from ntag424.replay._enrolment import (
    Enrolled,
    Enrolment,
    EnrolmentVerdict,
    Stale,
    Standing,
    enrol_once,
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
)
from ntag424.replay.sqlite import SqliteLedger

__all__ = [
    "Accepted",
    "BootClock",
    "Clock",
    "Enrolled",
    "Enrolment",
    "EnrolmentList",
    "EnrolmentPolicy",
    "EnrolmentVerdict",
    "Grant",
    "LiveGrant",
    "Refused",
    "Repeated",
    "Replayed",
    "SqliteLedger",
    "Stale",
    "Standing",
    "TagLedger",
    "TagRecord",
    "TagState",
    "Verdict",
    "enrol_once",
]
