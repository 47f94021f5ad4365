"""Waiting for what no event announces."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
_STEP_SECONDS = 0.01


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return once *condition* holds; *what* is for the message if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(_STEP_SECONDS)
