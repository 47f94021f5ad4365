"""`TagLedger` over Redis, and the examination of its servers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from redis.exceptions import RedisError, ResponseError

from ntag424.errors import (
    LedgerUnavailableError,
    LedgerUnsafeError,
    LedgerWentBackError,
    StaleGenerationError,
    UnknownTagError,
)
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
from ntag424.replay._examination import Examination
from ntag424.replay._ledger import (
    Accepted,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    Repeated,
    Replayed,
    TagRecord,
    TagState,
    Verdict,
    position,
    require_nonce,
    require_read_counter,
    require_uid,
)
from ntag424.replay._place import PLACE_SIZE, place_of
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.redis import _layout
from ntag424.replay.redis._connection import (
    CheckedConnection,
    Command,
    Reply,
    lost,
    not_serving,
    unavailable,
)
from ntag424.replay.redis._pipeline import Subject
from ntag424.replay.redis._routing import Connect, Router
from ntag424.sdm import CountedTap

#: Buckets whose revisions are read in one step: Redis answers nobody else meanwhile.
_AT_A_TIME = 512
#: One that hangs must not hide what is wrong with another.
_SECONDS_FOR_A_MASTER = 3.0


async def look(router: Router, mark: bytes, witness: Witness) -> None:
    """Look at every master of a serving ledger, which bears *mark*, over a connection of its own.

    Raises:
        LedgerWentBackError: a bucket is behind what *witness* knew before.
        LedgerUnsafeError: a server could accept a tap twice as it is set up.
        LedgerUnavailableError: not all could be looked at.

    """
    looks = (
        _look_at_master(connect, places, mark, witness)
        for connect, places in await router.masters()
    )
    findings = [finding for finding in await asyncio.gather(*looks) if finding is not None]
    for kind in (LedgerWentBackError, LedgerUnsafeError, LedgerUnavailableError):
        for finding in findings:
            if isinstance(finding, kind):
                raise finding


async def _look_at_master(
    connect: Connect, places: Sequence[bytes], mark: bytes, witness: Witness
) -> LedgerUnavailableError | None:
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_MASTER):
            connection = await connect()
            try:
                await _look_along(connection, places, mark, witness)
            finally:
                await connection.aclose()
    except (RedisError, OSError, TimeoutError, LedgerUnavailableError) as error:
        return unavailable(error)
    return None


async def _look_along(
    connection: CheckedConnection, places: Sequence[bytes], mark: bytes, witness: Witness
) -> None:
    witness.observe_time(connection.clock_ms)
    is_behind, ahead = False, dict[int, int]()
    for piece in pieces(places, _AT_A_TIME):
        parts = list(map(_layout.part_of, piece))
        # Before the question: what is accepted meanwhile need not be in the answer.
        known = list(map(witness.revision, parts))
        command = _layout.REVISIONS.call((), mark, *numbers(piece))
        revisions = _revisions(await _ask(connection, command, writes=False), mark)
        for part, least, revision in zip(parts, known, revisions, strict=True):
            is_behind = is_behind or revision < least
            if revision > least:
                ahead[part] = revision
    # What was read counts once the replicas have it: else the witness would know of taps that
    # a failover may lose, and a former master could be taken for one that went back.
    await _ask(connection, _layout.CONFIRM.call((), b"", *numbers(places[:1])), writes=True)
    if is_behind:
        raise LedgerWentBackError
    witness.observe(ahead)


def _revisions(reply: Reply, mark: bytes) -> Sequence[int]:
    other, revisions = reply if isinstance(reply, list) else (b"", [])
    if other is None:
        return list(revisions)
    raise _fault(other, mark)


def _fault(other: bytes, mark: bytes) -> LedgerUnavailableError:
    is_ours = other[:-1] == mark[:-1]
    return (not_serving(other[-1:].decode()) if is_ours else None) or lost()


async def _ask(connection: CheckedConnection, command: Command, *, writes: bool) -> Reply:
    (reply,) = await connection.exchange([command], writes=writes)
    if isinstance(reply, ResponseError):
        raise reply
    return reply


def pieces(share: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Cut the places of one master into steps that are not too long."""
    for start in range(0, len(share), size):
        yield share[start : start + size]


def numbers(places: Sequence[bytes]) -> Iterable[bytes]:
    """Return the numbers of buckets, as their keys have them."""
    return (b"%d" % _layout.part_of(place) for place in places)


_STATES = {TagState.ACTIVE: b"0", TagState.SUSPENDED: b"1", TagState.ERASED: b"2"}


class RedisLedger:
    """A `TagLedger` for many machines; any number of processes may share the store.

    Connects when it is first used, and belongs to the event loop of that moment.
    """

    def __init__(
        self,
        router: Router,
        store_id: str,
        clock: Clock | None,
        witness: Witness,
        *,
        examined_every: float,
    ) -> None:
        """Call `RedisStore.open` instead."""
        self._router = router
        self._store_id = store_id
        self._mark = _layout.mark(store_id, Phase.SERVING)
        self._clock = clock
        self._witness = witness
        self._examination = Examination(
            partial(look, router, self._mark, witness), every=examined_every
        )

    async def redeem(
        self,
        tap: CountedTap,
        *,
        nonce: bytes | None = None,
        grant: Grant | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Verdict:
        """See `TagLedger.redeem`."""
        require_nonce(nonce)
        place = place_of(self._store_id, tap.uid)
        keys = [_layout.bucket_key(place), _layout.firsts_key(place)]
        if grant is not None:
            if grant.digest[:PLACE_SIZE] != place:
                raise ValueError("a grant's digest begins with the place of its tag")
            keys.append(_layout.session_key(grant.digest))
        self._examination.require()
        reached = position(tap.generation, tap.counter)
        was_seen = reached <= self._witness.mark(tap.uid)
        reply = await self._change(
            place,
            tap.uid,
            _layout.REDEEM,
            tuple(keys),
            self._now(),
            tap.uid,
            reached,
            policy.value.encode(),
            b"" if nonce is None else hashlib.sha256(nonce).digest(),
            b"" if grant is None else b"%d" % grant.lifetime,
        )
        verdict = _verdict(reply)
        if was_seen and isinstance(verdict, Accepted):
            # This machine saw it used, whatever the revision says: nobody gets the session.
            self._examination.report(LedgerWentBackError())
            raise LedgerWentBackError
        return verdict

    async def enrol(self, uid: Uid | None, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        uid = require_uid(uid)
        require_read_counter(counter)
        wanted = position(generation, counter)
        if await self._change_tag(_layout.ENROL, uid, wanted) == b"stale":
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid | None, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        uid = require_uid(uid)
        if await self._change_tag(_layout.SET_STATE, uid, _STATES[state]) == b"unknown":
            raise UnknownTagError(f"there is no tag {uid}")

    async def find(self, uid: Uid | None) -> TagRecord | None:
        """See `TagLedger.find`."""
        uid = require_uid(uid)
        place = place_of(self._store_id, uid)
        value = await self._read(place, _layout.FIND, (_layout.bucket_key(place),), uid)
        return _layout.decode_record(uid, value) if isinstance(value, bytes) else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        place, keys = _keys_of_session(digest)
        reply = await self._read(place, _layout.GRANT, keys, self._now())
        return _layout.decode_session(reply) if isinstance(reply, bytes) else None

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        place, keys = _keys_of_session(digest)
        return await self._change(place, None, _layout.REVOKE, keys, self._now()) == b"ended"

    async def check(self) -> None:
        """See `TagLedger.check`."""
        self._examination.require()
        for share in await self._router.shares():
            await self._change(share[0], None, _layout.CHECK, (_layout.bucket_key(share[0]),))

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._examination.aclose()
        await self._router.aclose()
        self._witness.close()

    async def _change_tag(self, script: _layout.Script, uid: Uid, wanted: bytes) -> Reply:
        place = place_of(self._store_id, uid)
        keys = (_layout.bucket_key(place), _layout.firsts_key(place))
        return await self._change(place, uid, script, keys, uid, wanted)

    async def _change(
        self,
        place: bytes,
        uid: Uid | None,
        script: _layout.Script,
        keys: tuple[bytes, ...],
        *arguments: bytes,
    ) -> Reply:
        """Run a script that writes; return what it says."""
        self._examination.require()
        subject = Subject(_layout.part_of(place), uid)
        known = b"%d" % self._witness.revision(subject.part)
        command = script.call(keys, self._mark, known, *arguments)
        try:
            reply = await self._router.run(place, command, writes=True, subject=subject)
        except LedgerWentBackError as finding:
            self._examination.report(finding)
            raise
        return reply[0] if isinstance(reply, list) else reply

    async def _read(
        self, place: bytes, script: _layout.Script, keys: tuple[bytes, ...], *arguments: bytes
    ) -> Reply:
        """Run a script that only reads.

        That the ledger went back is not reported: no replica confirmed it, and a former
        master may have answered. The next tap or examination finds out.
        """
        self._examination.require()
        known = b"%d" % self._witness.revision(_layout.part_of(place))
        command = script.call(keys, self._mark, known, *arguments)
        return await self._router.run(place, command, writes=False)

    def _now(self) -> bytes:
        """Return a time that has come already, or the one that stands in for that of Redis."""
        if self._clock is None:
            return b"%d" % self._witness.earliest_now()
        clock = self._clock
        return f"{clock.uptime_ms()} {clock.wall()} {clock.boot_id}".encode()


def _keys_of_session(digest: bytes) -> tuple[bytes, tuple[bytes, bytes]]:
    """Return the place of a session, and the keys of its bucket and its own."""
    place = digest[:PLACE_SIZE]
    return place, (_layout.bucket_key(place), _layout.session_key(digest))


def _verdict(reply: Reply) -> Verdict:
    """Read what the script `redeem` returns: a word, and when the session ends."""
    word, _, expires = reply.partition(b" ") if isinstance(reply, bytes) else (b"", b"", b"")
    expires_at = int(expires) if expires else None
    match word:
        case b"accepted":
            return Accepted(expires_at)
        case b"repeated":
            return Repeated(expires_at)
        case b"replayed":
            return Replayed()
        case b"refused":
            return Refused()
    raise LedgerUnavailableError("Redis answers in an unknown way")
