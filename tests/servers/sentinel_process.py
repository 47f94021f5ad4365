"""One Redis Sentinel, and what it thinks of the deployment it watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.servers.process import REDIS_SERVER
from tests.servers.redis_server import RedisServer
from tests.servers.waiting import PATIENCE_SECONDS

SERVICE = "ntag424"
_QUORUM = 2

#: In milliseconds; what comes of itself is made for deployments that live long.
_HURRY = {
    # Their first ping to a new master must be answered well before it counts as down: as
    # seldom as it is otherwise, they replace every new master at once.
    "ping-period": 250,
    "info-period": 200,
    "publish-period": 100,
    "ask-period": 200,
    # How long a sentinel sulks after the machine was too busy to run it.
    "tilt-period": 1_000,
}


class Sentinel(RedisServer):
    """A sentinel that watches the master on *master_port*, and whoever follows it."""

    def __init__(self, master_port: int, *, down_after_ms: int, failover_timeout_ms: int) -> None:
        super().__init__()
        self._configuration = self.folder / "sentinel.conf"
        self._configuration.write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            "protected-mode no\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master_port} {_QUORUM}\n"
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
            f"sentinel failover-timeout {SERVICE} {failover_timeout_ms}\n"
            f"sentinel parallel-syncs {SERVICE} 1\n"
        )

    def command(self) -> list[str]:
        return [REDIS_SERVER, str(self._configuration), "--sentinel"]

    def wait_until_ready(self) -> None:
        super().wait_until_ready()
        for name, milliseconds in _HURRY.items():
            self._ask("debug", name, milliseconds)

    @property
    def master_port(self) -> int:
        """The port of whom this sentinel takes for the master."""
        return int(self._ask("get-master-addr-by-name", SERVICE)[1])

    def is_content(self, master_port: int, replica_port: int, others: int) -> bool:
        """Whether it knows *others*, sees these two do their work, and is about to do nothing."""
        master = self._told(self._ask("master", SERVICE))
        replica = self._replica(replica_port)
        return (
            (master["flags"], master["port"]) == ("master", str(master_port))
            and int(master["num-other-sentinels"]) == others
            and replica.get("flags") == "slave"
            and replica["master-link-status"] == "ok"
        )

    def would_promote(self, port: int) -> bool:
        """Whether the replica on *port* is reachable and its link was not seen down for long."""
        seen = self._replica(port)
        return seen.get("flags") == "slave" and int(seen["master-link-down-time"]) <= 0

    @contextmanager
    def next_switch(self) -> Iterator[redis.client.PubSub]:
        """Listen for the announcement of another master, for `wait_for_switch`."""
        with self.client().pubsub() as announcements:
            announcements.subscribe("+switch-master")
            announcements.get_message(timeout=PATIENCE_SECONDS)  # that we are subscribed
            yield announcements

    def wait_for_switch(self, announcements: redis.client.PubSub) -> None:
        message = announcements.get_message(timeout=PATIENCE_SECONDS)
        assert message is not None, f"no other master:\n{self.log[-3000:]}"

    def _replica(self, port: int) -> dict[str, str]:
        told = map(self._told, self._ask("replicas", SERVICE))
        return next((one for one in told if one["port"] == str(port)), {})

    def _ask(self, *words: str | int):
        """Ask as it stands in the manual: the client would make its own sense of the answer."""
        with self.client().client() as connection:
            connection.response_callbacks.clear()
            return connection.execute_command("SENTINEL", *words)

    @staticmethod
    def _told(answer) -> dict[str, str]:
        pairs = (
            answer.items() if isinstance(answer, dict) else zip(*[iter(answer)] * 2, strict=True)
        )
        return {name.decode(): value.decode() for name, value in pairs}
