"""What uvicorn is told so that it keeps to our bounds, with the descriptors there are."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ntag424_service.errors import SettingsError
from ntag424_service.guards.admission import Network
from ntag424_service.guards.bounds import Bounds
from ntag424_service.guards.connections import Connections

#: How many connections the kernel keeps until they are accepted. All of them can be accepted in
#: one turn of the event loop, and those that make room for them are closed in the next one.
BACKLOG = 128
#: For the ledger, its pools, the event loop, logs, and files that are read now and then.
_OWN_DESCRIPTORS = 128
_RESERVE = 2 * BACKLOG + _OWN_DESCRIPTORS
_LEAST_CONNECTIONS = 64
#: One source may have one of so many parts of the connections.
_SHARE = 4
_BOUNDS = Bounds()


def connection_settings(proxies: Sequence[Network] = ()) -> dict[str, Any]:
    """Return what uvicorn's `Config` takes, and raise the soft limit of descriptors.

    Raises:
        SettingsError: the machine allows too few descriptors.

    """
    bounds = bounds_within(_raise_descriptor_limit())
    return {"http": Connections(bounds, proxies), "ws": "none", "backlog": BACKLOG}


def bounds_within(descriptors: int) -> Bounds:
    """Return the bounds of a process that may have so many *descriptors*.

    Raises:
        SettingsError: these are too few.

    """
    connections = min(_BOUNDS.connections, descriptors - _RESERVE)
    if connections < _LEAST_CONNECTIONS:
        least = _RESERVE + _LEAST_CONNECTIONS
        raise SettingsError(
            "RLIMIT_NOFILE",
            f"{descriptors} descriptors are too few to serve",
            f"Allow {least} or more: LimitNOFILE= of the systemd unit, or `ulimit -n {least}`.",
        )
    return replace(_BOUNDS, connections=connections, connections_per_source=connections // _SHARE)


def _raise_descriptor_limit() -> int:
    """Raise the soft limit as far as it is of use; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _BOUNDS.connections + _RESERVE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
