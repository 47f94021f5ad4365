"""Connections, as many as are used at once; no call waits longer than the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from weakref import WeakValueDictionary

from ntag424.errors import LedgerUnavailableError
from ntag424.replay.postgres._connection import Connection

T = TypeVar("T")
Call: TypeAlias = Callable[[Connection], Awaitable[T]]

#: A server is looked at anew at least so often: its settings may have been changed.
_LIFETIME_SECONDS = 60.0
#: An idle server has answered by then.
_PROBE_SECONDS = 0.2
_PROBE = b"SELECT"
#: Nobody waits longer than this for the calls before it, however well they get on.
_QUEUE_SECONDS = 5.0
_LATE = "PostgreSQL did not answer in time"
_CROWDED = "PostgreSQL could not be asked in time: too many calls were before this one"
_CLOSED = "the ledger is closed"


@dataclass(slots=True)
class _Lent:
    """What a call was lent; nothing as long as it waits for its turn."""

    has_place: bool = False
    connection: Connection | None = None
    #: Whether its caller still wants to know what becomes of it.
    is_awaited: bool = True


class _Turn:
    """The queue of the calls about one thing."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        #: When the last call that is no longer in the queue left it, by the clock of the loop.
        self.moved = 0.0


class Pool:
    """Lends connections, each to one call at a time.

    Every call is a task of its own. Where its caller stops waiting, it is not cancelled, for
    psycopg would ask the server to cancel and wait for that: it keeps its connection and its
    place until it ends by itself. So a server that hangs is never asked for more connections
    than *size*, and is used again as soon as it answers.

    A call that waits for others about the same does not count their time, as long as one
    after the other is answered: only a queue that stands still for a whole deadline is given
    up, and so is a caller that waited for *longest_wait* seconds.

    After an answer that was late, those connections that are idle are asked for a word before
    they serve again: one late answer costs the others nothing, and where the server is gone it
    is found out with one of them.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        prepare: Callable[[Connection], Awaitable[object]],
        *,
        size: int,
        deadline: float,
        lifetime: float = _LIFETIME_SECONDS,
        longest_wait: float = _QUEUE_SECONDS,
    ) -> None:
        """Connect when first asked. *prepare* sees every new connection before its first use."""
        self._connect = connect
        self._prepare = prepare
        self._deadline = deadline
        self._lifetime = lifetime
        self._longest_wait = longest_wait
        self._places = asyncio.Semaphore(size)
        self._turns: WeakValueDictionary[object, _Turn] = WeakValueDictionary()
        self._idle: list[Connection] = []
        #: Idle since another one to the same server gave no answer in time.
        self._doubtful: list[Connection] = []
        self._calls: dict[asyncio.Task[object], _Lent] = {}
        self._closed = False

    async def run(self, call: Call[T], about: bytes | None = None) -> T:
        """Return what *call* makes of a connection.

        Of those *about* the same, one after the other, in the order they came: on the
        server they would wait for each other all the same, each with a connection.

        Raises:
            LedgerUnavailableError: there was none, or *call* took too long. In the second
                case it may still come to pass.

        """
        if self._closed:
            raise LedgerUnavailableError(_CLOSED)
        lent = _Lent()
        turn = self._turns.setdefault(about or object(), _Turn())
        task = asyncio.create_task(self._serve(call, lent, turn), name="ledger-call")
        self._calls[task] = lent
        task.add_done_callback(self._forget)
        try:
            await self._wait(task, turn)
        finally:
            lent.is_awaited = False
            if not lent.has_place:
                task.cancel()  # nothing was asked yet, and nobody waits for it any more
        if not task.done():
            raise LedgerUnavailableError(self._judge(lent))
        if task.cancelled():
            raise LedgerUnavailableError(_CLOSED)
        return task.result()

    async def aclose(self) -> None:
        """Finish what was begun, as far as the server lets us, and hang up."""
        self._closed = True
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._deadline)
        for task, lent in self._calls.items():
            if lent.connection is None:
                task.cancel()
            else:
                lent.connection.cut()
        if self._calls:
            await asyncio.wait(self._calls)
        await self._hang_up()

    async def _wait(self, task: asyncio.Task[T], turn: _Turn) -> None:
        """Wait for *task*, a deadline long since it came or the queue before it moved."""
        loop = asyncio.get_running_loop()
        came = now = loop.time()
        while not task.done():
            late = min(max(came, turn.moved) + self._deadline, came + self._longest_wait)
            if now >= late:
                return
            await asyncio.wait({task}, timeout=late - now)
            now = loop.time()

    async def _serve(self, call: Call[T], lent: _Lent, turn: _Turn) -> T:
        async with turn.lock:
            turn.moved = asyncio.get_running_loop().time()
            return await self._serve_next(call, lent)

    async def _serve_next(self, call: Call[T], lent: _Lent) -> T:
        async with self._places:
            lent.has_place = True
            connection = await self._take(lent)
            try:
                if not lent.is_awaited:
                    # Nobody waits any more. The next one has a connection.
                    raise LedgerUnavailableError(_LATE)
                return await call(connection)
            finally:
                await self._give_back(connection)

    async def _take(self, lent: _Lent) -> Connection:
        while self._idle or self._doubtful:
            is_doubtful = not self._idle
            connection = lent.connection = (self._doubtful if is_doubtful else self._idle).pop()
            is_fit = connection.is_sound and connection.age < self._lifetime
            if is_fit and (not is_doubtful or await self._answers(connection)):
                return connection
            lent.connection = None
            await connection.aclose()
        connection = lent.connection = await self._connect()
        try:
            await self._prepare(connection)
        except BaseException:
            await connection.aclose()
            raise
        return connection

    async def _answers(self, connection: Connection) -> bool:
        """Ask for nothing; without an answer, give up all that are doubtful."""
        probe = asyncio.create_task(connection.ask(_PROBE), name="ledger-probe")
        await asyncio.wait({probe}, timeout=_PROBE_SECONDS)
        if not probe.done():
            connection.cut()
            await asyncio.wait({probe})
        if probe.exception() is None:
            return True
        while self._doubtful:
            await self._doubtful.pop().aclose()
        return False

    def _judge(self, lent: _Lent) -> str:
        """Say why a call is late; if the server is silent, doubt what else leads to it."""
        if not lent.has_place:
            return _CROWDED
        self._doubtful += self._idle
        self._idle.clear()
        return _LATE

    async def _give_back(self, connection: Connection) -> None:
        if connection.age < self._lifetime:  # whether it is sound is asked when it is lent
            self._idle.append(connection)
        else:
            await connection.aclose()

    async def _hang_up(self) -> None:
        while self._idle or self._doubtful:
            await (self._idle or self._doubtful).pop().aclose()

    def _forget(self, task: asyncio.Task[object]) -> None:
        del self._calls[task]
        if not task.cancelled():
            # Whoever waited has seen it; if nobody did, nobody needs to.
            task.exception()
