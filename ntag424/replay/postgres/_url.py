"""The URL of a ledger in PostgreSQL: servers, database, schema, and what is refused in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ntag424.errors import StoreUrlError

_SCHEMES = ("postgresql://", "postgres://")
_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
#: Whoever reads the URL, in a process list or a log, would read these too.
_SECRETS = ("password", "sslpassword")
_DEFAULTS = {
    "application_name": "ntag424",
    # Per host, in seconds; libpq knows no shorter one.
    "connect_timeout": "2",
    # A standby knows less than the primary: even reading there is no answer.
    "target_session_attrs": "read-write",
}

#: What is stored is ASCII; a database without an encoding would hand it out as bytes.
_ENCODING = {"client_encoding": "utf8"}


@dataclass(frozen=True, slots=True)
class Address:
    """How libpq finds the server, and which schema of the database is the ledger's."""

    #: What libpq takes, for each server. It holds no secret, but is nobody's business either.
    conninfos: tuple[str, ...] = field(repr=False)
    schema: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Read a URL as libpq does, and `schema` among its parameters.

        Raises:
            StoreUrlError: it is malformed or unsafe.

        """
        if not url.startswith(_SCHEMES):
            raise StoreUrlError("the URL of a ledger in PostgreSQL begins with postgresql://")
        rest, schema = _take_schema(url)
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(rest).items()}
        except (psycopg.Error, UnicodeError):
            # Its text quotes the URL.
            raise StoreUrlError("this is no URL that PostgreSQL's libpq understands") from None
        _require_no_secret(given)
        _require_named(given)
        complete = _DEFAULTS | _transport_security(given) | given | _ENCODING
        return cls(tuple(_each_server(complete)), schema)


def _take_schema(url: str) -> tuple[str, str]:
    """Split our own parameter off: libpq would not know it."""
    base, mark, query = url.partition("?")
    parameters = query.split("&") if mark else []
    ours = [text for text in parameters if text.partition("=")[0] == "schema"]
    theirs = [text for text in parameters if text not in ours]
    schema = ours[0].partition("=")[2] if ours else "ntag424"
    if len(ours) > 1 or not _SCHEMA.fullmatch(schema):
        raise StoreUrlError(
            "schema is given once: a-z, 0-9 and _, 63 at most, no digit or pg_ in front"
        )
    return (f"{base}?{'&'.join(theirs)}" if theirs else base), schema


def _require_no_secret(given: Mapping[str, str]) -> None:
    if any(name in given for name in _SECRETS):
        raise StoreUrlError(
            "the URL of a ledger holds no password",
            hint="Put the password into ~/.pgpass, or into a file that passfile= names.",
        )


def _require_named(given: Mapping[str, str]) -> None:
    # libpq would fill the gap from the environment, differently in each shell.
    if not all(_hosts(given)):
        raise StoreUrlError(
            "the URL names no server",
            hint="Write postgresql://host/database; for a socket, ?host=/its/folder.",
        )
    if not given.get("dbname"):
        raise StoreUrlError("the URL names no database", hint="Write postgresql://host/database.")


def _hosts(given: Mapping[str, str]) -> list[str]:
    """Return all that are connected to; where the URL names none, an empty one."""
    return (given.get("hostaddr") or given.get("host", "")).split(",")


def _each_server(parameters: Mapping[str, str]) -> Iterator[str]:
    """Take apart what libpq would try one after the other."""
    lists = {
        name: parameters[name].split(",")
        for name in ("host", "hostaddr", "port")
        if parameters.get(name)
    }
    count = len(_hosts(parameters))
    if len(lists.get("port", "")) == 1:
        lists["port"] *= count  # One port may stand for all.
    if any(len(values) != count for values in lists.values()):
        raise StoreUrlError("the URL names more or fewer ports than servers")
    for number in range(count):
        chosen = {name: values[number] for name, values in lists.items()}
        yield make_conninfo("", **{**parameters, **chosen})


def _transport_security(given: Mapping[str, str]) -> dict[str, str]:
    """Trust no network that the operator does not say is to be trusted."""
    if all(_is_on_this_machine(host) for host in _hosts(given)):
        return {}
    return {"sslmode": "verify-full"}


def _is_on_this_machine(host: str) -> bool:
    if host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
