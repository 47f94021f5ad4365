"""How the ledger names tags: by their UIDs or, where these shall not lie there, by digests."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from typing import Protocol

from ntag424 import CountedTap, Generation, Uid
from ntag424.replay import (
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    TagLedger,
    TagRecord,
    TagState,
    Verdict,
    require_uid,
)

_LABEL = b"ntag424 tag name"


class TagNames(Protocol):
    """Says under which name a ledger keeps a tag; a name has the form of a UID, 7 bytes."""

    def of(self, uid: Uid) -> Uid:
        """Return the name of the tag."""
        ...


class PlainNames:
    """A tag is named by its UID."""

    def of(self, uid: Uid) -> Uid:
        """See `TagNames.of`."""
        return uid


@dataclass(frozen=True, slots=True)
class DigestNames:
    """A tag is named by 7 bytes of a keyed digest of its UID (HMAC-SHA256).

    Who reads the ledger alone learns no UID, and cannot try UIDs either. Among a million tags
    two share a name with a chance of 1 in 144,000; the later one's taps are refused then.
    """

    #: 32 bytes; in the identity file, away from the ledger.
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != 32:
            raise ValueError("the key of tag names has 32 bytes")

    def of(self, uid: Uid) -> Uid:
        """See `TagNames.of`."""
        return Uid(hmac.digest(self.key, _LABEL + uid, "sha256")[:7])


class NamingLedger:
    """A `TagLedger` that keeps tags in another one under their names.

    Callers give and get UIDs, but for `grant`: whose session it is, it tells by name.
    """

    def __init__(self, ledger: TagLedger, names: TagNames) -> None:
        self._ledger = ledger
        self._names = names

    async def redeem(
        self,
        tap: CountedTap,
        *,
        nonce: bytes | None = None,
        grant: Grant | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Verdict:
        """Use the tap up: see `TagLedger.redeem`."""
        named = CountedTap(self._names.of(tap.uid), tap.generation, tap.counter)
        return await self._ledger.redeem(named, nonce=nonce, grant=grant, policy=policy)

    async def enrol(self, uid: Uid | None, generation: Generation, counter: int) -> None:
        """Expect taps of the tag: see `TagLedger.enrol`."""
        await self._ledger.enrol(self._names.of(require_uid(uid)), generation, counter)

    async def set_state(self, uid: Uid | None, state: TagState) -> None:
        """Set the state of the tag: see `TagLedger.set_state`."""
        await self._ledger.set_state(self._names.of(require_uid(uid)), state)

    async def find(self, uid: Uid | None) -> TagRecord | None:
        """Return the record of the tag, with its UID: see `TagLedger.find`."""
        uid = require_uid(uid)
        record = await self._ledger.find(self._names.of(uid))
        return None if record is None else replace(record, uid=uid)

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """Return a live session, with the name of its tag: see `TagLedger.grant`."""
        return await self._ledger.grant(digest)

    async def revoke(self, digest: bytes) -> bool:
        """End a session: see `TagLedger.revoke`."""
        return await self._ledger.revoke(digest)

    async def check(self) -> None:
        """Ask whether a tap could be redeemed: see `TagLedger.check`."""
        await self._ledger.check()

    async def aclose(self) -> None:
        """Release the store: see `TagLedger.aclose`."""
        await self._ledger.aclose()
