"""Every deployment that a ledger can have, with the real servers behind it.

To hold another one to the contract, write a class like these and add it to `DEPLOYMENTS`.
Starting servers costs more than a test: a deployment is made once per process, and makes a
fresh store for every test.
"""

from __future__ import annotations

import random
import re
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ntag424.replay import store_at
from tests.contracts.touched_keys import TouchedKeys
from tests.servers.process import PLACE

_PREFIX = "ntag424:"
#: Makes a bucket what it was when its ledger was new: it served, whatever it does now.
_FORGET = """
    local mark = redis.call('HGET', KEYS[1], '')
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], '', string.sub(mark, 1, 8) .. 's')
"""
#: Where more was touched, another ledger is made sooner.
_MOST_TO_CLEAN = 1000


class SqliteDeployment:
    """One file in a folder; each store in a folder of its own."""

    def __init__(self, stack):
        self._stack = stack
        #: URL of the store that was made last.
        self.last = None

    def url(self):
        """Return where there is nothing yet."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(dir=PLACE)))
        return f"sqlite:///{folder / 'ledger.db'}"

    async def new_store(self, store_id):
        """Return a store that holds an empty ledger."""
        self.last = self.url()
        store = store_at(self.last)
        await store.init(store_id=store_id)
        return store


class RedisDeployment:
    """Servers that hold one ledger at a time.

    A new ledger has 65,536 buckets. Where the last one is whole, what it got since it was
    new is taken out of it again, which is a hundred times quicker than to make another.
    """

    def __init__(self, stack, servers, url, heal=None):
        self._servers = servers
        self._heal = heal
        self.is_one_server = heal is None
        self.last = url
        self._holds = None
        self._touched = {}
        stack.callback(self._distrust)

    def url(self):
        """See `SqliteDeployment.url`."""
        self._distrust()
        for server in self._servers():
            server.client().flushall()
        return self.last

    async def new_store(self, store_id):
        """See `SqliteDeployment.new_store`."""
        if self._holds == store_id and self._clean():
            return store_at(self.last)
        store = store_at(self.url())
        await store.init(store_id=store_id)
        self._holds = store_id
        self._touched = {
            server: TouchedKeys(server.client(), _PREFIX) for server in self._servers()
        }
        return store

    def crash(self):
        """Kill a server, and start it again."""
        self._distrust()
        server = random.choice(list(self._servers()))
        server.kill()
        server.recover()
        if self._heal is not None:
            self._heal()

    def _clean(self):
        """Make the ledger new again, unless that takes too long."""
        keys_of = {server: touched.take() for server, touched in self._touched.items()}
        if sum(map(len, keys_of.values())) > _MOST_TO_CLEAN:
            return False
        for server, keys in keys_of.items():
            for key in keys:
                if re.fullmatch(rb"ntag424:{\d+}", key):
                    server.client().eval(_FORGET, 1, key)
                else:
                    server.client().delete(key)
            self._touched[server].take()  # what was done just now
        return True

    def _distrust(self):
        for touched in self._touched.values():
            touched.close()
        self._holds, self._touched = None, {}


class PostgresDeployment:
    """Servers with a schema for each store."""

    def __init__(self, servers, primary):
        self._servers = servers
        self._primary = primary
        self._numbers = count(1)
        self.last = None
        self.is_one_server = servers is primary()

    def url(self):
        """See `SqliteDeployment.url`."""
        return self._servers.url(f"store_{next(self._numbers)}")

    async def new_store(self, store_id):
        """See `SqliteDeployment.new_store`."""
        self.last = self.url()
        store = store_at(self.last)
        await store.init(store_id=store_id)
        return store

    def crash(self):
        """See `RedisDeployment.crash`."""
        self._primary().kill()
        self._primary().recover()


def _redis(stack):
    from tests.servers.redis_server import RedisServer

    server = stack.enter_context(RedisServer())
    return RedisDeployment(stack, lambda: [server], server.url)


def _redis_secured(stack):
    from tests.servers.redis_server import SecuredRedisServer

    server = stack.enter_context(SecuredRedisServer())
    return RedisDeployment(stack, lambda: [server], server.url)


def _redis_sentinel(stack):
    from tests.servers.redis_sentinel import SentinelDeployment

    servers = stack.enter_context(SentinelDeployment())
    return RedisDeployment(stack, lambda: [servers.master], servers.url, servers.heal)


def _redis_cluster(stack):
    from tests.servers.redis_cluster import ClusterDeployment

    servers = stack.enter_context(ClusterDeployment())
    return RedisDeployment(stack, lambda: servers.nodes, servers.url, servers.heal)


def _postgres(stack):
    from tests.servers.postgres import PostgresServer

    server = stack.enter_context(PostgresServer())
    return PostgresDeployment(server, lambda: server)


def _postgres_standby(stack):
    from tests.servers.postgres import StandbyPair

    servers = stack.enter_context(StandbyPair())
    return PostgresDeployment(servers, lambda: servers.primary)


DEPLOYMENTS = {
    "sqlite": SqliteDeployment,
    "redis": _redis,
    "redis over TLS": _redis_secured,
    "redis with sentinels": _redis_sentinel,
    "redis cluster": _redis_cluster,
    "postgresql": _postgres,
    "postgresql with standby": _postgres_standby,
}


class Deployments:
    """Those that were asked for in this process; stopped together."""

    def __init__(self):
        self._stack = ExitStack()
        self._running = {}

    def get(self, name):
        """Return a deployment, started if it was not yet."""
        if name not in self._running:
            self._running[name] = DEPLOYMENTS[name](self._stack)
        return self._running[name]

    def stop(self):
        self._stack.close()
