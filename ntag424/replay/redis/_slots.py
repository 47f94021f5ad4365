"""Redis Cluster's map: which master has which of the 16384 slots."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from typing import TypeAlias

from redis.exceptions import RedisError, ResponseError

from ntag424.errors import LedgerUnavailableError
from ntag424.replay.redis._address import RedisAddress
from ntag424.replay.redis._door import open_connection
from ntag424.replay.redis._line import Reply, ask

Host: TypeAlias = tuple[str, int]
#: The master of each slot, by its number.
Masters: TypeAlias = dict[int, Host]

_SLOTS = 16_384
_ASK_SECONDS = 0.9


def slot_of(place: bytes) -> int:
    """Return the slot of a bucket: the CRC of its hash tag, as the cluster specification says."""
    return crc_hqx(b"%d" % int.from_bytes(place, "big"), 0) % _SLOTS


async def masters_of(address: RedisAddress) -> Masters:
    """Ask the first node that answers.

    Raises:
        LedgerUnavailableError: none does, or parts have no master.

    """
    cause: Exception | None = None
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            for host in address.hosts:
                try:
                    return await _ask(address, host)
                except (RedisError, OSError) as error:
                    cause = error
    except TimeoutError as error:
        cause = error
    raise LedgerUnavailableError(f"no node of Redis Cluster answers: {cause}") from cause


async def _ask(address: RedisAddress, host: Host) -> Masters:
    connection = await open_connection(address, *host)
    try:
        (reply,) = await ask(connection, [(b"CLUSTER", b"SLOTS")])
    finally:
        await connection.disconnect(nowait=True)
    if isinstance(reply, ResponseError):
        raise reply
    masters = _masters(reply, host)
    if len(masters) != _SLOTS:
        raise LedgerUnavailableError("a part of the ledger has no master in Redis Cluster")
    return masters


def _masters(reply: Reply, asked: Host) -> Masters:
    masters: Masters = {}
    for first, last, (name, port, *_), *_ in reply if isinstance(reply, list) else ():
        # A node that does not know its own name is the one that was asked.
        host = (name.decode() if name else asked[0], port)
        masters.update(dict.fromkeys(range(first, last + 1), host))
    return masters
