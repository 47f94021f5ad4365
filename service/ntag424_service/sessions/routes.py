"""`GET /v1/session`: what a session token stands for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ntag424.replay import LiveGrant, TagLedger
from ntag424_service.api.problems import UNAUTHORIZED, describe, documented
from ntag424_service.api.schemas import SessionAnswer
from ntag424_service.guards.failure_limits import FailureLimits
from ntag424_service.guards.sources import source_of
from ntag424_service.operations.log import Failure
from ntag424_service.outcomes import Outcome
from ntag424_service.sessions.tokens import SessionTokens, digest

_BEARER = HTTPBearer(auto_error=False, description="A session token from an accepted tap.")
_CHALLENGE = {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}}
_UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: describe(UNAUTHORIZED) | _CHALLENGE}
_ANSWERS = _UNAUTHORIZED | documented(Outcome.RATE_LIMITED, Outcome.UNAVAILABLE)


def sessions_router(ledger: TagLedger, tokens: SessionTokens, limits: FailureLimits) -> APIRouter:
    """Answer for the sessions that *ledger* stores."""
    router = APIRouter(tags=["sessions"])

    async def find(token: str) -> LiveGrant | None:
        """Look a session up; what has not even the form of a token, no ledger knows."""
        try:
            name = digest(token)
        except ValueError:
            return None
        return await ledger.grant(name)

    @router.get(
        "/v1/session",
        responses=_ANSWERS,
        response_model=SessionAnswer,
        summary="Look up the session of a bearer token",
    )
    async def get_session(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> SessionAnswer | Response:
        """Say which tag a live session belongs to, and how long it lasts.

        A live session is always answered for; too many failures from one address are
        answered with 429.
        """
        if bearer is None:
            await limits.fail(source_of(request.scope), Failure.TOKEN)
            return UNAUTHORIZED.response({"WWW-Authenticate": "Bearer"})
        grant = await find(bearer.credentials)
        if grant is None:
            await limits.fail(source_of(request.scope), Failure.TOKEN)
            challenge = 'Bearer error="invalid_token"'
            return UNAUTHORIZED.response({"WWW-Authenticate": challenge})
        return SessionAnswer.of(grant, tokens.subject_of(grant.uid))

    return router
