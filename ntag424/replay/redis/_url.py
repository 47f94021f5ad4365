"""The URL of a ledger in Redis: which servers, who we are, what they must promise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from ntag424.errors import LedgerUnsafeError, StoreUrlError

_UNSEEN = "may_accept_taps_twice"
_PARAMETERS = {
    "replicas",
    "password_file",
    "sentinel_user",
    "sentinel_password_file",
    "ca_file",
    "cert_file",
    "key_file",
    "unseen_settings",
}
_HOST = re.compile(
    r"(?P<host>[^\s:/?#\[\]@]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?", re.ASCII
)
_SCHEME = re.compile(r"redis(?P<tls>s?)(\+(?P<kind>sentinel|cluster))?")


@unique
class Deployment(Enum):
    """How many servers there are, and who says which of them is the master."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_PORTS = {Deployment.SINGLE: 6379, Deployment.SENTINEL: 26379, Deployment.CLUSTER: 6379}


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the operator says of the deployment."""

    #: Replicas that must hold a tap before it counts.
    replicas: int
    #: Whether settings that the server does not show are taken to be right.
    trusts_unseen_settings: bool

    def require_trust(self, command: str, right: str) -> None:
        """Go on where the server hides its settings only if the operator says so.

        Raises:
            LedgerUnsafeError: the operator does not.

        """
        if not self.trusts_unseen_settings:
            raise LedgerUnsafeError(
                f"this Redis does not show how it is set up ({command} is denied)",
                f"Allow {right} to this user. Where a provider denies it, see to the settings of "
                "docs/howto/scale-out.md and put unseen_settings=may_accept_taps_twice into "
                "the URL.",
            )


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are to a server. The password stays in its file."""

    user: str | None
    password_file: Path | None


@dataclass(frozen=True, slots=True)
class Tls:
    """How servers prove who they are, and we to them, if they ask."""

    ca_file: str | None
    cert_file: str | None
    key_file: str | None


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What a URL says of a deployment; it holds no secret."""

    deployment: Deployment
    hosts: tuple[tuple[str, int], ...]
    #: The name by which the sentinels know the master; empty elsewhere.
    service: str
    database: int
    account: Account
    sentinel_account: Account
    tls: Tls | None
    requirements: Requirements

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL.

        Raises:
            StoreUrlError: it is malformed, or holds a password.

        """
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
        except ValueError:
            raise StoreUrlError("the URL of the Redis is malformed") from None
        scheme = _SCHEME.fullmatch(parts.scheme)
        if scheme is None or parts.fragment:
            raise StoreUrlError("the URL of the Redis is malformed")
        deployment = Deployment(scheme["kind"] or "single")
        options = _options(query)
        user, _, hosts = parts.netloc.rpartition("@")
        service, database = _path(deployment, parts.path)
        return cls(
            deployment,
            _hosts(deployment, hosts),
            service,
            database,
            Account(_user(user), _file(options, "password_file")),
            Account(options.get("sentinel_user"), _file(options, "sentinel_password_file")),
            _tls(options, used=bool(scheme["tls"])),
            _demands(deployment, options),
        )


def _options(query: list[tuple[str, str]]) -> Mapping[str, str]:
    options = dict(query)
    if len(options) != len(query):
        raise StoreUrlError("the URL of the Redis says something twice")
    unknown = sorted(set(options) - _PARAMETERS)
    if unknown:
        raise StoreUrlError(f"the URL of the Redis may say only {', '.join(sorted(_PARAMETERS))}")
    return options


def _user(text: str) -> str | None:
    if ":" in text:
        raise StoreUrlError(
            "the URL of the Redis holds a password, and URLs are seen by many; "
            "write it to a file of mode 600 and put password_file=/path into the URL"
        )
    return unquote(text) or None


def _hosts(deployment: Deployment, text: str) -> tuple[tuple[str, int], ...]:
    hosts = tuple(_host(host, _PORTS[deployment]) for host in text.split(","))
    if deployment is Deployment.SINGLE and len(hosts) > 1:
        raise StoreUrlError(
            "the URL names several servers: say which they are, redis+sentinel or redis+cluster"
        )
    return hosts


def _host(text: str, port: int) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match["port"] or port) < 1 << 16:
        raise StoreUrlError("the URL of the Redis names a host that is none")
    return match["host"].strip("[]"), int(match["port"] or port)


def _path(deployment: Deployment, path: str) -> tuple[str, int]:
    """Return the service and the number of the database."""
    words = path.split("/")[1:] if path not in {"", "/"} else []
    service = ""
    if deployment is Deployment.SENTINEL:
        service = unquote(words.pop(0)) if words else ""
        if not service:
            raise StoreUrlError("the URL names no service: redis+sentinel://HOST,HOST/SERVICE")
    if not words:
        return service, 0
    if deployment is Deployment.CLUSTER or len(words) > 1 or not _is_number(words[0]):
        raise StoreUrlError("the URL of the Redis has a path that means nothing here")
    return service, int(words[0])


def _demands(deployment: Deployment, options: Mapping[str, str]) -> Requirements:
    replicas = options.get("replicas", "0")
    if not _is_number(replicas):
        raise StoreUrlError("replicas is the number of replicas that must have every tap")
    if deployment is Deployment.SENTINEL and not int(replicas):
        raise StoreUrlError(
            "sentinels make a replica master, and it must have the last taps: "
            "put replicas=N, the number of replicas, into the URL"
        )
    unseen = options.get("unseen_settings")
    if unseen not in {None, _UNSEEN}:
        raise StoreUrlError(f"unseen_settings can only be {_UNSEEN}")
    return Requirements(int(replicas), trusts_unseen_settings=unseen is not None)


def _tls(options: Mapping[str, str], *, used: bool) -> Tls | None:
    files = [options.get(name) for name in ("ca_file", "cert_file", "key_file")]
    if used:
        return Tls(*files)
    if any(files):
        raise StoreUrlError("files for TLS go with rediss://, which is what switches TLS on")
    return None


def _file(options: Mapping[str, str], name: str) -> Path | None:
    return Path(options[name]) if name in options else None


def _is_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,2}", text, re.ASCII) is not None
