"""Who asks: the source that failures are counted for, behind proxies that are believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from typing import TypedDict

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from ntag424_service.settings import Settings

#: Of an IPv6 address, what a provider gives to one customer at least: 64 bits.
_PREFIX_BYTES = 8
_UNKNOWN = b""
_MAPPED = "::ffff:"
_HEADER = b"x-forwarded-for"
_MINUTE = 60
#: So many different values through one address are "many"; more are not remembered.
_MANY = 8
_MOST_ADDRESSES = 64


class ProxySettings(TypedDict):
    """Keyword arguments of `uvicorn.run`."""

    proxy_headers: bool
    forwarded_allow_ips: list[str]


def proxy_settings(settings: Settings) -> ProxySettings:
    """Return what uvicorn has to know so that it believes the trusted proxies alone.

    It takes the rightmost address of X-Forwarded-For that is not itself trusted.
    """
    networks = [ip_network(text) for text in settings.trusted_proxies]
    # A socket for IPv6 may show IPv4 addresses mapped, and uvicorn knows them as written.
    mapped = [
        f"{_MAPPED}{network.network_address}/{network.prefixlen + 96}"
        for network in networks
        if isinstance(network, IPv4Network)
    ]
    return {
        "proxy_headers": bool(networks),
        "forwarded_allow_ips": [str(network) for network in networks] + mapped,
    }


@lru_cache(maxsize=4096)
def source_at(host: str) -> bytes:
    """Return the source at an address: 4 bytes for IPv4, the first 8 for IPv6.

    What is no address is one source, whatever it says.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return _UNKNOWN
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return address.packed[:_PREFIX_BYTES] if mapped is None else mapped.packed
    return address.packed


def source_of(scope: Scope) -> bytes:
    """Return the source of a request: where it came from, or where a trusted proxy says."""
    client = scope.get("client")
    return _UNKNOWN if client is None else source_at(client[0])


class ForwardingNotice:
    """Warns, once a minute at most, of a proxy whose clients all count as one source.

    *clock* says seconds and never goes back.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._seen: dict[bytes, set[int]] = {}
        self._until = clock()
        self._is_told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; note what it says it was forwarded for, unless believed."""
        for name, value in scope.get("headers", ()):
            if name == _HEADER:
                self._note(scope, value)
        await self._app(scope, receive, send)

    def _note(self, scope: Scope, value: bytes) -> None:
        now = self._clock()
        if now >= self._until:
            self._seen.clear()
            self._until, self._is_told = now + _MINUTE, False
        client = scope.get("client")
        if self._is_told or (client is not None and client[0].encode() in value):
            return
        source = source_of(scope)
        if source not in self._seen and len(self._seen) >= _MOST_ADDRESSES:
            return
        values = self._seen.setdefault(source, set())
        values.add(hash(value))
        if len(values) >= _MANY:
            self._is_told = True
            self._logger.warning(
                "forwarded addresses ignored",
                hint="Behind a proxy, name it in NTAG424_TRUSTED_PROXIES: as long as it is "
                "not, all its clients are one source to the limits.",
            )
