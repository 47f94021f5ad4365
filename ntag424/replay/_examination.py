"""Looks at a store's settings again and again, beside the taps and at no cost to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError, LedgerWentBackError

#: What changed is found out within this time and that of one look.
EVERY_SECONDS = 10.0
_DEADLINE_SECONDS = 4.0


class Examination:
    """Examines a store every few seconds from its first use on, and remembers what it found.

    A store that is set up unsafely is refused until a later look finds it mended; one that
    went back is refused until it is opened anew, for somebody has to recover it first.
    """

    def __init__(self, look: Callable[[], Awaitable[None]], *, every: float) -> None:
        """Examine by *look*, which raises `LedgerUnsafeError` or `LedgerWentBackError`."""
        self._look = look
        self._every = every
        self._finding: LedgerUnavailableError | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def require(self) -> None:
        """Return if nothing was found; call it before every use of the store.

        Raises:
            LedgerUnavailableError: the ledger is closed.
            LedgerUnsafeError: it is set up so that it could accept a tap twice.
            LedgerWentBackError: it is behind what was known of it.

        """
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._examine(), name="ledger-examination")
        if self._finding is not None:
            # The same error again and again: it must not keep where it was raised before.
            raise self._finding.with_traceback(None)

    def report(self, finding: LedgerWentBackError) -> None:
        """Refuse the store from now on: a tap found out what a look would have."""
        self._finding = finding

    async def aclose(self) -> None:
        """Stop, and let nothing more pass; calling it twice is fine."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _examine(self) -> None:
        while not isinstance(self._finding, LedgerWentBackError):
            await asyncio.sleep(self._every)
            try:
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    await self._look()
            except (LedgerUnsafeError, LedgerWentBackError) as error:
                self._finding = error
            except (LedgerUnavailableError, TimeoutError):
                continue  # whoever asks finds that out, and it may be over by then
            else:
                if not isinstance(self._finding, LedgerWentBackError):
                    self._finding = None
