"""Which master is asked about which bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeAlias

from redis.asyncio import Sentinel

from ntag424.errors import LedgerUnavailableError
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay._witness import Witness
from ntag424.replay.redis._address import Deployment, RedisAddress
from ntag424.replay.redis._door import open_line, options_for
from ntag424.replay.redis._lane import Lane, MovedAwayError, Subject
from ntag424.replay.redis._layout import PLACES
from ntag424.replay.redis._line import Command, Line, Reply
from ntag424.replay.redis._slots import Host, Masters, masters_of

Connect: TypeAlias = Callable[[], Awaitable[Line]]


class Lanes(Protocol):
    """The way to every bucket. Used in one event loop, that of the first call."""

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """Ask the master of the bucket at *place*; see `Lane.run`."""
        ...

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """Return how to connect to each master anew, and the places it has.

        Raises:
            LedgerUnavailableError: nobody says who they are.

        """
        ...

    async def shares(self) -> list[tuple[bytes, ...]]:
        """Return the places of all buckets, those of one master together."""
        ...

    async def aclose(self) -> None:
        """Finish what waits and hang up; calling it twice is fine."""
        ...


def lanes_to(
    address: RedisAddress, witness: Witness | None = None, deadline: float = DEADLINE_SECONDS
) -> Lanes:
    """Return the lanes of a deployment; nothing is connected yet.

    *witness* is told what changes, and what the servers' clocks show. A call that has no
    answer after *deadline* seconds fails.
    """
    match address.deployment:
        case Deployment.SINGLE:
            return OneMaster(partial(open_line, address, *address.hosts[0]), witness, deadline)
        case Deployment.SENTINEL:
            return OneMaster(partial(_open_line_to_the_elected, address), witness, deadline)
        case Deployment.CLUSTER:
            return ManyMasters(address, witness, deadline)


async def _open_line_to_the_elected(address: RedisAddress) -> Line:
    options = options_for(address, address.sentinel_account)
    if address.tls is not None:
        options["ssl"] = True
    sentinels = Sentinel(  # type: ignore[no-untyped-call] # redis-py
        address.hosts, sentinel_kwargs=options
    )
    try:
        host, port = await sentinels.discover_master(address.service)
    finally:
        for sentinel in sentinels.sentinels:
            await sentinel.aclose()
    return await open_line(address, host, port)


class OneMaster:
    """A single server, or whichever the sentinels elected."""

    def __init__(self, connect: Connect, witness: Witness | None, deadline: float) -> None:
        self._connect = connect
        self._witness = witness
        self._deadline = deadline
        self._lane: Lane | None = None
        self._closed = False

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Lanes.run`."""
        del place  # all are there
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        if self._lane is None:
            self._lane = Lane(self._connect, self._witness, self._deadline)
        return await self._lane.run(command, writes=writes, subject=subject)

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Lanes.masters`."""
        return [(self._connect, PLACES)]

    async def shares(self) -> list[tuple[bytes, ...]]:
        """See `Lanes.shares`."""
        return [PLACES]

    async def aclose(self) -> None:
        """See `Lanes.aclose`."""
        self._closed = True
        if self._lane is not None:
            await self._lane.aclose()


class ManyMasters:
    """Redis Cluster: a lane to every master that is needed."""

    def __init__(self, address: RedisAddress, witness: Witness | None, deadline: float) -> None:
        self._address = address
        self._witness = witness
        self._deadline = deadline
        #: Who has which bucket, as long as it is believed.
        self._masters: Masters | None = None
        self._asking = asyncio.Lock()
        self._lanes: dict[Host, Lane] = {}
        self._closed = False

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Lanes.run`."""
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        try:
            async with asyncio.timeout(self._deadline):
                try:
                    return await self._ask(place, command, subject, writes=writes)
                except MovedAwayError:
                    return await self._ask(place, command, subject, writes=writes)
        except TimeoutError:
            raise LedgerUnavailableError("Redis Cluster did not answer in time") from None

    async def shares(self) -> list[tuple[bytes, ...]]:
        """See `Lanes.shares`."""
        return list((await self._known_masters()).shares.values())

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Lanes.masters`; asks who they are now."""
        shares = (await masters_of(self._address)).shares
        return [(self._connecting(master), places) for master, places in shares.items()]

    async def aclose(self) -> None:
        """See `Lanes.aclose`."""
        self._closed = True
        for lane in self._lanes.values():
            await lane.aclose()

    def _lane(self, master: Host) -> Lane:
        if master not in self._lanes:
            self._lanes[master] = Lane(self._connecting(master), self._witness, self._deadline)
        return self._lanes[master]

    def _connecting(self, master: Host) -> Connect:
        return partial(open_line, self._address, *master)

    async def _ask(
        self, place: bytes, command: Command, subject: Subject | None, *, writes: bool
    ) -> Reply:
        masters = await self._known_masters()
        try:
            lane = self._lane(masters.of(place))
            return await lane.run(command, writes=writes, subject=subject)
        except LedgerUnavailableError:
            # Who has the bucket now is asked when it is next needed.
            if self._masters is masters:
                self._masters = None
            raise

    async def _known_masters(self) -> Masters:
        async with self._asking:
            if self._masters is None:
                self._masters = await masters_of(self._address)
            return self._masters
