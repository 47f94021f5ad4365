"""What the process reports to its caller."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Exit(IntEnum):
    """Exit codes other than 0."""

    FAILED = 1
    SETTINGS = 2
    INTERRUPTED = 130
