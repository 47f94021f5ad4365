"""A master, a replica and three sentinels that make the replica master when they must."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from tests.servers.replicating_server import Member
from tests.servers.sentinel_process import SERVICE, Sentinel
from tests.servers.waiting import wait_until

_SENTINELS = 3
#: Sentinels promote no replica whose link was down for ten times `down_after_ms`.
_LINK_DOWN_TOO_LONG_SECONDS = 2


class SentinelDeployment:
    """Two servers, who change places, and their sentinels; nothing runs before `start`."""

    def __init__(self, *, down_after_ms: int = 500, failover_timeout_ms: int = 5_000) -> None:
        self.sentinels: tuple[Sentinel, ...] = ()
        self.members = (Member(self._master_port), Member(self._master_port))
        self.sentinels = tuple(
            Sentinel(
                self.members[0].port,
                down_after_ms=down_after_ms,
                failover_timeout_ms=failover_timeout_ms,
            )
            for _ in range(_SENTINELS)
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self._url(replicas=1)

    @property
    def url_without_wait(self) -> str:
        """The URL of a store that is content with the master's own disk."""
        return self._url(replicas=0)

    @property
    def master(self) -> Member:
        """Who is master now, in the eyes of the sentinels."""
        return self._roles()[0]

    @property
    def replica(self) -> Member:
        """The other one, which may be down."""
        return self._roles()[1]

    def start(self) -> Self:
        try:
            for server in (*self.members, *self.sentinels):
                server.launch()
            for server in (*self.members, *self.sentinels):
                server.wait_until_ready()
            self._settle()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for server in (*self.sentinels, *self.members):
            server.discard()

    def cut_replication(self) -> None:
        """Part the replica from the master; clients and sentinels still reach both."""
        replica = self.replica
        self.master.refuse_replicas()
        wait_until(lambda: replica.replication["master_link_status"] == "down", "the cut")

    def mend_replication(self) -> None:
        self.master.admit_replicas()
        self._settle()

    def fail_over(self) -> None:
        """Kill the master and wait until the sentinels agree that the replica is it now."""
        lost, heir = self._roles()
        self._keep_promotable(heir)
        with ExitStack() as listening:
            switches = [
                (sentinel, listening.enter_context(sentinel.next_switch()))
                for sentinel in self.sentinels
            ]
            lost.kill()
            for sentinel, announcements in switches:
                sentinel.wait_for_switch(announcements)
        wait_until(lambda: heir.replication["role"] == "master", "the replica is master")

    def rejoin(self) -> None:
        """Start the server that is down; it follows the present master."""
        self.replica.start()
        self._settle()

    def heal(self) -> None:
        """Undo what a test did to the servers: none is frozen, cut off or down any more."""
        for server in (*self.sentinels, *self.members):
            server.recover()
        for member in self.members:
            member.admit_replicas()
        self._settle()

    def _settle(self) -> None:
        wait_until(self._is_whole, "a write reaches the replica, and all sentinels are content")

    def _is_whole(self) -> bool:
        master, replica = self._roles()
        return (
            master.has_replica(replica.port)
            and all(
                sentinel.is_content(master.port, replica.port, _SENTINELS - 1)
                for sentinel in self.sentinels
            )
            and master.replicates()
        )

    def _keep_promotable(self, replica: Member) -> None:
        """Start a replica again whose link was down too long for the sentinels' taste.

        They would never make it master, but do not know how old its data is after a start.
        """
        down = int(replica.replication.get("master_link_down_since_seconds", 0))
        if down >= _LINK_DOWN_TOO_LONG_SECONDS:
            replica.restart()
            port = replica.port
            wait_until(lambda: all(s.would_promote(port) for s in self.sentinels), "its return")

    def _roles(self) -> tuple[Member, Member]:
        first, second = self.members
        return (first, second) if self._master_port() == first.port else (second, first)

    def _master_port(self) -> int:
        awake = (sentinel for sentinel in self.sentinels if sentinel.is_running)
        sentinel = next(awake, None)
        return self.members[0].port if sentinel is None else sentinel.master_port

    def _url(self, *, replicas: int) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0?replicas={replicas}"
