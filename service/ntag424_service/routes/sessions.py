"""`GET /v1/session`: what a session token stands for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ntag424.replay import LiveGrant, TagLedger
from ntag424_service.outcomes import Outcome
from ntag424_service.problems import UNAUTHORIZED, describe, documented
from ntag424_service.schemas import SessionAnswer
from ntag424_service.tokens import SessionTokens, digest

_BEARER = HTTPBearer(auto_error=False, description="A session token from an accepted tap.")
_CHALLENGE = {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}}
_UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: describe(UNAUTHORIZED) | _CHALLENGE}
_ANSWERS = _UNAUTHORIZED | documented(Outcome.UNAVAILABLE)


def sessions_router(ledger: TagLedger, tokens: SessionTokens) -> APIRouter:
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
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> SessionAnswer | Response:
        """Say which tag a live session belongs to, and how long it lasts."""
        if bearer is None:
            return UNAUTHORIZED.response({"WWW-Authenticate": "Bearer"})
        grant = await find(bearer.credentials)
        if grant is None:
            challenge = 'Bearer error="invalid_token"'
            return UNAUTHORIZED.response({"WWW-Authenticate": challenge})
        return SessionAnswer.of(grant, tokens.subject(grant.uid))

    return router
