"""One connection to one server: how it is made, and whether what it says counts."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from select import POLLIN, poll
from typing import Self, TypeAlias

import psycopg
from psycopg import AsyncConnection, AsyncCursor, capabilities
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow

from ntag424.errors import (
    LedgerError,
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerWentBackError,
)
from ntag424.replay._phases import require_serving
from ntag424.replay._store import Phase

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


#: What is asked: constant, or composed of names that were checked.
Statement: TypeAlias = bytes
Arguments: TypeAlias = Sequence[object]

#: Longer than anybody waits for an answer. Up to then a statement may still come to an end by
#: itself, and its connection serve again.
_PATIENCE_SECONDS = 5.0
_GRACE_SECONDS = 1.0
#: What our own functions raise: see the migrations.
_NOT_THIS_LEDGER = "NT424"
_BEHIND = "behind"
_PHASES = {phase.value: phase for phase in Phase}


class Connection:
    """Answers one statement at a time."""

    def __init__(self, raw: RawConnection, patience: float) -> None:
        """Take over a connection; call `open` instead."""
        self._raw = raw
        self._patience = patience
        self._opened = time.monotonic()
        self._warnings: list[str] = []
        raw.add_notice_handler(self._heed)

    @classmethod
    async def open(cls, conninfos: Sequence[str], *, patience: float = _PATIENCE_SECONDS) -> Self:
        """Connect to the first of the servers that will have us.

        Raises:
            LedgerUnavailableError: there is none.

        """
        return cls(await connect(conninfos), patience)

    async def ask(self, statement: Statement, arguments: Arguments = ()) -> list[TupleRow]:
        """Return the rows that *statement* yields, if any, once it is committed.

        Raises:
            LedgerMismatchError: this is not the ledger that was meant, or it does not serve.
            LedgerWentBackError: it is behind what was said to be known of it.
            LedgerUnavailableError: there is no answer, or it does not count. What was to be
                written may have been, or may yet be.

        """
        cursor = await self._execute(statement, arguments, prepare=True)
        return [] if cursor.rownumber is None else await cursor.fetchall()

    async def run_script(self, script: Statement) -> None:
        """Run any number of statements in one go; raises as `ask` does."""
        # Only what has no arguments, not even none, may be more than one statement.
        await self._execute(script, None, prepare=False)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is known against asking again; looked at while nothing is asked."""
        if self._raw.closed:
            return False
        # An idle server has nothing to say, but that it is going.
        look = poll()
        look.register(self._raw.pgconn.socket, POLLIN)
        return not look.poll(0)

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened

    def cut(self) -> None:
        """Make whatever is being asked fail now.

        Cancelling the task would make psycopg ask the server to cancel, and wait for it.
        """
        with suppress(psycopg.Error, OSError):
            descriptor = os.dup(self._raw.pgconn.socket)
            with socket.socket(fileno=descriptor) as line:
                line.shutdown(socket.SHUT_RDWR)

    async def aclose(self) -> None:
        """Hang up, without waiting for the server."""
        await self._raw.close()

    async def _execute(
        self, statement: Statement, arguments: Arguments | None, *, prepare: bool
    ) -> AsyncCursor[TupleRow]:
        self._warnings.clear()
        # A task for every statement would cost more than the rest of this.
        loop, losing = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        patience = loop.call_later(
            self._patience, lambda: losing.add(loop.create_task(self._lose_patience()))
        )
        try:
            cursor = await self._raw.execute(statement, arguments, prepare=prepare)
        except (psycopg.Error, OSError) as error:
            raise _meaning(error) from error
        finally:
            patience.cancel()
            for task in losing:
                task.cancel()
        # Where the wait for a standby was cancelled, PostgreSQL reports success and warns
        # that nobody but itself knows of it.
        if self._warnings:
            raise LedgerUnavailableError(f"PostgreSQL warned: {'; '.join(self._warnings)}")
        return cursor

    def _heed(self, notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "")

    async def _lose_patience(self) -> None:
        # A commit goes on waiting for its standby when nobody listens any more: without this
        # the server would sooner or later have no place left, for anybody.
        if capabilities.has_cancel_safe():
            with suppress(psycopg.Error, OSError):
                await self._raw.cancel_safe(timeout=_GRACE_SECONDS)
            await asyncio.sleep(_GRACE_SECONDS)
        self.cut()


def _meaning(error: psycopg.Error | OSError) -> LedgerError:
    """Say what an error of the driver is for the ledger."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    if isinstance(error, psycopg.Error) and error.sqlstate == _NOT_THIS_LEDGER:
        return _refusal(said or "")
    if isinstance(error, psycopg.IntegrityError):
        return LedgerUnavailableError(f"a constraint of the ledger was violated: {said}")
    return LedgerUnavailableError(f"PostgreSQL did not answer: {said or 'the connection broke'}")


def _refusal(reason: str) -> LedgerError:
    if reason == _BEHIND:
        return LedgerWentBackError()
    try:
        require_serving(_PHASES[reason])
    except LedgerMismatchError as error:
        return error
    except KeyError:
        pass
    return LedgerMismatchError("this is not the ledger that was initialised for this service")
