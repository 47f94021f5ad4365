"""`TagLedger` over Redis."""

from __future__ import annotations

import hashlib
from functools import partial

from ntag424.errors import (
    LedgerUnavailableError,
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
)
from ntag424.replay._place import PLACE_SIZE, place_of
from ntag424.replay._store import Phase
from ntag424.replay._witness import Witness
from ntag424.replay.redis import _layout, _scripts
from ntag424.replay.redis._lane import Subject
from ntag424.replay.redis._lanes import Lanes
from ntag424.replay.redis._line import Reply
from ntag424.replay.redis._look import look
from ntag424.sdm import CountedTap

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
        examined_every: float,
    ) -> None:
        """Call `RedisStore.open` instead."""
        self._lanes = lanes
        self._store_id = store_id
        self._mark = _layout.mark(store_id, Phase.SERVING)
        self._clock = clock
        self._witness = witness
        self._examination = Examination(
            partial(look, lanes, self._mark, witness), every=examined_every
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
            _scripts.REDEEM,
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

    async def enrol(self, uid: Uid, generation: Generation, counter: int) -> None:
        """See `TagLedger.enrol`."""
        require_read_counter(counter)
        wanted = position(generation, counter)
        if await self._change_tag(_scripts.ENROL, uid, wanted) == b"stale":
            text = f"tag {uid} is enrolled in this generation or a higher one"
            raise StaleGenerationError(text)

    async def set_state(self, uid: Uid, state: TagState) -> None:
        """See `TagLedger.set_state`."""
        if await self._change_tag(_scripts.SET_STATE, uid, _STATES[state]) == b"unknown":
            raise UnknownTagError(f"there is no tag {uid}")

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        place = place_of(self._store_id, uid)
        value = await self._read(place, _scripts.FIND, (_layout.bucket_key(place),), uid)
        return _layout.decode_record(uid, value) if isinstance(value, bytes) else None

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """See `TagLedger.grant`."""
        place, keys = _keys_of_session(digest)
        reply = await self._read(place, _scripts.GRANT, keys, self._now())
        return _layout.decode_session(reply) if isinstance(reply, bytes) else None

    async def revoke(self, digest: bytes) -> bool:
        """See `TagLedger.revoke`."""
        place, keys = _keys_of_session(digest)
        return await self._change(place, None, _scripts.REVOKE, keys, self._now()) == b"ended"

    async def check(self) -> None:
        """See `TagLedger.check`."""
        self._examination.require()
        for share in await self._lanes.shares():
            await self._change(share[0], None, _scripts.CHECK, (_layout.bucket_key(share[0]),))

    async def aclose(self) -> None:
        """See `TagLedger.aclose`."""
        await self._examination.aclose()
        await self._lanes.aclose()
        self._witness.close()

    async def _change_tag(self, script: _scripts.Script, uid: Uid, wanted: bytes) -> Reply:
        place = place_of(self._store_id, uid)
        keys = (_layout.bucket_key(place), _layout.firsts_key(place))
        return await self._change(place, uid, script, keys, uid, wanted)

    async def _change(
        self,
        place: bytes,
        uid: Uid | None,
        script: _scripts.Script,
        keys: tuple[bytes, ...],
        *arguments: bytes,
    ) -> Reply:
        """Run a script that writes; return what it says."""
        self._examination.require()
        subject = Subject(_layout.part_of(place), uid)
        known = b"%d" % self._witness.revision(subject.part)
        command = script.call(keys, self._mark, known, *arguments)
        try:
            reply = await self._lanes.run(place, command, writes=True, subject=subject)
        except LedgerWentBackError as finding:
            self._examination.report(finding)
            raise
        return reply[0] if isinstance(reply, list) else reply

    async def _read(
        self, place: bytes, script: _scripts.Script, keys: tuple[bytes, ...], *arguments: bytes
    ) -> Reply:
        """Run a script that only reads.

        That the ledger went back is not reported: no replica confirmed it, and a former
        master may have answered. The next tap or examination finds out.
        """
        self._examination.require()
        known = b"%d" % self._witness.revision(_layout.part_of(place))
        command = script.call(keys, self._mark, known, *arguments)
        return await self._lanes.run(place, command, writes=False)

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
