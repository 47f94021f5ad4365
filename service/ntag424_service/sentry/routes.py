"""`POST /api/v1/auth/sdm/exchange`: SENTRY-Messenger's tap login, field for field.

Its refusals keep the bodies that its web client knows, instead of problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from ntag424.replay import EnrolmentPolicy
from ntag424_service.api.problems import RETRY_AFTER_HEADER, TOO_LARGE, describe
from ntag424_service.api.schemas import SentryAnswer, SentryRequest
from ntag424_service.api.strict_json import StrictJsonRoute
from ntag424_service.errors import TapRefusedError
from ntag424_service.guards.sources import source_of
from ntag424_service.outcomes import Outcome
from ntag424_service.sentry.exchange import SentryExchange
from ntag424_service.taps.exchange import TapExchange

#: SENTRY-Messenger's API, of which one route is here.
_ROOT = "/api/v1"
PATH = f"{_ROOT}/auth/sdm/exchange"

BODIES: dict[Outcome, tuple[int, dict[str, Any]]] = {
    Outcome.MALFORMED: (
        400,
        {
            "error": "BadRequest",
            "message": "uid: 14 hex digits, sdmmac: 16, sdmcounter: 6 or a 24-bit number",
        },
    ),
    Outcome.NOT_VERIFIED: (401, {"error": "Unauthorized", "detail": "SDM verify failed"}),
    Outcome.REPLAYED: (
        409,
        {
            "error": "ExchangeFailed",
            "details": {"error": "Replay", "message": "counter must be strictly increasing"},
        },
    ),
    Outcome.RATE_LIMITED: (429, {"error": "TooManyRequests", "message": "wait, then tap again"}),
    Outcome.UNAVAILABLE: (503, {"error": "Unavailable", "message": "the store cannot answer"}),
}


def refusal(outcome: Outcome, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer as SENTRY-Messenger's server does."""
    status, body = BODIES[outcome]
    return JSONResponse(body, status, headers)


def is_within(path: str) -> bool:
    """Tell whether SENTRY-Messenger's server would answer at *path*."""
    return path == _ROOT or path.startswith(f"{_ROOT}/")


def not_found() -> JSONResponse:
    """Answer as its server does where there is no such path, or not with this method."""
    return JSONResponse({"error": "NotFound"}, 404)


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": outcome.value,
        "content": {"application/json": {"schema": {"type": "object"}, "example": body}},
    }
    for outcome, (status, body) in BODIES.items()
}
_REFUSALS[429] |= RETRY_AFTER_HEADER
_RESPONSES = _REFUSALS | {TOO_LARGE.status: describe(TOO_LARGE)}


def sentry_router(sentry: SentryExchange, exchange: TapExchange) -> APIRouter:
    """Exchange taps of SENTRY-Messenger's tags; a first tap enrols its tag."""
    router = APIRouter(tags=["SENTRY-Messenger"], route_class=StrictJsonRoute)

    @router.post(
        PATH,
        responses=_RESPONSES,
        response_model=SentryAnswer,
        response_model_exclude_unset=True,
        summary="Exchange a tap on SENTRY-Messenger's wire format",
    )
    async def post_exchange(tap: SentryRequest, request: Request) -> SentryAnswer | JSONResponse:
        """Use the tap up and hand out a session and the tag's account.

        The MAC covers UID and counter alone. A tag's first valid tap enrols it for this
        route; a repeat is always 409, whatever `nonce` says. A fresh tap counts however
        many failed before; too many failures from one address, or in the name of one tag,
        are answered with 429.
        """
        try:
            session = await exchange.exchange(
                lambda: sentry.verify(tap.uid, tap.sdmcounter, tap.sdmmac),
                source=source_of(request.scope),
                named_uid=lambda: bytes.fromhex(tap.uid),
                policy=EnrolmentPolicy.OPEN,
            )
        except TapRefusedError as refused:
            return refusal(refused.outcome)
        branding = {
            name: text for name, text in asdict(sentry.branding).items() if text is not None
        }
        return SentryAnswer(
            session=session.token,
            has_mk=False,
            wrapped_mk=None,
            **asdict(sentry.accounts.account(session.tap.uid)),
            **{"opaque_server_id": None, **branding},
        )

    return router
