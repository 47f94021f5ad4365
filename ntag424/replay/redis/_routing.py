"""Which master is asked about which bucket: one server, sentinels, or Redis Cluster."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol, TypeAlias

from redis.asyncio import Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError, ResponseError

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay._ledger import DEADLINE_SECONDS
from ntag424.replay._witness import Witness
from ntag424.replay.redis._connecting import connect_checked, open_connection, options_for
from ntag424.replay.redis._connection import CheckedConnection, Command, Reply, ask, hang_up
from ntag424.replay.redis._layout import PLACES
from ntag424.replay.redis._pipeline import CommandPipeline, MovedAwayError, Subject
from ntag424.replay.redis._url import Deployment, RedisAddress

Host: TypeAlias = tuple[str, int]
Connect: TypeAlias = Callable[[], Awaitable[CheckedConnection]]

_SLOTS = 16_384
#: Whoever makes or moves a whole ledger tries again: it costs less than to give up.
_ATTEMPTS, _PAUSE_SECONDS = 15, 0.2


@dataclass(frozen=True)
class ClusterMap:
    """Who had which bucket when it was asked."""

    #: By slot.
    hosts: Mapping[int, Host]

    @cached_property
    def shares(self) -> Mapping[Host, tuple[bytes, ...]]:
        """The places of each master."""
        shares: dict[Host, list[bytes]] = defaultdict(list)
        for place in PLACES:
            shares[self.of(place)].append(place)
        return {host: tuple(places) for host, places in shares.items()}

    def of(self, place: bytes) -> Host:
        """Return the master of the bucket at *place*."""
        # The slot is the CRC of the hash tag, as the cluster specification says.
        return self.hosts[crc_hqx(b"%d" % int.from_bytes(place, "big"), 0) % _SLOTS]


async def cluster_map_of(address: RedisAddress) -> ClusterMap:
    """Ask the first node that answers.

    Raises:
        LedgerUnavailableError: none does, or parts have no master.

    """
    cause: Exception | None = None
    for host in address.hosts:
        try:
            return await _ask(address, host)
        except (RedisError, OSError) as error:
            cause = error
    raise LedgerUnavailableError(f"no node of Redis Cluster answers: {cause}") from cause


async def _ask(address: RedisAddress, host: Host) -> ClusterMap:
    connection = await open_connection(address, *host)
    try:
        (reply,) = await ask(connection, [(b"CLUSTER", b"SLOTS")])
    finally:
        await hang_up(connection)
    if isinstance(reply, ResponseError):
        raise reply
    hosts = _hosts(reply, host)
    if len(hosts) != _SLOTS:
        raise LedgerUnavailableError("a part of the ledger has no master in Redis Cluster")
    return ClusterMap(hosts)


def _hosts(reply: Reply, asked: Host) -> Mapping[int, Host]:
    hosts: dict[int, Host] = {}
    for first, last, (name, port, *_), *_ in reply if isinstance(reply, list) else ():
        # A node that does not know its own name is the one that was asked.
        host = (name.decode() if name else asked[0], port)
        hosts.update(dict.fromkeys(range(first, last + 1), host))
    return hosts


class Router(Protocol):
    """The way to every bucket. Used in one event loop, that of the first call."""

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """Ask the master of the bucket at *place*; see `CommandPipeline.run`."""
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


def router_to(
    address: RedisAddress, witness: Witness | None = None, deadline: float = DEADLINE_SECONDS
) -> Router:
    """Return the router of a deployment; nothing is connected yet.

    *witness* is told what changes, and what the servers' clocks show. A call that has no
    answer after *deadline* seconds fails.
    """
    match address.deployment:
        case Deployment.SINGLE:
            return SingleMasterRouter(
                partial(connect_checked, address, *address.hosts[0]), witness, deadline
            )
        case Deployment.SENTINEL:
            return SingleMasterRouter(partial(_connect_to_the_elected, address), witness, deadline)
        case Deployment.CLUSTER:
            return ClusterRouter(address, witness, deadline)


async def _connect_to_the_elected(address: RedisAddress) -> CheckedConnection:
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
    return await connect_checked(address, host, port)


class SingleMasterRouter:
    """A single server, or whichever the sentinels elected."""

    def __init__(self, connect: Connect, witness: Witness | None, deadline: float) -> None:
        self._connect = connect
        self._witness = witness
        self._deadline = deadline
        self._pipeline: CommandPipeline | None = None
        self._closed = False

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Router.run`."""
        del place  # all are there
        if self._closed:
            raise LedgerUnavailableError("the ledger is closed")
        if self._pipeline is None:
            self._pipeline = CommandPipeline(self._connect, self._witness, self._deadline)
        return await self._pipeline.run(command, writes=writes, subject=subject)

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Router.masters`."""
        return [(self._connect, PLACES)]

    async def shares(self) -> list[tuple[bytes, ...]]:
        """See `Router.shares`."""
        return [PLACES]

    async def aclose(self) -> None:
        """See `Router.aclose`."""
        self._closed = True
        if self._pipeline is not None:
            await self._pipeline.aclose()


class ClusterRouter:
    """Redis Cluster: a pipeline to every master that is needed."""

    def __init__(self, address: RedisAddress, witness: Witness | None, deadline: float) -> None:
        self._address = address
        self._witness = witness
        self._deadline = deadline
        #: Who has which bucket, as long as it is believed.
        self._masters: ClusterMap | None = None
        self._asking = asyncio.Lock()
        self._pipelines: dict[Host, CommandPipeline] = {}
        self._closed = False

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Router.run`."""
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
        """See `Router.shares`."""
        return list((await self._known_masters()).shares.values())

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Router.masters`; asks who they are now."""
        shares = (await cluster_map_of(self._address)).shares
        return [(self._connecting(master), places) for master, places in shares.items()]

    async def aclose(self) -> None:
        """See `Router.aclose`."""
        self._closed = True
        for pipeline in self._pipelines.values():
            await pipeline.aclose()

    def _pipeline(self, master: Host) -> CommandPipeline:
        if master not in self._pipelines:
            self._pipelines[master] = CommandPipeline(
                self._connecting(master), self._witness, self._deadline
            )
        return self._pipelines[master]

    def _connecting(self, master: Host) -> Connect:
        return partial(connect_checked, self._address, *master)

    async def _ask(
        self, place: bytes, command: Command, subject: Subject | None, *, writes: bool
    ) -> Reply:
        masters = await self._known_masters()
        try:
            pipeline = self._pipeline(masters.of(place))
            return await pipeline.run(command, writes=writes, subject=subject)
        except LedgerUnavailableError:
            # Who has the bucket now is asked when it is next needed.
            if self._masters is masters:
                self._masters = None
            raise

    async def _known_masters(self) -> ClusterMap:
        async with self._asking:
            if self._masters is None:
                self._masters = await cluster_map_of(self._address)
            return self._masters


class RetryingRouter:
    """Asks again where that may be done: what makes or moves a whole ledger can be repeated."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._retry = Retry(
            ConstantBackoff(_PAUSE_SECONDS),
            _ATTEMPTS,
            supported_errors=(LedgerUnavailableError,),  # type: ignore[arg-type] # any will do
        )

    async def run(
        self, place: bytes, command: Command, *, writes: bool, subject: Subject | None = None
    ) -> Reply:
        """See `Router.run`."""

        async def attempt() -> Reply | LedgerUnsafeError:
            """Ask; what only the operator can mend is no reason to ask again."""
            try:
                return await self._router.run(place, command, writes=writes, subject=subject)
            except LedgerUnsafeError as error:
                return error

        reply = await self._retry.call_with_retry(attempt, _go_on)
        if isinstance(reply, LedgerUnsafeError):
            raise reply
        return reply

    async def shares(self) -> list[tuple[bytes, ...]]:
        """See `Router.shares`."""
        return await self._router.shares()

    async def masters(self) -> list[tuple[Connect, tuple[bytes, ...]]]:
        """See `Router.masters`."""
        return await self._router.masters()

    async def aclose(self) -> None:
        """See `Router.aclose`."""
        await self._router.aclose()


async def _go_on(_: Exception) -> None:
    """Do nothing more about a failed attempt than to make another."""
