"""What a ledger promises, and the values it speaks in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Protocol, TypeAlias

from ntag424.arguments import require_number, require_octets, require_type
from ntag424.model import MAX_READ_COUNTER, Generation, Uid
from ntag424.sdm import CountedTap

#: How long the same tap with the same nonce counts as the same request, in seconds.
REPEAT_WINDOW = 30
#: How long a call waits for a store, in seconds: whoever taps is answered within one.
DEADLINE_SECONDS = 0.9


@unique
class EnrolmentPolicy(Enum):
    """What to make of a genuine tap of a tag that nobody enrolled."""

    #: Refuse it; so too a generation that was not enrolled.
    REGISTERED = "registered"
    #: Let the tap create the record, or raise its generation.
    OPEN = "open"


@unique
class TagState(Enum):
    """Whether taps of a tag may be redeemed."""

    ACTIVE = "active"
    #: Refused until it is set active again.
    SUSPENDED = "suspended"
    #: Refused; only generation and counter are kept, so that nothing old becomes new.
    #: Only a new enrolment of a higher generation brings the tag back.
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Grant:
    """A session to be stored in the same step as the tap that earns it."""

    #: Names the session, 32 bytes; the token itself is never stored. Its first two bytes
    #: are the place of the tag (`place_of`), by which a ledger of many parts finds it
    #: again; the rest is the SHA-256 of the token, cut.
    digest: bytes = field(repr=False)
    #: Seconds from the moment the ledger accepts the tap.
    lifetime: int

    def __post_init__(self) -> None:
        require_octets("digest", self.digest)
        require_number("lifetime", self.lifetime)
        if len(self.digest) != 32:
            raise ValueError(f"a grant's digest has 32 bytes, not {len(self.digest)}")
        if self.lifetime < 1:
            raise ValueError("a grant lives for at least one second")


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """A stored session that has not ended and whose tag is active."""

    uid: Uid
    generation: Generation
    counter: int
    #: UNIX time in seconds as the store's clock showed it: for people.
    expires_at: int
    #: Seconds left, by the store's own clock.
    remaining: float


@dataclass(frozen=True, slots=True)
class TagRecord:
    """What the ledger knows of one tag."""

    uid: Uid
    generation: Generation
    #: Highest counter accepted in this generation; 0 if none yet.
    counter: int
    state: TagState
    #: False if only taps under `EnrolmentPolicy.OPEN` made or raised the record.
    enrolled: bool
    #: True if the ledger was recovered, and the tag may have been tapped further than
    #: *counter* says: its next tap only sets the counter, and is answered like a used one.
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The tap was fresh. It is used up now, and the grant, if any, is stored."""

    #: UNIX time in seconds at which the grant ends; None without a grant.
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same request again, as phones and networks send it: give the same answer."""

    #: As it was at the first time.
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The tap was used before, or may have been: the tag's record was behind."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Unknown, suspended or erased tag, or not its present generation."""


Verdict: TypeAlias = Accepted | Repeated | Replayed | Refused


def position(generation: Generation, counter: int) -> bytes:
    """Return what rises with every tap of a tag: generation (2 bytes), counter (3)."""
    return bytes(generation) + counter.to_bytes(3, "big")


def require_uid(uid: Uid | None) -> Uid:
    """Return *uid*, as `VerifiedTap.uid` has it; a tag that shows none has no record.

    Raises:
        ValueError: it is None.
        TypeError: it is something else, as bytes or hex digits are.

    """
    if uid is None:
        raise ValueError("this tap shows no UID, so its tag has no record: use a template with it")
    require_type("uid", uid, Uid, instead="Uid(...) or Uid.from_hex(...)")
    return uid


def require_nonce(nonce: bytes | None) -> None:
    """Raise `ValueError` for a *nonce* that no client should draw."""
    if nonce is None:
        return
    require_octets("nonce", nonce, instead="secrets.token_bytes(16)")
    if len(nonce) != 16:
        raise ValueError(f"a nonce has 16 bytes, not {len(nonce)}")


def require_read_counter(counter: int) -> None:
    """Raise `ValueError` for a *counter* that no chip reaches."""
    require_number("counter", counter)
    if not 0 <= counter <= MAX_READ_COUNTER:
        raise ValueError("a read counter is 0 to FFFFFFh")


class TagLedger(Protocol):
    """Remembers, per tag, the present generation and the highest counter accepted in it.

    Every method is one atomic step, and what it reports survives a crash of the
    process and of the machine. Any of them may raise `LedgerUnavailableError`; then
    nothing was granted, though a counter may be used up.
    """

    async def redeem(
        self,
        tap: CountedTap,
        *,
        nonce: bytes | None = None,
        grant: Grant | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Verdict:
        """Use *tap* up, if it is fresh, and store *grant* in the same step.

        Of any number of concurrent calls with one counter, one is accepted. With a
        *nonce* (16 bytes, drawn by the client for this request), a second call with
        the same tap and nonce is `Repeated` for 30 seconds, as long as its grant
        still lives.
        """
        ...

    async def enrol(self, uid: Uid | None, generation: Generation, counter: int) -> None:
        """Expect taps of *generation* above *counter* (0 to FFFFFFh) from now on.

        A suspended tag stays suspended.

        Raises:
            StaleGenerationError: the tag is enrolled in this generation or a higher one.
            ValueError: the UID is None, which is that of a tap that shows none; here, and
                wherever a ledger takes a UID.

        """
        ...

    async def set_state(self, uid: Uid | None, state: TagState) -> None:
        """Set the state of a tag; sessions of a tag that is not active end now.

        Raises:
            UnknownTagError: there is no such tag, or it was erased.

        """
        ...

    async def find(self, uid: Uid | None) -> TagRecord | None:
        """Return the record of a tag: to be shown, never to decide by."""
        ...

    async def grant(self, digest: bytes) -> LiveGrant | None:
        """Return the session whose token has this *digest*, if it still lives."""
        ...

    async def revoke(self, digest: bytes) -> bool:
        """End a session; true if it was live."""
        ...

    async def check(self) -> None:
        """Return if a tap could be redeemed now; raise `LedgerUnavailableError` if not."""
        ...

    async def aclose(self) -> None:
        """Finish what was begun and release the store; calling it twice is fine."""
        ...
