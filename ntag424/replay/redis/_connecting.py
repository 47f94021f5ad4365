"""Opens connections: who we are, TLS, and what a server must be before a tap is shown to it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from redis.asyncio import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay.redis._connection import (
    Acknowledgement,
    CheckedConnection,
    Command,
    Reply,
    ask,
    hang_up,
    load_scripts,
    role_of,
)
from ntag424.replay.redis._url import Account, RedisAddress, Requirements

#: Buckets of up to so many tags stay compact: enough for 25 million tags.
_LISTPACK_ENTRIES = 512
#: In all below the deadline of whoever asked.
_ACKNOWLEDGE_MS = 700
_SETTINGS = (b"maxmemory-policy", b"appendonly", b"appendfsync", b"hash-max-listpack-entries")


async def check_server(connection: Connection, requirements: Requirements) -> CheckedConnection:
    """Look at the server behind *connection*.

    Raises:
        LedgerUnsafeError: it could accept a tap twice as it is set up.
        LedgerUnavailableError: it is no master now.

    """
    role = await role_of(connection)
    if not role.is_master:
        raise LedgerUnavailableError("this Redis is not the master now")
    role.require_waited_for(requirements.replicas)
    await _require_replay_of_file(connection, requirements)
    settings = await _settings(connection, requirements)
    _require_durable(settings, requirements)
    await load_scripts(connection)
    flushed = settings.get(b"appendfsync") == b"always"
    acknowledgement = await _acknowledgement(connection, requirements, flushed=flushed)
    return CheckedConnection(
        connection,
        role,
        clock_ms=await _clock_ms(connection),
        replicas=requirements.replicas,
        acknowledgement=acknowledgement,
    )


async def _settings(connection: Connection, requirements: Requirements) -> dict[bytes, bytes]:
    """Return the settings that matter; none if they are not shown and need not be."""
    replies = await ask(connection, [(b"CONFIG", b"GET", name) for name in _SETTINGS])
    if any(isinstance(reply, ResponseError) for reply in replies):
        requirements.require_trust("CONFIG GET", "+config|get")
        return {}
    return dict(_pair(reply) for reply in replies if reply)


async def _require_replay_of_file(connection: Connection, requirements: Requirements) -> None:
    """Refuse a Redis that would not read back what our scripts wrote.

    Redis 7.0 replays transactions of its append-only file as the default user: one that has
    no rights, as with `user default off` in a file of users, loses all of them at a restart.
    """
    attempt = (b"ACL", b"DRYRUN", b"default", b"HSET", b"ntag424:{0}", b"f", b"v")
    (reply,) = await ask(connection, [attempt])
    if isinstance(reply, ResponseError):
        requirements.require_trust("ACL DRYRUN", "+acl|dryrun")
    elif reply != b"OK":
        raise LedgerUnsafeError(
            "the default user of this Redis has no rights: at a restart it forgets all taps",
            "Let it keep its rights and only switch it off: user default off ~* &* +@all",
        )


async def _clock_ms(connection: Connection) -> int:
    (reply,) = await ask(connection, [(b"TIME",)])
    seconds, microseconds = map(int, _pair(reply))
    return 1000 * seconds + microseconds // 1000


def _pair(reply: Reply) -> tuple[bytes, bytes]:
    if not isinstance(reply, list) or len(reply) != 2:
        raise LedgerUnavailableError("this Redis answers in an unknown way")
    name, value = reply
    return name, value


def _require_durable(settings: dict[bytes, bytes], requirements: Requirements) -> None:
    if not settings:
        return
    policy = settings.get(b"maxmemory-policy", b"").decode()
    if policy != "noeviction":
        raise _unsafe("maxmemory-policy", policy, "noeviction", "it forgets tags when it is full")
    if settings.get(b"appendonly") != b"yes":
        raise _unsafe("appendonly", "no", "yes", "it forgets all taps when it restarts")
    sync = settings.get(b"appendfsync", b"").decode()
    if sync == "no" or (sync == "everysec" and not requirements.replicas):
        raise _unsafe("appendfsync", sync, "always", "it forgets the last taps at a power cut")
    entries = settings.get(b"hash-max-listpack-entries", b"0")
    if int(entries) < _LISTPACK_ENTRIES:
        wanted = str(_LISTPACK_ENTRIES)
        harm = "tags would take five times the memory"
        raise _unsafe("hash-max-listpack-entries", entries.decode(), wanted, harm)


def _unsafe(setting: str, value: str, wanted: str, harm: str) -> LedgerUnsafeError:
    return LedgerUnsafeError(
        f"{setting} of this Redis is {value or 'unknown'}: {harm}",
        f"Run CONFIG SET {setting} {wanted}, then CONFIG REWRITE.",
    )


async def _acknowledgement(
    connection: Connection, requirements: Requirements, *, flushed: bool
) -> Acknowledgement | None:
    """Choose how replicas confirm: with what is on their disks, where Redis can tell."""
    if not requirements.replicas:
        return None
    count = requirements.replicas
    if flushed:
        (probe,) = await ask(connection, [(b"WAITAOF", 0, 0, 1)])
        if isinstance(probe, list):
            # A replica that is asked together with what it is to write answers before it
            # wrote, and again a second later: so it is asked once it has received it.
            received: Command = (b"WAIT", count, _ACKNOWLEDGE_MS // 2)
            written: Command = (b"WAITAOF", 1, count, _ACKNOWLEDGE_MS // 2)
            return Acknowledgement((received, written), (1, count))
    return Acknowledgement(((b"WAIT", count, _ACKNOWLEDGE_MS),), (count,))


_CONNECT_SECONDS = 0.5
_MOST_BYTES = 4096


def options_for(address: RedisAddress, account: Account) -> dict[str, Any]:
    """Return what every connection of redis-py is made with; reads the password's file."""
    options: dict[str, Any] = {
        "username": account.user,
        "password": _password(account.password_file),
        "protocol": 2,
        "driver_info": None,  # says nothing of itself: one right less to ask for
        "socket_connect_timeout": _CONNECT_SECONDS,
        # Deadlines are ours, and nothing is sent twice but by us.
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.tls is not None:
        options |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": address.tls.ca_file,
            "ssl_certfile": address.tls.cert_file,
            "ssl_keyfile": address.tls.key_file,
        }
    return options


async def open_connection(address: RedisAddress, host: str, port: int) -> Connection:
    """Connect to one server.

    Raises:
        LedgerUnavailableError: we cannot say who we are.
        redis.RedisError, OSError: it cannot be reached.

    """
    kind = Connection if address.tls is None else SSLConnection
    options = options_for(address, address.account)
    connection = kind(host=host, port=port, db=address.database, **options)
    try:
        await connection.connect()  # type: ignore[no-untyped-call] # redis-py
    except BaseException as error:
        await _give_up(connection, error)
        raise
    return connection


async def connect_checked(address: RedisAddress, host: str, port: int) -> CheckedConnection:
    """Connect to one master and look at it.

    Raises:
        LedgerUnavailableError: it may not be used.
        redis.RedisError, OSError: it cannot be reached.

    """
    connection = await open_connection(address, host, port)
    try:
        return await check_server(connection, address.requirements)
    except BaseException as error:
        await _give_up(connection, error)
        raise


async def _give_up(connection: Connection, error: BaseException) -> None:
    """Hang up, for nobody else will; at once where a deadline has passed already."""
    if isinstance(error, Exception):
        await hang_up(connection)
    else:
        await connection.disconnect(nowait=True)


def _password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        mode, octets = _read(path)
        text = octets.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise LedgerUnavailableError(f"the password file {path} cannot be read") from None
    if not stat.S_ISREG(mode) or len(octets) > _MOST_BYTES:
        raise LedgerUnavailableError(
            f"{path} is not a file with a password", hint="Check which file password_file= names."
        )
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerUnsafeError(
            f"others than its owner may read the password file {path}", f"Run: chmod 600 {path}"
        )
    return text


def _read(path: Path) -> tuple[int, bytes]:
    """Return the mode and the beginning of a file, and wait for no FIFO's other end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        return mode, os.read(descriptor, _MOST_BYTES + 1) if stat.S_ISREG(mode) else b""
    finally:
        os.close(descriptor)
