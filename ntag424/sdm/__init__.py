"""Secure Dynamic Messaging: from the parts of a message to a tap that can be trusted."""

from ntag424.sdm._message import TapMessage
from ntag424.sdm._tap import CountedTap, VerifiedTap
from ntag424.sdm._verify import verify, verify_any

__all__ = ["CountedTap", "TapMessage", "VerifiedTap", "verify", "verify_any"]
