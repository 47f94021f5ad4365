"""What a Redis must be before a tap is shown to it. Asked at every connection."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Connection
from redis.exceptions import ResponseError

from ntag424.errors import LedgerUnavailableError, LedgerUnsafeError
from ntag424.replay.redis._line import (
    Acknowledgement,
    Command,
    Line,
    Reply,
    ask,
    load_scripts,
    role_of,
)

#: Buckets of up to so many tags stay compact: enough for 25 million tags.
_LISTPACK_ENTRIES = 512
#: In all below the deadline of whoever asked.
_ACKNOWLEDGE_MS = 700
_SETTINGS = (b"maxmemory-policy", b"appendonly", b"appendfsync", b"hash-max-listpack-entries")


@dataclass(frozen=True, slots=True)
class Demands:
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


async def pass_gates(connection: Connection, demands: Demands) -> Line:
    """Look at the server behind *connection*.

    Raises:
        LedgerUnsafeError: it could accept a tap twice as it is set up.
        LedgerUnavailableError: it is no master now.

    """
    role = await role_of(connection)
    if not role.is_master:
        raise LedgerUnavailableError("this Redis is not the master now")
    role.require_waited_for(demands.replicas)
    await _require_replay_of_file(connection, demands)
    settings = await _settings(connection, demands)
    _require_durable(settings, demands)
    await load_scripts(connection)
    flushed = settings.get(b"appendfsync") == b"always"
    acknowledgement = await _acknowledgement(connection, demands, flushed=flushed)
    return Line(
        connection,
        role,
        clock_ms=await _clock_ms(connection),
        replicas=demands.replicas,
        acknowledgement=acknowledgement,
    )


async def _settings(connection: Connection, demands: Demands) -> dict[bytes, bytes]:
    """Return the settings that matter; none if they are not shown and need not be."""
    replies = await ask(connection, [(b"CONFIG", b"GET", name) for name in _SETTINGS])
    if any(isinstance(reply, ResponseError) for reply in replies):
        demands.require_trust("CONFIG GET", "+config|get")
        return {}
    return dict(_pair(reply) for reply in replies if reply)


async def _require_replay_of_file(connection: Connection, demands: Demands) -> None:
    """Refuse a Redis that would not read back what our scripts wrote.

    Redis 7.0 replays transactions of its append-only file as the default user: one that has
    no rights, as with `user default off` in a file of users, loses all of them at a restart.
    """
    attempt = (b"ACL", b"DRYRUN", b"default", b"HSET", b"ntag424:{0}", b"f", b"v")
    (reply,) = await ask(connection, [attempt])
    if isinstance(reply, ResponseError):
        demands.require_trust("ACL DRYRUN", "+acl|dryrun")
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


def _require_durable(settings: dict[bytes, bytes], demands: Demands) -> None:
    if not settings:
        return
    policy = settings.get(b"maxmemory-policy", b"").decode()
    if policy != "noeviction":
        raise _unsafe("maxmemory-policy", policy, "noeviction", "it forgets tags when it is full")
    if settings.get(b"appendonly") != b"yes":
        raise _unsafe("appendonly", "no", "yes", "it forgets all taps when it restarts")
    sync = settings.get(b"appendfsync", b"").decode()
    if sync == "no" or (sync == "everysec" and not demands.replicas):
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
    connection: Connection, demands: Demands, *, flushed: bool
) -> Acknowledgement | None:
    """Choose how replicas confirm: with what is on their disks, where Redis can tell."""
    if not demands.replicas:
        return None
    count = demands.replicas
    if flushed:
        (probe,) = await ask(connection, [(b"WAITAOF", 0, 0, 1)])
        if isinstance(probe, list):
            # A replica that is asked together with what it is to write answers before it
            # wrote, and again a second later: so it is asked once it has received it.
            received: Command = (b"WAIT", count, _ACKNOWLEDGE_MS // 2)
            written: Command = (b"WAITAOF", 1, count, _ACKNOWLEDGE_MS // 2)
            return Acknowledgement((received, written), (1, count))
    return Acknowledgement(((b"WAIT", count, _ACKNOWLEDGE_MS),), (count,))
