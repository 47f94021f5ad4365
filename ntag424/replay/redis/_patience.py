"""For whoever makes or moves a whole ledger: to try again costs less than to give up."""

from __future__ import annotations

from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay.redis._lane import Subject
from ntag424.replay.redis._lanes import Connect, Lanes
from ntag424.replay.redis._line import Command, Reply

_ATTEMPTS, _PAUSE_SECONDS = 15, 0.2


class PatientLanes:
    """Lanes for commands that may be repeated; a replica that is late is waited for."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._retry = Retry(
            ConstantBackoff(_PAUSE_SECONDS),
            _ATTEMPTS,
            supported_errors=(LedgerUnavailableError,),  # type: ignore[arg-type] # any will do
        )

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Lanes.run`."""

        async def attempt() -> Reply | LedgerUnsafeError:
            """Ask; what only the operator can mend is no reason to ask again."""
            try:
                return await self._lanes.run(place, command, writes=writes, subject=subject)
            except LedgerUnsafeError as error:
                return error

        reply = await self._retry.call_with_retry(attempt, _go_on)
        if isinstance(reply, LedgerUnsafeError):
            raise reply
        return reply

    async def shares(self) -> list[tuple[bytes, ...]]:
        """See `Lanes.shares`."""
        return await self._lanes.shares()

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Lanes.masters`."""
        return await self._lanes.masters()

    async def aclose(self) -> None:
        """See `Lanes.aclose`."""
        await self._lanes.aclose()


async def _go_on(_: Exception) -> None:
    """Do nothing more about a failed attempt than to make another."""
