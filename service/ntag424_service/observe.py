"""One structured line per tap or enrolment; never a URL, a key, a token or a UID."""

from __future__ import annotations

import logging
import sys
import time

import structlog

from ntag424 import CountedTap
from ntag424.replay import Enrolment
from ntag424_service.outcomes import EnrolmentOutcome, Outcome
from ntag424_service.tokens import SessionTokens


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
        """Write the event; *started* is what `time.perf_counter` said at the beginning."""
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

    def refusal(self) -> None:
        """Write that somebody asked without the credential."""
        self._logger.warning("enrolment", outcome=EnrolmentOutcome.CREDENTIAL_REFUSED.value)

    def failure(self, reason: Exception) -> None:
        """Write why the store could not answer: for the operator, never for the client."""
        self._logger.error("store unavailable", reason=str(reason))
