"""Redis Cluster's map: which master has which of the 16384 slots."""

from __future__ import annotations

from binascii import crc_hqx
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from redis.exceptions import RedisError, ResponseError

from ntag424.errors import LedgerUnavailableError
from ntag424.replay.redis._address import RedisAddress
from ntag424.replay.redis._door import open_connection
from ntag424.replay.redis._layout import PLACES
from ntag424.replay.redis._line import Reply, ask, hang_up

Host: TypeAlias = tuple[str, int]

_SLOTS = 16_384


@dataclass(frozen=True)
class Masters:
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


async def masters_of(address: RedisAddress) -> Masters:
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


async def _ask(address: RedisAddress, host: Host) -> Masters:
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
    return Masters(hosts)


def _hosts(reply: Reply, asked: Host) -> Mapping[int, Host]:
    hosts: dict[int, Host] = {}
    for first, last, (name, port, *_), *_ in reply if isinstance(reply, list) else ():
        # A node that does not know its own name is the one that was asked.
        host = (name.decode() if name else asked[0], port)
        hosts.update(dict.fromkeys(range(first, last + 1), host))
    return hosts
