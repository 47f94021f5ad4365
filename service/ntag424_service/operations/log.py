"""One structured line per tap or enrolment, and one a minute for what is over a limit.

Never a URL, a key, a token or a UID.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from enum import StrEnum, unique

import structlog

from ntag424 import CountedTap, Uid
from ntag424.replay import Enrolment
from ntag424_service.outcomes import EnrolmentOutcome, Outcome
from ntag424_service.sessions.tokens import SessionTokens

_MINUTE = 60


def configure_logging(least: int = logging.INFO) -> None:
    """Write JSON lines to stderr, from level *least* on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class TapLog:
    """Reports what became of each tap."""

    def __init__(self, tokens: SessionTokens) -> None:
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._subject = tokens.subject

    def report(self, outcome: Outcome, tap: CountedTap | None, started: float) -> None:
        """Write the event; *started* is what `time.perf_counter` said at the beginning.

        Of taps over a limit `RefusalLog` writes how many there were.
        """
        if outcome is Outcome.RATE_LIMITED:
            return
        facts: dict[str, str | int] = {}
        if tap is not None:
            facts = {
                "tag": self._subject(tap.uid),
                "counter": tap.counter,
                "key_version": tap.generation.key_version,
                "epoch": tap.generation.epoch,
            }
        duration = round(1000 * (time.perf_counter() - started), 2)
        self._logger.info("tap", outcome=outcome.value, duration_ms=duration, **facts)

    def failure(self, reason: Exception) -> None:
        """Write why the store could not answer: for the operator, never for the client."""
        self._logger.error("store unavailable", reason=str(reason))


class EnrolmentLog:
    """Reports who was enrolled, and who tried to."""

    def __init__(self, tokens: SessionTokens) -> None:
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._subject = tokens.subject

    def report(self, outcome: EnrolmentOutcome, enrolment: Enrolment) -> None:
        """Write the event."""
        self._logger.info(
            "enrolment",
            outcome=outcome.value,
            tag=self._subject(enrolment.uid),
            counter=enrolment.counter,
            key_version=enrolment.generation.key_version,
            epoch=enrolment.generation.epoch,
        )

    def retirement(self, outcome: EnrolmentOutcome, uid: Uid) -> None:
        """Write that a tag was given up."""
        self._logger.info("enrolment", outcome=outcome.value, tag=self._subject(uid))

    def refusal(self) -> None:
        """Write that somebody asked without the credential."""
        self._logger.warning("enrolment", outcome=EnrolmentOutcome.CREDENTIAL_REFUSED.value)

    def failure(self, reason: Exception) -> None:
        """Write why the store could not answer: for the operator, never for the client."""
        self._logger.error("store unavailable", reason=str(reason))


@unique
class Failure(StrEnum):
    """What was tried in vain, in the words of its log line."""

    TAP = "taps refused"
    TOKEN = "tokens refused"  # noqa: S105 -- words of a log line
    CREDENTIAL = "credentials refused"


class RefusalLog:
    """Counts refusals over a limit and reports them once a minute: a flood writes no log full."""

    def __init__(self) -> None:
        self._logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._counts: Counter[Failure] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count(self, failure: Failure) -> None:
        """Count one refusal; the first one of a minute starts it."""
        self._counts[failure] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_MINUTE, self.flush)

    def flush(self) -> None:
        """Report what was counted, if anything was."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for failure, count in self._counts.items():
            self._logger.warning(failure.value, outcome=Outcome.RATE_LIMITED.value, count=count)
        self._counts.clear()
