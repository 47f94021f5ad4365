"""`TagLedger` over Redis."""

from __future__ import annotations

import hashlib

from ntag424.errors import LedgerUnavailableError, StaleGenerationError, UnknownTagError
from ntag424.model import Generation, Uid
from ntag424.replay._clock import Clock
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
    require_nonce,
    require_read_counter,
)
from ntag424.replay._place import PLACE_SIZE, place_of
from ntag424.replay._store import Phase
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._high_water import HighWater
from ntag424.replay.redis._lanes import Lanes
from ntag424.replay.redis._line import Reply
from ntag424.sdm import CountedTap

_STATES = {TagState.ACTIVE: b"0", TagState.SUSPENDED: b"1", TagState.ERASED: b"2"}


class RedisLedger:
    """A `TagLedger` for many machines; any number of processes may share the store.

    Connects when it is first used, and belongs to the event loop of that moment.
    """

    def __init__(self, lanes: Lanes, store_id: str, clock: Clock | None) -> None:
        """Call `RedisStore.open` instead."""
        self._lanes = lanes
        self._store_id = store_id
        self._mark = _layout.mark(store_id, Phase.SERVING)
        self._clock = clock
        self._high_water = HighWater()

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
        position = _layout.position(tap.generation, tap.counter)
        command = _scripts.REDEEM.call(
            tuple(keys),
            self._mark,
            self._now(),
            tap.uid,
            position,
            policy.value.encode(),
            b"" if nonce is None else hashlib.sha256(nonce).digest(),
            b"" if grant is None else b"%d" % grant.lifetime,
            self._high_water.of(tap.uid),
        )
        verdict = _verdict(await self._lanes.run(place, command, writes=True))
        if isinstance(verdict, Accepted | Repeated):
            self._high_water.raise_to(tap.uid, position)
        return verdict

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        require_read_counter(counter)
        position = _layout.position(generation, counter)
        if await self._change(_scripts.ENROL, uid, position) == b"stale":
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        if await self._change(_scripts.SET_STATE, uid, _STATES[state]) == b"unknown":
            raise UnknownTagError(f"there is no tag {uid}")

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        place = place_of(self._store_id, uid)
        command = (b"HMGET", _layout.bucket_key(place), _layout.MARK_FIELD, uid)
        found = await self._lanes.run(place, command, writes=False)
        if not isinstance(found, list) or found[0] != self._mark:
            raise LedgerUnavailableError("a part of the ledger is missing in Redis")
        value = found[1]
        return _layout.decode_record(uid, value) if isinstance(value, bytes) else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        reply = await self._session(_scripts.GRANT, digest, writes=False)
        return _layout.decode_session(reply) if isinstance(reply, bytes) else None

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        return await self._session(_scripts.REVOKE, digest, writes=True) == b"ended"

    async def check(self) -> None:
        """See `TagLedger.check`."""
        for share in await self._lanes.shares():
            command = _scripts.CHECK.call((_layout.bucket_key(share[0]),), self._mark)
            await self._lanes.run(share[0], command, writes=True)

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._lanes.aclose()

    async def _change(self, script: _scripts.Script, uid: Uid, wanted: bytes) -> Reply:
        place = place_of(self._store_id, uid)
        keys = (_layout.bucket_key(place), _layout.firsts_key(place))
        command = script.call(keys, self._mark, uid, wanted)
        return await self._lanes.run(place, command, writes=True)

    async def _session(self, script: _scripts.Script, digest: bytes, *, writes: bool) -> Reply:
        place = digest[:PLACE_SIZE]
        keys = (_layout.bucket_key(place), _layout.session_key(digest))
        command = script.call(keys, self._mark, self._now())
        return await self._lanes.run(place, command, writes=writes)

    def _now(self) -> bytes:
        """Return the time that stands in for that of Redis, if there is one."""
        if self._clock is None:
            return b""
        clock = self._clock
        return f"{clock.uptime_ms()} {clock.wall()} {clock.boot_id}".encode()


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
