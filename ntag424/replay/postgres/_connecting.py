"""Connecting to the one of several servers that is the primary."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ntag424.errors import LedgerUnavailableError

RawConnection: TypeAlias = AsyncConnection[TupleRow]
_Attempt: TypeAlias = asyncio.Task[RawConnection]

#: A server that is there has answered by then.
_HEAD_START_SECONDS = 0.1
#: What libpq says, without where the server is.
_REASON = re.compile(r".*(?:failed|is bad): (.+)")


async def connect(conninfos: Sequence[str]) -> RawConnection:
    """Connect to the first server that will have us, trying them in this order.

    One that says nothing holds up the next ones for a moment only: psycopg alone would wait
    for it as long as for an answer.

    Raises:
        LedgerUnavailableError: there is none.

    """
    waiting = list(conninfos)
    running: set[_Attempt] = set()
    failures: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_attempt(waiting.pop(0))))
            done, _ = await asyncio.wait(
                running,
                timeout=_HEAD_START_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                running.remove(attempt)
                failure = attempt.exception()
                if failure is None:
                    return attempt.result()
                failures.append(failure)
    finally:
        for attempt in running:
            attempt.add_done_callback(_hang_up)
            attempt.cancel()
    raise _unreachable(failures)


async def _attempt(conninfo: str) -> RawConnection:
    return await AsyncConnection.connect(conninfo, autocommit=True)


def _hang_up(attempt: _Attempt) -> None:
    """Close what nobody wants any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().pgconn.finish()


def _unreachable(failures: Sequence[BaseException]) -> LedgerUnavailableError:
    for failure in failures:
        if not isinstance(failure, psycopg.Error | OSError | UnicodeError):
            raise failure
    reasons = [_REASON.findall(str(failure)) for failure in failures]
    told = "; ".join(dict.fromkeys(words[-1] if words else "no answer" for words in reasons))
    error = LedgerUnavailableError(f"PostgreSQL cannot be reached: {told}")
    error.__cause__ = failures[-1]
    return error
