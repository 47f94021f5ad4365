"""What a ledger that is not serving says."""

from __future__ import annotations

from ntag424.errors import LedgerMismatchError
from ntag424.replay._store import Phase


def require_serving(phase: Phase) -> None:
    """Return if a ledger in this *phase* redeems taps.

    Raises:
        LedgerMismatchError: it does not; the hint says what to do.

    """
    if phase is Phase.FILLING:
        raise LedgerMismatchError(
            "a move into this ledger has not finished",
            hint="Run the same `ntag424-service move` again: it finishes.",
        )
    if phase is Phase.RECOVERING:
        raise LedgerMismatchError(
            "this ledger is a copy, or a recovery of it has not finished",
            hint="Run `ntag424-service recover`.",
        )
    if phase is Phase.LEAVING:
        raise LedgerMismatchError(
            "a move out of this ledger has not finished",
            hint="Run the same `ntag424-service move` again, or one to a new place: it finishes.",
        )
    if phase is Phase.SEALED:
        raise LedgerMismatchError(
            "this ledger was moved elsewhere",
            hint="Set NTAG424_STORE to where it went, or move it back: `ntag424-service move`.",
        )
