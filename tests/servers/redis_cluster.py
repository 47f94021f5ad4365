"""Three masters that share the slots among them, without replicas."""

from __future__ import annotations

from typing import Self

from tests.servers.ports import HeldPort
from tests.servers.redis_server import RedisServer
from tests.servers.waiting import wait_until

_NODES = 3
_SLOTS = 16_384
_NODE_TIMEOUT_MS = 1_000


class Node(RedisServer):
    """One master of a cluster; it remembers the others in its folder."""

    def __init__(self) -> None:
        self._held_bus = HeldPort()
        self.bus_port = self._held_bus.number
        super().__init__(
            cluster_enabled="yes",
            cluster_port=self.bus_port,
            cluster_node_timeout=_NODE_TIMEOUT_MS,
        )

    def serves_cluster(self) -> bool:
        """Whether this node says that every slot has a node and that it knows them all."""
        told = self.client().execute_command("CLUSTER INFO")
        return told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(_NODES)

    def own(self, first: int, last: int, *, epoch: int) -> None:
        """Take the slots from *first* to *last*; no two nodes may say so in one *epoch*."""
        self.client().execute_command("CLUSTER SET-CONFIG-EPOCH", epoch)
        self.client().execute_command("CLUSTER ADDSLOTSRANGE", first, last)

    def meet(self, other: Node) -> None:
        address = ("127.0.0.1", other.port, other.bus_port)
        self.client().execute_command("CLUSTER MEET", *address)

    def _dispose(self) -> None:
        super()._dispose()
        self._held_bus.release()


class ClusterDeployment:
    """Three nodes with a third of the slots each; nothing runs before `start`."""

    def __init__(self) -> None:
        self.nodes = tuple(Node() for _ in range(_NODES))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{hosts}"

    def start(self) -> Self:
        """Start the nodes, share out the slots, and wait until all nodes know it."""
        try:
            self._start_nodes()
            self._share_out()
            self._settle()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for node in self.nodes:
            node.discard()

    def heal(self) -> None:
        """Undo what a test did to the nodes: none is frozen or down any more."""
        for node in self.nodes:
            node.recover()
        self._settle()

    def restart_all(self) -> None:
        """End all nodes and start them again with their data and what they know of each other."""
        for node in self.nodes:
            node.terminate()
        self._start_nodes()
        self._settle()

    def _start_nodes(self) -> None:
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_ready()

    def _share_out(self) -> None:
        bounds = [_SLOTS * number // _NODES for number in range(_NODES + 1)]
        for number, node in enumerate(self.nodes):
            node.own(bounds[number], bounds[number + 1] - 1, epoch=number + 1)
            for other in self.nodes[:number]:
                node.meet(other)

    def _settle(self) -> None:
        wait_until(lambda: all(map(Node.serves_cluster, self.nodes)), "the cluster is whole")
