"""A thread for a connection, one transaction for all that waits: one fsync for many taps."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeAlias, TypeVar

from ntag424.errors import LedgerError, LedgerUnavailableError
from ntag424.replay.sqlite._schema import FILE_ERRORS

T = TypeVar("T")
#: Runs inside a transaction; what it returns is told only after the commit.
Operation: TypeAlias = Callable[[sqlite3.Connection], T]

_MOST_AT_ONCE = 512
#: SQLite itself waits longer than that for some locks.
_FAREWELL_SECONDS = 5.0


class Frame(Protocol):
    """What every transaction of a connection begins and ends with."""

    #: The statement that opens it.
    begin: str

    def opened(self, db: sqlite3.Connection) -> None:
        """Raise `LedgerError` or `OSError` if nothing may be done any more."""
        ...

    def closing(self, db: sqlite3.Connection) -> None:
        """Do what belongs to the transaction besides the operations."""
        ...

    def committed(self) -> None:
        """Take note that it holds; whoever waits is told afterwards."""
        ...


class _Waiting(Protocol):
    """A job as the thread sees it, whatever it returns."""

    loop: asyncio.AbstractEventLoop

    def run(self, db: sqlite3.Connection) -> None: ...
    def fail(self, error: Exception) -> None: ...
    def deliver(self) -> None: ...


class _Job(Generic[T]):
    """One operation and the caller that waits for it."""

    def __init__(self, operation: Operation[T]) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self._operation = operation
        self._settle: Callable[[], object] = self.future.cancel

    def run(self, db: sqlite3.Connection) -> None:
        """Run the operation, unless nobody waits for it any more."""
        if self.future.cancelled():
            return
        try:
            result = self._operation(db)
        except LedgerError as error:
            self.fail(error)
        except sqlite3.IntegrityError as error:
            self.fail(_unavailable("a constraint of the ledger was violated", error))
        else:
            self._settle = lambda: self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Let the caller see *error* instead of a result."""
        self._settle = lambda: self.future.set_exception(error)

    def deliver(self) -> None:
        """Tell the caller; runs in the caller's event loop."""
        if not self.future.done():
            self._settle()


class TransactionThread:
    """Runs the operations of any number of event loops in as few transactions as possible."""

    def __init__(self, db: sqlite3.Connection, frame: Frame, deadline: float) -> None:
        """Take over the connection *db*, and close it at the end."""
        self._deadline = deadline
        self._frame = frame
        self._db = db
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[T]) -> T:
        """Run *operation* in a transaction and return once that is over, and on disk.

        Raises:
            LedgerUnavailableError: it was not committed, or not in time. In the second
                case it may still come to pass.

        """
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        job = _Job(operation)
        self._queue.put(job)
        try:
            async with asyncio.timeout(self._deadline):
                return await job.future
        except TimeoutError as error:
            raise _unavailable("the ledger did not answer in time", error) from error

    async def aclose(self) -> None:
        """Finish what waits, then stop the thread; leave one that SQLite keeps waiting."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join, _FAREWELL_SECONDS)

    def _work(self) -> None:
        with closing(self._db):
            while batch := self._next_batch():
                self._commit(batch)
                _deliver(batch)

    def _next_batch(self) -> list[_Waiting]:
        """Wait for one job and take along all that are there; empty at the end."""
        batch: list[_Waiting] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _MOST_AT_ONCE:
                return batch
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)  # meet the end again when these are done
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._db.execute(self._frame.begin)
            self._frame.opened(self._db)
            for job in batch:
                job.run(self._db)
            self._frame.closing(self._db)
            self._db.execute("COMMIT")
            self._frame.committed()
        except LedgerUnavailableError as error:
            self._undo(batch, error)
        except (*FILE_ERRORS, OSError, LedgerError) as error:
            self._undo(batch, _unavailable("the ledger cannot be used", error))
        # A bug must reach the callers: they would wait for ever on a dead thread.
        except Exception as error:  # noqa: BLE001
            self._undo(batch, error)

    def _undo(self, batch: list[_Waiting], error: Exception) -> None:
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        for job in batch:
            job.fail(error)


def _deliver(batch: list[_Waiting]) -> None:
    """Wake every event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = defaultdict(list)
    for job in batch:
        by_loop[job.loop].append(job)
    for loop, jobs in by_loop.items():
        # A loop that was closed meanwhile has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver_here, jobs)


def _deliver_here(jobs: list[_Waiting]) -> None:
    for job in jobs:
        job.deliver()


def _unavailable(message: str, cause: Exception) -> LedgerUnavailableError:
    hint = cause.hint if isinstance(cause, LedgerError) else None
    error = LedgerUnavailableError(f"{message}: {cause}" if str(cause) else message, hint=hint)
    error.__cause__ = cause
    return error
