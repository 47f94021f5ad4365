"""All that is asked of one master goes through one lane: what waits shares a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.exceptions import MovedError, RedisError, ResponseError

from ntag424.errors import LedgerError, LedgerUnavailableError
from ntag424.replay.redis._faults import unavailable
from ntag424.replay.redis._line import Command, Line, Reply
from ntag424.replay.redis._observation import Change, Observer

_MOST_PER_BATCH = 512
#: Whoever asks is answered by then: a batch ends when the oldest of it must be answered.
DEADLINE_SECONDS = 0.95


class MovedAwayError(LedgerUnavailableError):
    """The bucket is another master's now; nothing was done."""


@dataclass(slots=True)
class _Job:
    command: Command
    writes: bool
    deadline: float
    reply: asyncio.Future[Reply]
    change: Change | None


class Lane:
    """Batches for one master. Opens its line when there is something to ask, again if need be."""

    def __init__(self, connect: Callable[[], Awaitable[Line]], observer: Observer) -> None:
        self._connect = connect
        self._observer = observer
        self._line: Line | None = None
        self._waiting: list[_Job] = []
        self._wake = asyncio.Event()
        self._farewells: set[asyncio.Task[None]] = set()
        self._closed = False
        self._task = asyncio.create_task(self._work(), name="ledger-lane")

    async def run(self, command: Command, *, writes: bool, change: Change | None = None) -> Reply:
        """Return Redis's reply, once it holds and the observer knows of the *change*.

        Raises:
            LedgerUnavailableError: there is none, or it does not hold. What was written
                may have been, or may yet be.

        """
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        deadline = loop.time() + DEADLINE_SECONDS
        self._waiting.append(_Job(command, writes, deadline, reply, change))
        self._wake.set()
        return await reply

    async def aclose(self) -> None:
        """Finish what waits, then hang up."""
        self._closed = True
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        while self._waiting or not self._closed:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = self._waiting[:_MOST_PER_BATCH]
                del self._waiting[:_MOST_PER_BATCH]
                batch = [job for job in batch if not job.reply.done()]
                if batch:
                    await self._answer(batch)
        self._hang_up()
        await asyncio.gather(*self._farewells)

    async def _answer(self, batch: list[_Job]) -> None:
        try:
            async with asyncio.timeout_at(batch[0].deadline):
                replies = await self._exchange(batch)
            self._observer.confirmed(
                [
                    (job.change, reply)
                    for job, reply in zip(batch, replies, strict=True)
                    if job.change is not None
                ]
            )
        except (RedisError, OSError, TimeoutError, LedgerError) as error:
            self._hang_up()
            _fail(batch, unavailable(error))
        # A bug must reach the callers: they would wait in vain.
        except Exception as error:  # noqa: BLE001
            self._hang_up()
            _fail(batch, error)
        else:
            for job, reply in zip(batch, replies, strict=True):
                _deliver(job, reply)

    async def _exchange(self, batch: list[_Job]) -> list[Reply]:
        if self._line is None:
            self._line = await self._connect()
            self._observer.connected(self._line.server_ms)
        writes = any(job.writes for job in batch)
        return await self._line.exchange([job.command for job in batch], writes=writes)

    def _hang_up(self) -> None:
        """Give the line up; what waits need not wait for its end."""
        line, self._line = self._line, None
        if line is not None:
            farewell = asyncio.create_task(line.aclose())
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)


def _deliver(job: _Job, reply: Reply) -> None:
    if job.reply.done():
        return
    if isinstance(reply, MovedError):
        job.reply.set_exception(MovedAwayError("Redis Cluster was rearranged"))
    elif isinstance(reply, ResponseError):
        job.reply.set_exception(unavailable(reply))
    else:
        job.reply.set_result(reply)


def _fail(batch: list[_Job], error: Exception) -> None:
    for job in batch:
        if not job.reply.done():
            job.reply.set_exception(error)
