"""Programs that are measured here, and may not be installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest


def is_here(program: str) -> bool:
    """Return whether *program* is installed."""
    return shutil.which(program) is not None


def why_not(needs: Callable[[], None]) -> str | None:
    """Return what *needs*, by which tests ask for something, says is missing, if anything."""
    try:
        needs()
    except (pytest.skip.Exception, pytest.fail.Exception) as lack:
        return lack.msg
    return None
