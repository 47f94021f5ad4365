"""The use case: somebody who writes tags makes the ledger expect them. No HTTP here."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from ntag424 import Uid
from ntag424.errors import LedgerUnavailableError
from ntag424.replay import (
    Enrolled,
    Enrolment,
    EnrolmentVerdict,
    Standing,
    TagLedger,
    TagRecord,
    enrol_once,
    retire,
)
from ntag424_service.errors import CredentialRefusedError, NotServedError
from ntag424_service.guards.failure_limits import FailureLimits
from ntag424_service.operations.log import EnrolmentLog, Failure
from ntag424_service.outcomes import EnrolmentOutcome
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.tags.served import Served


@dataclass(frozen=True, slots=True)
class EnrolmentCredential:
    """Knows the credential again without knowing it: the service stores its digest alone."""

    #: SHA-256 of the credential, 32 bytes.
    digest: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise ValueError("a SHA-256 digest has 32 bytes")

    def is_that_of(self, presented: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.digest, hashlib.sha256(presented.encode()).digest())


class EnrolmentService:
    """Enrols and looks up, for holders of the credential; every enrolment is logged."""

    def __init__(
        self,
        ledger: TagLedger,
        tokens: SessionTokens,
        limits: FailureLimits,
        credential: EnrolmentCredential,
        served: Served,
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._credential = credential
        self._served = served
        self._log = EnrolmentLog(tokens)

    async def admit(self, source: bytes, presented: str | None) -> None:
        """Let in whoever presents the credential; it is a failure of *source* not to.

        Raises:
            CredentialRefusedError: it is missing, or another one.
            RateLimitedError: the same, and *source* has had too many failures.

        """
        if presented is not None and self._credential.is_that_of(presented):
            return
        await self._limits.fail(source, Failure.CREDENTIAL)
        self._log.refusal()
        challenge = "Bearer" if presented is None else 'Bearer error="invalid_token"'
        raise CredentialRefusedError(challenge)

    async def enrol(self, enrolment: Enrolment) -> EnrolmentVerdict:
        """Enrol the tag if its taps can be accepted here: see `enrol_once`.

        Raises:
            NotServedError: they cannot.
            LedgerUnavailableError: the ledger could not answer.

        """
        outcome = EnrolmentOutcome.UNAVAILABLE
        try:
            self._served.require(enrolment)
            verdict = await enrol_once(self._ledger, enrolment)
            outcome = _outcome(verdict)
        except NotServedError:
            outcome = EnrolmentOutcome.NOT_SERVED
            raise
        except LedgerUnavailableError as error:
            self._log.failure(error)
            raise
        finally:
            self._log.report(outcome, enrolment)
        return verdict

    async def retire(self, uid: Uid) -> TagRecord | None:
        """Let no tap that the tag made so far count, and end its sessions; None if unknown.

        The same call again changes nothing: see `ntag424.replay.retire`.
        """
        record = await retire(self._ledger, uid)
        known = EnrolmentOutcome.RETIRED if record else EnrolmentOutcome.UNKNOWN_TAG
        self._log.retirement(known, uid)
        return record

    async def find(self, uid: Uid) -> TagRecord | None:
        """See `TagLedger.find`."""
        return await self._ledger.find(uid)


def _outcome(verdict: EnrolmentVerdict) -> EnrolmentOutcome:
    match verdict:
        case Enrolled():
            return EnrolmentOutcome.ENROLLED
        case Standing():
            return EnrolmentOutcome.STANDING
    return EnrolmentOutcome.STALE
