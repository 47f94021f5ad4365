"""One connection to one master, and whether what it says still counts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import hiredis
from redis.asyncio import Connection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from ntag424.errors import (
    LedgerMismatchError,
    LedgerUnavailableError,
    LedgerUnsafeError,
    LedgerWentBackError,
)
from ntag424.replay._phases import require_serving
from ntag424.replay.redis._layout import SCRIPTS, phase_of

Command: TypeAlias = tuple[bytes | int, ...]
#: What Redis says to one command. An error is handed over, not raised.
Reply: TypeAlias = bytes | int | list[Any] | ResponseError | None

_INFO: Command = (b"INFO", b"replication")


@dataclass(frozen=True, slots=True)
class Role:
    """Whose data these are: a master's, since it began to write this history."""

    is_master: bool
    replication_id: bytes
    replicas: int

    @classmethod
    def of(cls, reply: Reply) -> Role:
        """Read what `INFO replication` says."""
        text = reply if isinstance(reply, bytes) else b""
        members = dict(line.partition(b":")[::2] for line in text.splitlines())
        return cls(
            members.get(b"role") == b"master",
            members.get(b"master_replid", b""),
            int(members.get(b"connected_slaves", 0)),
        )

    def require_waited_for(self, replicas: int) -> None:
        """Refuse a master with a replica for which nobody waits: *replicas* are waited for.

        Raises:
            LedgerUnsafeError: it could take over without the last taps.

        """
        if self.replicas > replicas:
            raise LedgerUnsafeError(
                f"this Redis has {self.replicas} replica(s), and taps wait for {replicas}: "
                "one could take over without the last taps",
                f"Put replicas={self.replicas} into the URL.",
            )

    def is_that_of(self, other: Role) -> bool:
        """Whether nothing changed but the number of replicas."""
        ours = (self.is_master, self.replication_id)
        return ours == (other.is_master, other.replication_id)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Makes Redis say how many hold what this connection wrote."""

    #: The reply to the last of them is the one that counts.
    commands: tuple[Command, ...]
    #: How many must: local disks, where that can be asked, and replicas.
    needed: tuple[int, ...]

    def require(self, reply: Reply) -> None:
        """Raise `LedgerUnavailableError` if fewer do."""
        counts = reply if isinstance(reply, list) else [reply]
        if len(counts) != len(self.needed) or not all(type(count) is int for count in counts):
            raise LedgerUnavailableError(f"Redis does not confirm what it wrote: {reply!r}")
        if any(count < needed for count, needed in zip(counts, self.needed, strict=True)):
            raise LedgerUnavailableError(
                f"too few hold the tap: {counts} confirmed in time where {self.needed} must"
            )


class CheckedConnection:
    """A connection that passed the gates. As soon as anything is odd it is given up."""

    def __init__(
        self,
        connection: Connection,
        role: Role,
        *,
        clock_ms: int,
        replicas: int,
        acknowledgement: Acknowledgement | None,
    ) -> None:
        #: What the server's clock showed when it was looked at: UNIX time in ms.
        self.clock_ms = clock_ms
        self._connection = connection
        self._role = role
        self._replicas = replicas
        self._acknowledgement = acknowledgement

    async def exchange(self, commands: Sequence[Command], *, writes: bool) -> list[Reply]:
        """Send *commands* in one go and return the replies, once they hold.

        Raises:
            LedgerUnavailableError: they may not hold: too few have what was written, or
                this is not the server any more that it was.
            redis.RedisError, OSError: the connection broke.

        """
        tail = [_INFO]
        if writes and self._acknowledgement is not None:
            tail = [*self._acknowledgement.commands, _INFO]
        replies = await ask(self._connection, [*commands, *tail])
        strange = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if strange:
            await load_scripts(self._connection)
            again = await ask(self._connection, [*(commands[n] for n in strange), *tail])
            for number, reply in zip(strange, again[: len(strange)], strict=True):
                replies[number] = reply
            replies[len(commands) :] = again[len(strange) :]
        self._require(replies[len(commands) :])
        return replies[: len(commands)]

    async def aclose(self) -> None:
        """Hang up."""
        await hang_up(self._connection)

    def _require(self, tail: list[Reply]) -> None:
        role = Role.of(tail[-1])
        role.require_waited_for(self._replicas)
        if not role.is_that_of(self._role):
            raise LedgerUnavailableError("another Redis answered than the one that was looked at")
        if len(tail) > 1 and self._acknowledgement is not None:
            self._acknowledgement.require(tail[-2])


async def hang_up(connection: Connection) -> None:
    """Close a connection; for half a second the server may say goodbye, as TLS has it."""
    with suppress(RedisError, OSError):
        await connection.disconnect()


async def role_of(connection: Connection) -> Role:
    """Ask the server for its role."""
    return Role.of((await ask(connection, [_INFO]))[0])


async def load_scripts(connection: Connection) -> None:
    """Make the server know every script of ours."""
    loads = [(b"SCRIPT", b"LOAD", script.text.encode()) for script in SCRIPTS]
    for reply in await ask(connection, loads):
        if isinstance(reply, ResponseError):
            raise reply


async def ask(connection: Connection, commands: Sequence[Command]) -> list[Reply]:
    """Send *commands* in one go, and return the reply to each."""
    # hiredis packs in C what redis-py packs in Python when it speaks asyncio.
    packed = b"".join(
        hiredis.pack_command(command)  # type: ignore[arg-type] # its stub knows one argument
        for command in commands
    )
    await connection.send_packed_command(packed, check_health=False)
    return [await _reply(connection) for _ in commands]


async def _reply(connection: Connection) -> Reply:
    try:
        reply: Reply = await connection.read_response(
            disable_decoding=True, disconnect_on_error=False
        )
    except ResponseError as error:
        return error
    return reply


#: What our own scripts raise: see `common.lua`.
_NOT_SERVING, _LOST, _WENT_BACK = "NOTSERVING ", "LOST", "WENTBACK"


def unavailable(cause: Exception) -> LedgerUnavailableError:
    """Return what a caller of the ledger is told."""
    if isinstance(cause, LedgerUnavailableError):
        return cause
    if isinstance(cause, TimeoutError):
        return LedgerUnavailableError("Redis did not answer in time")
    error = _meaning(str(cause)) if isinstance(cause, ResponseError) else None
    error = error or LedgerUnavailableError(f"Redis cannot be used: {cause}")
    error.__cause__ = cause
    return error


def _meaning(said: str) -> LedgerUnavailableError | None:
    if said.startswith(_LOST):
        return lost()
    if said.startswith(_WENT_BACK):
        return LedgerWentBackError()
    if said.startswith(_NOT_SERVING):
        return not_serving(said.removeprefix(_NOT_SERVING)[:1])
    return None


def lost() -> LedgerUnavailableError:
    """Return what is to be said of a bucket that is not there."""
    return LedgerUnavailableError(
        "a part of the ledger is missing in this Redis",
        hint="It was flushed or evicted, or NTAG424_STORE leads to another one: restore it, "
        "or correct the setting. Nothing is accepted until then.",
    )


def not_serving(letter: str) -> LedgerUnavailableError | None:
    """Return what is to be said of a phase, by the last byte of its mark."""
    try:
        require_serving(phase_of(letter))
    except LedgerMismatchError as error:
        return LedgerUnavailableError(str(error), hint=error.hint)
    return None
