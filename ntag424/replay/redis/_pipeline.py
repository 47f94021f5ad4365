"""Commands of many callers, sent to one master in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from redis.exceptions import MovedError, RedisError, ResponseError

from ntag424.errors import LedgerError, LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay._witness import Witness
from ntag424.replay.redis._connection import CheckedConnection, Command, Reply, unavailable

_MOST_PER_BATCH = 512


class MovedAwayError(LedgerUnavailableError):
    """The bucket is another master's now; nothing was done."""


class Subject(NamedTuple):
    """What a command may change: for the witness, when it is known to hold."""

    #: Number of the bucket.
    part: int
    uid: Uid | None = None


@dataclass(slots=True)
class _Job:
    command: Command
    subject: Subject | None
    writes: bool
    deadline: float
    reply: asyncio.Future[Reply]


class CommandPipeline:
    """Batches for one master. Connects when there is something to ask, again if need be.

    A batch ends when the oldest of it must be answered, *deadline* seconds after it came.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[CheckedConnection]],
        witness: Witness | None,
        deadline: float,
    ) -> None:
        self._deadline = deadline
        self._connect = connect
        self._witness = witness
        self._connection: CheckedConnection | None = None
        self._waiting: list[_Job] = []
        self._wake = asyncio.Event()
        self._closing_connections: set[asyncio.Task[None]] = set()
        self._closed = False
        self._task = asyncio.create_task(self._work(), name="ledger-pipeline")

    async def run(
        self, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """Return Redis's reply, once it holds and the witness knows what changed in *subject*.

        Raises:
            LedgerUnavailableError: there is none, or it does not hold. What was written
                may have been, or may yet be.

        """
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        deadline = loop.time() + self._deadline
        self._waiting.append(_Job(command, subject, writes, deadline, reply))
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
        await asyncio.gather(*self._closing_connections)

    async def _answer(self, batch: list[_Job]) -> None:
        try:
            async with asyncio.timeout_at(batch[0].deadline):
                replies = await self._exchange(batch)
            self._observe(batch, replies)
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
        if self._connection is None:
            self._connection = await self._connect()
            if self._witness is not None:
                self._witness.observe_time(self._connection.clock_ms)
        writes = any(job.writes for job in batch)
        return await self._connection.exchange([job.command for job in batch], writes=writes)

    def _observe(self, batch: list[_Job], replies: list[Reply]) -> None:
        """Tell the witness what the batch changed; it holds now."""
        if self._witness is None:
            return
        revisions: dict[int, int] = {}
        positions: dict[Uid, bytes] = {}
        for job, reply in zip(batch, replies, strict=True):
            # As `common.lua` says: a list is the answer of a change.
            if job.subject is None or not isinstance(reply, list):
                continue
            _, revision, *used_up = reply
            part, uid = job.subject
            revisions[part] = max(revision, revisions.get(part, 0))
            if used_up and uid is not None:
                positions[uid] = max(used_up[0], positions.get(uid, b""))
        if revisions:
            self._witness.observe(revisions, positions)

    def _hang_up(self) -> None:
        """Give the connection up; what waits need not wait for its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            closing = asyncio.create_task(connection.aclose())
            self._closing_connections.add(closing)
            closing.add_done_callback(self._closing_connections.discard)


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
