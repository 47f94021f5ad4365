"""`TagLedger` over Redis."""

from __future__ import annotations

import hashlib
from contextlib import aclosing

from redis.exceptions import RedisError

from ntag424.errors import (
    LedgerUnavailableError,
    LedgerWentBackError,
    StaleGenerationError,
    UnknownTagError,
)
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
from ntag424.replay._examination import EVERY_SECONDS, Examination
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
)
from ntag424.replay._place import PLACE_SIZE, place_of
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._archive import pieces, revisions_of
from ntag424.replay.redis._faults import unavailable
from ntag424.replay.redis._lanes import Lanes
from ntag424.replay.redis._line import Reply
from ntag424.replay.redis._observation import Change
from ntag424.sdm import CountedTap

#: Buckets whose revision is read in one step, so that no tap waits for long.
_EXAMINED_AT_A_TIME = 512
_STATES = {TagState.ACTIVE: b"0", TagState.SUSPENDED: b"1", TagState.ERASED: b"2"}


class RedisLedger:
    """A `TagLedger` for many machines; any number of processes may share the store.

    Connects when it is first used, and belongs to the event loop of that moment.
    """

    def __init__(
        self,
        lanes: Lanes,
        store_id: str,
        clock: Clock | None,
        witness: Witness,
        *,
        examined_every: float = EVERY_SECONDS,
    ) -> None:
        """Call `RedisStore.open` instead. *lanes* tell the *witness* what was confirmed."""
        self._lanes = lanes
        self._store_id = store_id
        self._mark = _layout.mark(store_id, Phase.SERVING)
        self._clock = clock
        self._witness = witness
        self._examination = Examination(self._look, every=examined_every)

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
        reached = position(tap.generation, tap.counter)
        reply = await self._call(
            _scripts.REDEEM,
            place,
            tuple(keys),
            self._now(),
            tap.uid,
            reached,
            policy.value.encode(),
            b"" if nonce is None else hashlib.sha256(nonce).digest(),
            b"" if grant is None else b"%d" % grant.lifetime,
            used=(tap.uid, reached),
        )
        return _verdict(reply)

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        require_read_counter(counter)
        reached = position(generation, counter)
        if await self._change(_scripts.ENROL, uid, reached, used=(uid, reached)) == b"stale":
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        if await self._change(_scripts.SET_STATE, uid, _STATES[state]) == b"unknown":
            raise UnknownTagError(f"there is no tag {uid}")

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        self._examination.require()
        place = place_of(self._store_id, uid)
        known = self._witness.revision(_part(place))
        fields = (_layout.MARK_FIELD, _layout.REVISION_FIELD, uid)
        command = (b"HMGET", _layout.bucket_key(place), *fields)
        found = await self._lanes.run(place, command, writes=False)
        if not isinstance(found, list) or found[0] != self._mark:
            raise LedgerUnavailableError("a part of the ledger is missing in Redis")
        if int(found[1] or 0) < known:
            raise self._went_back()
        return _layout.decode_record(uid, found[2]) if found[2] is not None else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        reply = await self._session(_scripts.GRANT, digest)
        return _layout.decode_session(reply) if isinstance(reply, bytes) else None

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        reply = await self._session(_scripts.REVOKE, digest)
        return isinstance(reply, bytes) and reply.startswith(b"ended")

    async def check(self) -> None:
        """See `TagLedger.check`."""
        for share in await self._lanes.shares():
            await self._call(_scripts.CHECK, share[0], (_layout.bucket_key(share[0]),))

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._examination.aclose()
        await self._lanes.aclose()
        self._witness.close()

    async def _change(
        self,
        script: _scripts.Script,
        uid: Uid,
        wanted: bytes,
        used: tuple[Uid, bytes] | None = None,
    ) -> Reply:
        place = place_of(self._store_id, uid)
        keys = (_layout.bucket_key(place), _layout.firsts_key(place))
        return await self._call(script, place, keys, uid, wanted, used=used)

    async def _session(self, script: _scripts.Script, digest: bytes) -> Reply:
        place = digest[:PLACE_SIZE]
        keys = (_layout.bucket_key(place), _layout.session_key(digest))
        return await self._call(script, place, keys, self._now())

    async def _call(
        self,
        script: _scripts.Script,
        place: bytes,
        keys: tuple[bytes, ...],
        *arguments: bytes,
        used: tuple[Uid, bytes] | None = None,
    ) -> Reply:
        """Run *script* on the bucket at *place*, unless that is behind what we know of it."""
        self._examination.require()
        part = _part(place)
        known = b"%d" % self._witness.revision(part)
        command = script.call(keys, self._mark, known, *arguments)
        writes = script is not _scripts.GRANT
        try:
            return await self._lanes.run(
                place, command, writes=writes, change=Change(part, used) if writes else None
            )
        except LedgerWentBackError:
            raise self._went_back() from None

    def _went_back(self) -> LedgerWentBackError:
        """Refuse everything from now on: what else is missing nobody knows."""
        finding = LedgerWentBackError()
        self._examination.report(finding)
        return finding

    async def _look(self) -> None:
        """Look at every master over a new connection: settings, clock, every bucket."""
        try:
            async for line, places in self._lanes.visit():
                async with aclosing(line):
                    self._witness.observe_time(line.server_ms)
                    for piece in pieces(places, _EXAMINED_AT_A_TIME):
                        self._witness.follow(await revisions_of(line, self._mark, piece))
        except (RedisError, OSError) as error:
            raise unavailable(error) from error

    def _now(self) -> bytes:
        """Return the time that stands in for that of Redis, or one that it has passed."""
        if self._clock is None:
            return b"%d" % self._witness.earliest_now()
        clock = self._clock
        return f"{clock.uptime_ms()} {clock.wall()} {clock.boot_id}".encode()


def _part(place: bytes) -> int:
    return int.from_bytes(place, "big")


def _verdict(reply: Reply) -> Verdict:
    """Read what the script `redeem` returns: a word, the revision, when the session ends."""
    word, *numbers = reply.split(b" ") if isinstance(reply, bytes) else (b"",)
    expires_at = int(numbers[1]) if len(numbers) > 1 else None
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
