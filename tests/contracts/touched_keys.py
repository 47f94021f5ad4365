"""Which keys of a Redis changed, as Redis tells clients that cache them."""

from __future__ import annotations

_CHANNEL = "__redis__:invalidate"


class TouchedKeys:
    """Collects the keys that begin with *prefix* and were written since it was last asked."""

    def __init__(self, client, prefix):
        pool = client.connection_pool
        # In RESP 2 what is told comes as plain messages to one who subscribed.
        options = pool.connection_kwargs | {"protocol": 2, "decode_responses": False}
        self._connections = [pool.connection_class(**options) for _ in range(2)]
        self._listener, self._tracker = self._connections
        name = self._ask(self._listener, "CLIENT ID")
        self._ask(self._listener, "SUBSCRIBE", _CHANNEL)
        tracking = ("ON", "REDIRECT", name, "BCAST", "PREFIX", prefix)
        self._ask(self._tracker, "CLIENT TRACKING", *tracking)

    def take(self):
        """Return them, and begin anew."""
        touched = set()
        self._listener.send_command("PING")
        while (told := self._listener.read_response())[0] != b"pong":
            touched |= set(told[2] or ())
        return touched

    def close(self):
        for connection in self._connections:
            connection.disconnect()

    def _ask(self, connection, *command):
        connection.send_command(*command)
        return connection.read_response()
