"""What went wrong in Redis, said so that somebody can do something about it."""

from __future__ import annotations

from redis.exceptions import ResponseError

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerWentBackError,
)
from ntag424.replay._phases import require_serving
from ntag424.replay.redis._layout import phase_of

#: What our own scripts raise: see `common.lua`.
_NOT_SERVING, _LOST, _WENT_BACK = "NOTSERVING ", "LOST", "WENTBACK"


def unavailable(cause: Exception) -> LedgerUnavailableError:
    """Return what a caller of the ledger is told."""
    if isinstance(cause, LedgerUnavailableError):
        return cause
    if isinstance(cause, TimeoutError):
        return LedgerUnavailableError("Redis did not answer in time")
    error = _meaning(str(cause)) if isinstance(cause, ResponseError) else None
    error = error or LedgerUnavailableError(f"Redis cannot be used: {cause}")
    error.__cause__ = cause
    return error


def _meaning(said: str) -> LedgerUnavailableError | None:
    if said.startswith(_LOST):
        return lost()
    if said.startswith(_WENT_BACK):
        return LedgerWentBackError()
    if said.startswith(_NOT_SERVING):
        return not_serving(said.removeprefix(_NOT_SERVING)[:1])
    return None


def lost() -> LedgerUnavailableError:
    """Return what is to be said of a bucket that is not there."""
    return LedgerUnavailableError(
        "a part of the ledger is missing in this Redis",
        hint="It was flushed or evicted, or NTAG424_STORE leads to another one: restore it, "
        "or correct the setting. Nothing is accepted until then.",
    )


def not_serving(letter: str) -> LedgerUnavailableError | None:
    """Return what is to be said of a phase, by the last byte of its mark."""
    try:
        require_serving(phase_of(letter))
    except LedgerMismatchError as error:
        return LedgerUnavailableError(str(error), hint=error.hint)
    return None
