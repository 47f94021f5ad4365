"""Which connections of this process are open, and which of them wait for their peers."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.refusals import RefusalLog

Network: TypeAlias = IPv4Network | IPv6Network
#: Somebody has a whole IPv6 network of this size without asking anybody (RFC 6177).
_INTERFACE_BITS = 64


@dataclass(slots=True, eq=False)
class Source:
    """Where connections come from, and how many there are."""

    key: Hashable
    connections: int = 0
    #: How many of them wait for their peers.
    waiting: int = 0


class Connection(ABC):
    """What `Admission` knows of one connection."""

    __slots__ = ("deadline", "is_waiting", "source")

    #: None: it does not count, because it is closed or about to be.
    source: Source | None
    is_waiting: bool
    #: When it has waited for its peer long enough.
    deadline: float

    @abstractmethod
    def evict(self) -> None:
        """Close at once, in favour of another connection."""

    @abstractmethod
    def expire(self) -> None:
        """Do what is due when the peer did not do its part in time."""


class Admission:
    """Lets connections in, and closes those that keep others out.

    At a bound, the connection that has waited longest for its peer makes room: of the source
    that has most of such connections, or of the same source where that is at its own bound. A
    connection whose request is being answered never does.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, bounds: Bounds, proxies: Sequence[Network]
    ) -> None:
        """Hold all connections to *bounds*; one of *proxies* is not one source but many."""
        self.bounds = bounds
        self.log = RefusalLog(bounds.log_seconds)
        #: Found to be right the last time: most requests name the same host, and nothing else.
        self.usual_framing: list[tuple[bytes, bytes]] | None = None
        self._loop = loop
        self._proxies = tuple(proxies)
        self._sources: dict[Hashable, Source] = {}
        self._connections = 0
        #: In the order in which they began to wait.
        self._waiting: dict[Connection, None] = {}
        self._is_sweeping = False

    def enter(self, connection: Connection, address: str) -> bool:
        """Count *connection*; return False if there is no room for it, and none can be made."""
        source = self._source(address)
        connection.source = source
        source.connections += 1
        self._connections += 1
        if not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_later(self.bounds.sweep_seconds, self._sweep)
        return self._make_room(source)

    def leave(self, connection: Connection) -> None:
        """Count *connection* no more."""
        source = connection.source
        if source is None:
            return
        self.works(connection)
        connection.source = None
        source.connections -= 1
        self._connections -= 1
        if source.connections == 0:
            del self._sources[source.key]

    def waits(self, connection: Connection, seconds: float) -> None:
        """Note that *connection* waits for its peer from now on, for so many *seconds*."""
        if connection.is_waiting:
            self.works(connection)
        source = connection.source
        if source is None:
            return
        connection.is_waiting = True
        connection.deadline = self._loop.time() + seconds
        source.waiting += 1
        self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that *connection* does not wait for its peer: its request is being answered."""
        source = connection.source
        if connection.is_waiting and source is not None:
            connection.is_waiting = False
            source.waiting -= 1
            del self._waiting[connection]

    def _source(self, address: str) -> Source:
        key = self._source_key(address)
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = Source(key)
        return source

    def _source_key(self, address: str) -> Hashable:
        if ":" not in address and not self._proxies:
            return address
        try:
            ip = ip_address(address)
        except ValueError:  # a Unix socket has none
            return address
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if any(ip in network for network in self._proxies):
            return object()
        return int(ip) >> _INTERFACE_BITS if isinstance(ip, IPv6Address) else str(ip)

    def _make_room(self, source: Source) -> bool:
        if source.connections > self.bounds.connections_per_source:
            victim = next((one for one in self._waiting if one.source is source), None)
        elif self._connections > self.bounds.connections:
            victim = self._longest_waiting()
        else:
            return True
        if victim is None:
            return False
        self.leave(victim)  # its descriptor is free only after this turn of the event loop
        victim.evict()
        self.log.count("evicted")
        return True

    def _longest_waiting(self) -> Connection | None:
        """Find the connection that waits longest, of the source that has most that wait."""
        most = max(source.waiting for source in self._sources.values())
        waiting = (one for one in self._waiting if one.source and one.source.waiting == most)
        return next(waiting, None)

    def _sweep(self) -> None:
        now = self._loop.time()
        for connection in [one for one in self._waiting if one.deadline <= now]:
            connection.expire()
        self.log.write(now)
        self._is_sweeping = bool(self._connections or self.log.is_owing)
        if self._is_sweeping:
            self._loop.call_later(self.bounds.sweep_seconds, self._sweep)
