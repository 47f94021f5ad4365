"""Secure Dynamic Messaging: from the parts of a message to a tap that can be trusted."""

from ntag424.sdm._message import TapMessage
from ntag424.sdm._modes import SESSIONS
from ntag424.sdm._session import SdmSession
from ntag424.sdm._tap import CountedTap, VerifiedTap
from ntag424.sdm._verify import verify, verify_any, verify_named

__all__ = [
    "SESSIONS",
    "CountedTap",
    "SdmSession",
    "TapMessage",
    "VerifiedTap",
    "verify",
    "verify_any",
    "verify_named",
]
