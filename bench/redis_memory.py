"""What Redis keeps of a tag that is idle, in bytes.

Run as a module it takes the number of tags: `python -m bench.redis_memory 10000000` takes
some minutes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator

import hiredis
import redis

from bench.report import Line, print_table
from bench.tools import why_not
from ntag424 import Generation, Uid
from ntag424.replay import TagRecord, TagState, place_of, store_at
from ntag424.replay.redis import _layout
from ntag424.replay.redis._routing import PLACES
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer

_TAGS, _MOST_BYTES = 1_000_000, 32.0
_AT_A_TIME = 10_000
_WRITTEN = b":1\r\n"


def lines(tags: int = _TAGS) -> Iterator[Line]:
    """Fill a ledger with records of random UIDs, and ask Redis what it takes."""
    if lack := why_not(needs_redis):
        yield Line(f"memory in Redis: {lack}", "not measured")
        return
    with RedisServer() as server:
        empty = _bytes_used(server)
        store_id = asyncio.run(store_at(server.url).init())
        founded = _bytes_used(server)
        # The ledger would not have it so; here it only costs time.
        server.client().config_set("appendonly", "no")
        _fill(server.port, store_id, tags)
        full = _bytes_used(server)
        largest, encodings = _buckets(server.client())
    in_all, beyond = (full - empty) / tags, (full - founded) / tags
    yield Line(
        f"Redis, {tags:,} idle tags: {beyond:.1f} bytes each, with the empty ledger's "
        f"{(founded - empty) / 1e6:.1f} MB",
        f"{in_all:.1f} bytes",
        f"<= {_MOST_BYTES:.0f} bytes",
        in_all <= _MOST_BYTES,
    )
    yield Line(f"the largest bucket; all are {' or '.join(encodings)}", f"{largest} tags")


def _bytes_used(server: RedisServer) -> int:
    return int(server.client().info("memory")["used_memory"])


def _fill(port: int, store_id: str, tags: int) -> None:
    """Write the records one by one, as they come in; a client's comforts would take minutes."""
    record = TagRecord(Uid(bytes(7)), Generation(), 0, TagState.ACTIVE, enrolled=True)
    value = _layout.encode_record(record)
    with socket.create_connection(("127.0.0.1", port)) as line:
        for start in range(0, tags, _AT_A_TIME):
            count = min(_AT_A_TIME, tags - start)
            uids = [Uid(b"\x04" + os.urandom(6)) for _ in range(count)]
            keys = (_layout.bucket_key(place_of(store_id, uid)) for uid in uids)
            commands = ((b"HSET", key, uid, value) for key, uid in zip(keys, uids, strict=True))
            line.sendall(b"".join(map(hiredis.pack_command, commands)))
            replies = line.recv(len(_WRITTEN) * count, socket.MSG_WAITALL)
            assert replies.count(_WRITTEN) > 0.99 * count, replies[:100]


def _buckets(client: redis.Redis) -> tuple[int, list[str]]:
    """Return how many tags the fullest bucket has, and how buckets are kept."""
    pipeline = client.pipeline(transaction=False)
    for place in PLACES:
        pipeline.hlen(_layout.bucket_key(place))
        pipeline.object("encoding", _layout.bucket_key(place))
    replies = pipeline.execute()
    return max(replies[::2]) - 1, sorted({reply.decode() for reply in replies[1::2]})


def main() -> None:
    """Measure so many tags as the command line says."""
    print_table(lines(int(sys.argv[1])))


if __name__ == "__main__":
    main()
