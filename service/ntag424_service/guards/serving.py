"""What uvicorn is told so that it keeps to our bounds, with the descriptors there are."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from ntag424_service.errors import SettingsError
from ntag424_service.guards.admission import Admission, Network
from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.connections import BoundedProtocol

#: For the ledger, its pools, the event loop, logs, and files that are read now and then.
_OWN_DESCRIPTORS = 128
#: How many of the others there are to one that a connection may use for long. The kernel may keep
#: half as many connections until they are accepted (the backlog). All of them can be accepted in
#: one turn of the event loop, and as many again before those that make room for them are closed.
_DESCRIPTORS_PER_CONNECTION = 2
_LEAST_CONNECTIONS = 64
#: One source may have one of so many parts of the connections.
_SHARE = 4
_BOUNDS = Bounds()


class Connections:
    """Makes the connections of one process, for uvicorn's `http`. Can be pickled until it does."""

    def __init__(self, bounds: Bounds, proxies: Sequence[Network] = ()) -> None:
        """Hold to *bounds*; every connection from one of *proxies* is a source of its own."""
        self._bounds = bounds
        self._proxies = tuple(proxies)
        self._admission: Admission | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> BoundedProtocol:
        """Make what serves the next connection."""
        if self._admission is None:
            loop = _loop or asyncio.get_running_loop()
            self._admission = Admission(loop, self._bounds, self._proxies)
        return BoundedProtocol(self._admission, config, server_state, app_state, _loop)


def connection_settings(proxies: Sequence[Network] = ()) -> dict[str, Any]:
    """Return what uvicorn's `Config` takes, and raise the soft limit of descriptors.

    Raises:
        SettingsError: the machine allows too few descriptors.

    """
    bounds = bounds_within(_raise_descriptor_limit())
    backlog = bounds.connections // _DESCRIPTORS_PER_CONNECTION
    return {"http": Connections(bounds, proxies), "ws": "none", "backlog": backlog}


def bounds_within(descriptors: int) -> Bounds:
    """Return the bounds of a process that may have so many *descriptors*.

    Raises:
        SettingsError: these are too few.

    """
    spare = descriptors - _OWN_DESCRIPTORS
    connections = min(_BOUNDS.connections, spare // _DESCRIPTORS_PER_CONNECTION)
    if connections < _LEAST_CONNECTIONS:
        least = _descriptors_for(_LEAST_CONNECTIONS)
        raise SettingsError(
            "RLIMIT_NOFILE",
            f"{descriptors} descriptors are too few to serve",
            f"Allow {least} or more: LimitNOFILE= of the systemd unit, or `ulimit -n {least}`.",
        )
    return replace(_BOUNDS, connections=connections, connections_per_source=connections // _SHARE)


def _descriptors_for(connections: int) -> int:
    return _OWN_DESCRIPTORS + _DESCRIPTORS_PER_CONNECTION * connections


def _raise_descriptor_limit() -> int:
    """Raise the soft limit as far as it is of use; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _descriptors_for(_BOUNDS.connections)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
