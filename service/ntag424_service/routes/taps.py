"""`POST /v1/taps`: a tap in, a session out."""

from __future__ import annotations

from fastapi import APIRouter

from ntag424 import Verifier
from ntag424_service.exchange import TapExchange
from ntag424_service.outcomes import Outcome
from ntag424_service.problems import TOO_LARGE, describe, documented
from ntag424_service.schemas import TapAnswer, TapRequest
from ntag424_service.strict_json import StrictJsonRoute

_REFUSALS = documented(
    Outcome.MALFORMED,
    Outcome.NOT_VERIFIED,
    Outcome.REPLAYED,
    Outcome.RATE_LIMITED,
    Outcome.UNAVAILABLE,
) | {TOO_LARGE.status: describe(TOO_LARGE)}


def taps_router(verifier: Verifier, exchange: TapExchange) -> APIRouter:
    """Exchange taps that *verifier* confirms."""
    router = APIRouter(tags=["taps"], route_class=StrictJsonRoute)

    @router.post("/v1/taps", responses=_REFUSALS, summary="Exchange a tap for a session")
    async def post_tap(tap: TapRequest) -> TapAnswer:
        """Use the tap up and hand out a session.

        The same URL with the same nonce gets the same answer for 30 seconds; any other
        repeat is refused.
        """
        nonce = None if tap.nonce is None else bytes.fromhex(tap.nonce)
        session = await exchange.exchange(lambda: verifier.verify(tap.url), nonce=nonce)
        return TapAnswer.of(session)

    return router
