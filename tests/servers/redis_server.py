"""One Redis, as durable as a ledger asks for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers.certificates import Certificates
from tests.servers.process import REDIS_SERVER, Server
from tests.servers.redis_users import private_file, users
from tests.servers.waiting import PATIENCE_SECONDS

Option = str | int | tuple[str | int, ...]

_DURABLE: dict[str, Option] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory_policy": "noeviction",
    "save": "",
    "bind": "127.0.0.1",
    "protected_mode": "no",
    "daemonize": "no",
    # A server that is told to end does not wait for a replica that lags behind.
    "shutdown_timeout": 0,
}


class RedisServer(Server):
    """A Redis on loopback; *options* are those of its configuration, with `_` for `-`.

    An option of several words is a tuple: `replicaof=("127.0.0.1", 6379)`.
    """

    def __init__(self, folder: Path | None = None, **options: Option) -> None:
        super().__init__(folder)
        self.options = _DURABLE | {"port": self.port, "dir": str(self.folder)} | options
        self._client: redis.Redis | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [REDIS_SERVER, *arguments(self.options)]

    def is_ready(self) -> bool:
        try:
            return bool(self.client().ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False  # Not there yet, or still loading its data.

    def client(self) -> redis.Redis:
        """Return the client with which tests look behind the curtain; it never tries twice."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def stop(self) -> None:
        self._disconnect()
        super().stop()

    def discard(self) -> None:
        self._disconnect()
        super().discard()

    def _connect(self) -> redis.Redis:
        return redis.Redis(port=self.port, **CLIENT_OPTIONS)

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class SecuredRedisServer(RedisServer):
    """A Redis that speaks TLS alone, to a user who may do what a store needs and no more.

    And to the tests themselves, who look behind the curtain with `client` as ever.
    """

    USER, _TESTS = "ntag424", "tests"

    def __init__(self, folder: Path | None = None, **options: Option) -> None:
        super().__init__(folder)
        self.certificates = Certificates.make(self.folder)
        self.password, self._tests_password = (secrets.token_urlsafe(24) for _ in range(2))
        self.password_file = private_file(self.folder / "password", self.password + "\n")
        allowed = users(self.USER, self.password, self._TESTS, self._tests_password)
        self.options |= {"port": 0, "tls_port": self.port, "tls_auth_clients": "no"}
        self.options |= {
            "tls_ca_cert_file": str(self.certificates.authority),
            "tls_cert_file": str(self.certificates.server),
            "tls_key_file": str(self.certificates.server_key),
            "aclfile": str(private_file(self.folder / "users.acl", allowed)),
        }
        self.options |= options

    @property
    def url(self) -> str:
        files = f"password_file={self.password_file}&ca_file={self.certificates.authority}"
        return f"rediss://{self.USER}@127.0.0.1:{self.port}/0?{files}"

    def client_as(self, username: str | None, password: str | None) -> redis.Redis:
        """Return a client over TLS, for the caller to close."""
        return redis.Redis(
            port=self.port,
            username=username,
            password=password,
            ssl=True,
            ssl_ca_certs=str(self.certificates.authority),
            **CLIENT_OPTIONS,
        )

    def _connect(self) -> redis.Redis:
        return self.client_as(self._TESTS, self._tests_password)


#: What a client for tests is made with: an error is an error, and what is late is not lost.
CLIENT_OPTIONS = {
    "host": "127.0.0.1",
    "retry": Retry(NoBackoff(), 0),
    "socket_timeout": PATIENCE_SECONDS,
}


def arguments(options: dict[str, Option]) -> Iterator[str]:
    """Write *options* for a command line."""
    for name, value in options.items():
        yield "--" + name.replace("_", "-")
        yield from (str(word) for word in (value if isinstance(value, tuple) else (value,)))
