"""From exceptions to answers: the one place where they meet HTTP."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ntag424.errors import LedgerUnavailableError
from ntag424_service.errors import CredentialRefusedError, TapRefusedError
from ntag424_service.outcomes import Outcome
from ntag424_service.problems import (
    CREDENTIAL_REFUSED,
    MALFORMED_ENROLMENT,
    TAP_PROBLEMS,
    TOO_LARGE,
    plain_problem,
)
from ntag424_service.routes import sentry, tags


def add_failure_handlers(app: FastAPI) -> None:
    """Answer every failure with a problem, or with SENTRY's body on its own route."""

    @app.exception_handler(TapRefusedError)
    async def refuse(_: Request, error: TapRefusedError) -> Response:
        """Answer a tap that gets no session."""
        return TAP_PROBLEMS[error.outcome].response()

    @app.exception_handler(CredentialRefusedError)
    async def unauthorized(_: Request, error: CredentialRefusedError) -> Response:
        """Answer whoever may not enrol tags."""
        return CREDENTIAL_REFUSED.response({"WWW-Authenticate": error.challenge})

    @app.exception_handler(LedgerUnavailableError)
    async def unavailable(_: Request, __: LedgerUnavailableError) -> Response:
        """Answer for a store that did not."""
        return TAP_PROBLEMS[Outcome.UNAVAILABLE].response()

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, _: RequestValidationError) -> Response:
        """Answer a body that is not of the form."""
        return _malformed(request)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        """Answer wrong paths, wrong methods, and bodies that cannot be read."""
        if error.status_code == HTTPStatus.BAD_REQUEST:  # a body that is not JSON at all
            return _malformed(request)
        if error.status_code == TOO_LARGE.status:
            return TOO_LARGE.response()
        problem = plain_problem(error.status_code, HTTPStatus(error.status_code).phrase)
        return problem.response(error.headers or {})


def _malformed(request: Request) -> Response:
    if request.url.path == sentry.PATH:
        return sentry.refusal(Outcome.MALFORMED)
    if request.url.path.startswith(tags.PATH):
        return MALFORMED_ENROLMENT.response()
    return TAP_PROBLEMS[Outcome.MALFORMED].response()
