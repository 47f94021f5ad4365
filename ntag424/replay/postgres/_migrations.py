"""The scripts that make the ledger's tables and functions what this release expects."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def migrations() -> tuple[bytes, ...]:
    """Return the migration scripts in order; the first leads to version 1."""
    scripts = (files(__package__) / "migrations").iterdir()
    return tuple(script.read_bytes() for script in sorted(scripts, key=lambda item: item.name))
