"""How the ledger names tags: by their UIDs or, where those shall not lie there, by digests."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Protocol

from ntag424 import CountedTap, Uid
from ntag424.replay import Enrolment

_LABEL = b"ntag424 tag name"


class TagNames(Protocol):
    """Says under which name a ledger keeps a tag; a name has the form of a UID, 7 bytes."""

    def of(self, uid: Uid) -> Uid:
        """Return the name of a tag; the same for one UID, different ones for two."""
        ...


class PlainNames:
    """A tag's name is its UID."""

    def of(self, uid: Uid) -> Uid:
        """See `TagNames.of`."""
        return uid


@dataclass(frozen=True, slots=True)
class DigestNames:
    """A tag's name is 7 bytes of a keyed digest of its UID (HMAC-SHA256).

    Who reads the ledger alone learns no UID, and cannot try UIDs either. Two of a million
    tags share a name with a chance of 1 in 140,000; then one of them is refused.
    """

    #: 32 bytes; kept in the identity file, away from the ledger.
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != 32:
            raise ValueError("the key of tag names has 32 bytes")

    def of(self, uid: Uid) -> Uid:
        """See `TagNames.of`."""
        return Uid(hmac.digest(self.key, _LABEL + uid, "sha256")[:7])


def name_tap(names: TagNames, tap: CountedTap) -> CountedTap:
    """Return *tap* as the ledger knows it."""
    return CountedTap(names.of(tap.uid), tap.generation, tap.counter)


def name_enrolment(names: TagNames, enrolment: Enrolment) -> Enrolment:
    """Return *enrolment* as the ledger knows it."""
    return replaced(enrolment, uid=names.of(enrolment.uid))
