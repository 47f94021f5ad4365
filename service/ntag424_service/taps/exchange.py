"""The use case: a genuine, fresh tap becomes a session. No HTTP here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ntag424 import CountedTap, VerifiedTap
from ntag424.errors import LedgerUnavailableError, MalformedTapError, VerificationError
from ntag424.replay import Accepted, EnrolmentPolicy, Grant, Refused, Repeated, Replayed, TagLedger
from ntag424_service.errors import RateLimitedError, TapRefusedError
from ntag424_service.guards.failure_limits import Attempt, FailureLimits
from ntag424_service.operations.log import Failure, TapLog
from ntag424_service.outcomes import Outcome
from ntag424_service.sessions.tokens import SessionTokens, digest

#: Verifies one tap; raises `VerificationError`.
Claim: TypeAlias = Callable[[], VerifiedTap]
#: Says which tag a request names in the clear, 7 bytes; asked only if it did not verify.
NamedUid: TypeAlias = Callable[[], bytes | None]


@dataclass(frozen=True, slots=True)
class Session:
    """What an accepted tap earns."""

    token: str = field(repr=False)
    #: UNIX time in seconds.
    expires_at: int
    subject: str
    tap: CountedTap


class TapExchange:
    """Verify, redeem, hand out; every path ends in one log line, below the limits."""

    def __init__(
        self, ledger: TagLedger, tokens: SessionTokens, limits: FailureLimits, *, lifetime: int
    ) -> None:
        """Hand out sessions of *lifetime* seconds."""
        self._ledger = ledger
        self._tokens = tokens
        self._limits = limits
        self._lifetime = lifetime
        self._log = TapLog(tokens)

    async def exchange(
        self,
        claim: Claim,
        *,
        source: bytes,
        named_uid: NamedUid,
        nonce: bytes | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Session:
        """Turn the tap that *claim* verifies into a session.

        The store is not touched before the MAC holds. The limits decide about nothing but
        how a refusal is answered.

        Raises:
            TapRefusedError: there is no session, for the reason its outcome names.
            RateLimitedError: there is none, and *source* has had too many failures.

        """
        async with self._limits.attempt(source) as attempt:
            started = time.perf_counter()
            outcome, tap = Outcome.UNAVAILABLE, None
            try:
                tap = _verified(claim)
                outcome, session = await self._redeem(tap, nonce, policy)
            except TapRefusedError as refused:
                outcome = Outcome.RATE_LIMITED  # unless the next line returns
                await _count(attempt, refused, named_uid)
                outcome = refused.outcome
                raise
            finally:
                self._log.report(outcome, tap, started)
            return session

    async def _redeem(
        self, tap: CountedTap, nonce: bytes | None, policy: EnrolmentPolicy
    ) -> tuple[Outcome, Session]:
        try:
            return await self._ask(tap, nonce, policy)
        except LedgerUnavailableError as error:
            self._log.failure(error)
            raise TapRefusedError(Outcome.UNAVAILABLE) from error

    async def _ask(
        self, tap: CountedTap, nonce: bytes | None, policy: EnrolmentPolicy
    ) -> tuple[Outcome, Session]:
        token = self._tokens.token(tap, nonce)
        grant = Grant(digest(token), self._lifetime)
        verdict = await self._ledger.redeem(tap, nonce=nonce, grant=grant, policy=policy)
        match verdict:
            case Accepted(expires_at=int(expires_at)):
                outcome = Outcome.ACCEPTED
            case Repeated(expires_at=int(expires_at)):
                outcome = Outcome.REPEATED
            case Replayed():
                raise TapRefusedError(Outcome.REPLAYED)
            case Refused():
                raise TapRefusedError(Outcome.NOT_VERIFIED)
            case _:
                # A grant without an end is none: a ledger that says so is broken.
                raise TapRefusedError(Outcome.UNAVAILABLE)
        return outcome, Session(token, expires_at, self._tokens.subject(tap.uid), tap)


def _verified(claim: Claim) -> CountedTap:
    try:
        return claim().counted()
    except VerificationError as error:
        malformed = isinstance(error, MalformedTapError)
        raise TapRefusedError(Outcome.MALFORMED if malformed else Outcome.NOT_VERIFIED) from error


async def _count(attempt: Attempt, refused: TapRefusedError, named_uid: NamedUid) -> None:
    """Let the limits know of a refusal, if it is for what was sent.

    Of the tags only what the request itself names is counted: whether the MAC held must
    not make a difference. A replay has a valid MAC and is no guess, so it counts for no
    tag; it does for its source, because each one costs a question to the store. Its answer
    is late then, but stays what it is: only a new tap helps, and waiting does not.
    """
    match refused.outcome:
        case Outcome.NOT_VERIFIED:
            await attempt.fail(Failure.TAP, named_uid())
        case Outcome.MALFORMED:
            await attempt.fail(Failure.TAP)
        case Outcome.REPLAYED:
            try:
                await attempt.fail(Failure.TAP)
            except RateLimitedError as limited:
                if limited.hang_up:
                    raise
                raise refused from refused.__cause__
