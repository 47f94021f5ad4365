"""Opens connections: who we are, TLS, and the gates."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from redis.asyncio import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay.redis._address import Account, RedisAddress
from ntag424.replay.redis._gates import pass_gates
from ntag424.replay.redis._line import Line, hang_up

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


async def open_line(address: RedisAddress, host: str, port: int) -> Line:
    """Connect to one master and look at it.

    Raises:
        LedgerUnavailableError: it may not be used.
        redis.RedisError, OSError: it cannot be reached.

    """
    connection = await open_connection(address, host, port)
    try:
        return await pass_gates(connection, address.demands)
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
