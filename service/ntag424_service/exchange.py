"""The use case: a genuine, fresh tap becomes a session. No HTTP here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ntag424 import CountedTap, VerifiedTap
from ntag424.errors import LedgerUnavailableError, MalformedTapError, VerificationError
from ntag424.replay import Accepted, EnrolmentPolicy, Grant, Refused, Repeated, Replayed, TagLedger
from ntag424_service.errors import TapRefusedError
from ntag424_service.observe import TapLog
from ntag424_service.outcomes import Outcome
from ntag424_service.tokens import SessionTokens, digest

#: Verifies one tap; raises `VerificationError`.
Claim: TypeAlias = Callable[[], VerifiedTap]


@dataclass(frozen=True, slots=True)
class Session:
    """What an accepted tap earns."""

    token: str = field(repr=False)
    #: UNIX time in seconds.
    expires_at: int
    subject: str
    tap: CountedTap


class TapExchange:
    """Verify, redeem, hand out; every path ends in one log line."""

    def __init__(self, ledger: TagLedger, tokens: SessionTokens, *, lifetime: int) -> None:
        """Hand out sessions of *lifetime* seconds."""
        self._ledger = ledger
        self._tokens = tokens
        self._lifetime = lifetime
        self._log = TapLog(tokens)

    async def exchange(
        self,
        claim: Claim,
        *,
        nonce: bytes | None = None,
        policy: EnrolmentPolicy = EnrolmentPolicy.REGISTERED,
    ) -> Session:
        """Turn the tap that *claim* verifies into a session.

        The store is not touched before the MAC holds.

        Raises:
            TapRefusedError: there is no session, for the reason its outcome names.

        """
        started = time.perf_counter()
        outcome, tap = Outcome.UNAVAILABLE, None
        try:
            tap = claim().counted()
            outcome, session = await self._redeem(tap, nonce, policy)
        except VerificationError as error:
            malformed = isinstance(error, MalformedTapError)
            outcome = Outcome.MALFORMED if malformed else Outcome.NOT_VERIFIED
            raise TapRefusedError(outcome) from error
        except TapRefusedError as refused:
            outcome = refused.outcome
            raise
        except LedgerUnavailableError as error:
            self._log.failure(error)
            raise TapRefusedError(outcome) from error
        finally:
            self._log.report(outcome, tap, started)
        return session

    async def _redeem(
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
