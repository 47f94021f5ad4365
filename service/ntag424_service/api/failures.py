"""From exceptions to answers: the one place where they meet HTTP."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ntag424.errors import LedgerUnavailableError
from ntag424_service.api.problems import (
    CREDENTIAL_REFUSED,
    MALFORMED_ENROLMENT,
    NOT_SERVED,
    RETRY_AFTER,
    TAP_PROBLEMS,
    TOO_LARGE,
    Member,
    plain_problem,
)
from ntag424_service.errors import (
    CredentialRefusedError,
    NotServedError,
    RateLimitedError,
    TapRefusedError,
)
from ntag424_service.guards.failure_limits import FailureLimits
from ntag424_service.guards.sources import source_of
from ntag424_service.operations.log import Failure
from ntag424_service.outcomes import Outcome
from ntag424_service.sentry import routes as sentry
from ntag424_service.tags import routes as tags
from ntag424_service.taps import routes as taps

#: Where malformed requests count; elsewhere nothing can be guessed.
_COUNTED = {taps.PATH: Failure.TAP, sentry.PATH: Failure.TAP, tags.PATH: Failure.CREDENTIAL}
_NOT_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


def add_failure_handlers(app: FastAPI, limits: FailureLimits) -> None:
    """Answer every failure with a problem, or with SENTRY's body on its own route."""
    _add_enrolment_handlers(app)

    @app.exception_handler(RateLimitedError)
    async def slow_down(request: Request, error: RateLimitedError) -> Response:
        """Answer a failure over a limit, whatever it was."""
        return _rate_limited(request, error)

    @app.exception_handler(TapRefusedError)
    async def refuse(_: Request, error: TapRefusedError) -> Response:
        """Answer a tap that gets no session."""
        return TAP_PROBLEMS[error.outcome].response()

    @app.exception_handler(LedgerUnavailableError)
    async def unavailable(_: Request, __: LedgerUnavailableError) -> Response:
        """Answer for a store that did not."""
        return TAP_PROBLEMS[Outcome.UNAVAILABLE].response()

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, _: RequestValidationError) -> Response:
        """Answer a body that is not of the form."""
        return await _counted(limits, request, _malformed(request))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        """Answer wrong paths, wrong methods, and bodies that cannot be read."""
        if error.status_code == HTTPStatus.BAD_REQUEST:  # a body that is not JSON at all
            return await _counted(limits, request, _malformed(request))
        if error.status_code == TOO_LARGE.status:
            return await _counted(limits, request, TOO_LARGE.response())
        if error.status_code in _NOT_THERE and sentry.is_within(request.url.path):
            return sentry.not_found()
        problem = plain_problem(error.status_code, HTTPStatus(error.status_code).phrase)
        return problem.response(error.headers or {})


def _add_enrolment_handlers(app: FastAPI) -> None:
    @app.exception_handler(CredentialRefusedError)
    async def unauthorized(_: Request, error: CredentialRefusedError) -> Response:
        """Answer whoever may not enrol tags."""
        return CREDENTIAL_REFUSED.response({"WWW-Authenticate": error.challenge})

    @app.exception_handler(NotServedError)
    async def not_served(_: Request, error: NotServedError) -> Response:
        """Answer whoever enrols a tag that could not log in."""
        members: dict[str, Member] = {
            "template": error.template,
            "key_versions": list(error.key_versions),
        }
        return NOT_SERVED.response(members=members)


def _malformed(request: Request) -> Response:
    if request.url.path == sentry.PATH:
        return sentry.refusal(Outcome.MALFORMED)
    if request.url.path.startswith(tags.PATH):
        return MALFORMED_ENROLMENT.response()
    return TAP_PROBLEMS[Outcome.MALFORMED].response()


async def _counted(limits: FailureLimits, request: Request, answer: Response) -> Response:
    """Count a malformed request; below the limit it gets *answer*."""
    failure = _COUNTED.get(request.url.path)
    if failure is not None:
        try:
            await limits.fail(source_of(request.scope), failure)
        except RateLimitedError as limited:
            return _rate_limited(request, limited)
    return answer


def _rate_limited(request: Request, error: RateLimitedError) -> Response:
    headers = RETRY_AFTER | ({"Connection": "close"} if error.hang_up else {})
    if request.url.path == sentry.PATH:
        return sentry.refusal(Outcome.RATE_LIMITED, headers)
    return TAP_PROBLEMS[Outcome.RATE_LIMITED].response(headers)
