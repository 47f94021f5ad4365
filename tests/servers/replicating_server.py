"""A Redis that can be the master of another one, and its replica."""

from __future__ import annotations

from collections.abc import Callable

from tests.servers.redis_server import RedisServer

_REPLICATOR, _PASSWORD = "replica", "replica-password"
_WAIT_MS = 10_000


class Member(RedisServer):
    """One of the two; on every start it asks who is master, as orchestrators do."""

    def __init__(self, master_port: Callable[[], int]) -> None:
        super().__init__(
            user=(_REPLICATOR, "on", f">{_PASSWORD}", "+psync", "+replconf", "+ping"),
            masteruser=_REPLICATOR,
            masterauth=_PASSWORD,
            replica_read_only="yes",
            repl_diskless_sync_delay=0,
            repl_ping_replica_period=1,
        )
        self._master_port = master_port

    def command(self) -> list[str]:
        master_port = self._master_port()
        self.options.pop("replicaof", None)
        if master_port != self.port:
            self.options["replicaof"] = ("127.0.0.1", master_port)
        return super().command()

    @property
    def replication(self) -> dict:
        return self.client().info("replication")

    def has_replica(self, port: int) -> bool:
        """Whether the server on *port* follows this one and has caught up."""
        told = self.replication.values()
        online = [one for one in told if isinstance(one, dict) and one.get("state") == "online"]
        return port in [one["port"] for one in online]

    def replicates(self) -> bool:
        """Whether a write reaches a replica; it leaves nothing behind."""
        with self.client().client() as connection:
            connection.set("probe of replication", b"")
            connection.delete("probe of replication")
            return connection.wait(1, _WAIT_MS) == 1

    def refuse_replicas(self) -> None:
        """Part the replica from this server; clients and sentinels still reach both."""
        self.client().acl_setuser(_REPLICATOR, enabled=False)
        self.client().client_kill_filter(_type="replica")

    def admit_replicas(self) -> None:
        """Let the replica in again; it tries once a second."""
        self.client().acl_setuser(_REPLICATOR, enabled=True)
