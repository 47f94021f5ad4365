"""Ports that nobody else gets, even while the server they are for is down."""

from __future__ import annotations

import socket


class HeldPort:
    """A port of 127.0.0.1, chosen by the kernel and held until `release`.

    A socket that is bound but does not listen keeps the port out of everybody's reach: the
    kernel gives it neither to another test run nor to a client as its own end. A server
    that sets SO_REUSEADDR, as they all do, can bind to it all the same.
    """

    def __init__(self) -> None:
        self._holder = socket.socket()
        self._holder.bind(("127.0.0.1", 0))
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number: int = self._holder.getsockname()[1]

    def release(self) -> None:
        """Let the port go; a second time does nothing."""
        self._holder.close()
