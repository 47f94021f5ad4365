"""Where the service listens: found out before anything else, and refused by name."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ntag424_service.errors import SettingsError
from ntag424_service.settings import Settings, variable


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Listen on every address of the host that the settings name; mostly that is one.

    The sockets are closed at the end.

    Raises:
        SettingsError: the port is taken, or the host is not this machine.

    """
    with ExitStack() as stack:
        try:
            listeners = [
                # How many may wait is said once more when they are served, with its bound.
                stack.enter_context(socket.create_server(address, family=family))
                for family, address in _addresses(settings)
            ]
        except (OSError, UnicodeError) as error:
            raise _refusal(settings, error) from None
        yield listeners


def announce(listeners: list[socket.socket]) -> None:
    """Log where the service can be reached, as uvicorn does for sockets of its own."""
    for listener in listeners:
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        text = "Uvicorn running on http://%s (Press CTRL+C to quit)"
        logging.getLogger("uvicorn.error").info(text, place)


def _addresses(
    settings: Settings,
) -> list[tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]]:
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _refusal(settings: Settings, error: OSError | UnicodeError) -> SettingsError:
    """Say which of the two settings is to be changed, and how."""
    place = f"{settings.host} port {settings.port}"
    reason = error.errno if isinstance(error, OSError) else None
    if reason == errno.EADDRINUSE:
        return SettingsError(
            variable("port"),
            f"another program listens on {place}",
            "Stop it (`ss -ltnp` names it), or choose another port.",
        )
    if reason in (errno.EACCES, errno.EPERM):
        return SettingsError(
            variable("port"),
            f"this user may not listen on {place}",
            "Choose a port above 1023, or give the service CAP_NET_BIND_SERVICE.",
        )
    return SettingsError(
        variable("host"),
        f"{place} is no address of this machine",
        "Name one that `ip address` shows, or 0.0.0.0 for all of them.",
    )
