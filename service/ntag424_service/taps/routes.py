"""`POST /v1/taps`: a tap in, a session out."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ntag424 import Verifier
from ntag424_service.api.problems import TOO_LARGE, describe, documented
from ntag424_service.api.schemas import TapAnswer, TapRequest
from ntag424_service.api.strict_json import StrictJsonRoute
from ntag424_service.guards.sources import source_of
from ntag424_service.outcomes import Outcome
from ntag424_service.taps.exchange import TapExchange

PATH = "/v1/taps"

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

    @router.post(PATH, responses=_REFUSALS, summary="Exchange a tap for a session")
    async def post_tap(tap: TapRequest, request: Request) -> TapAnswer:
        """Use the tap up and hand out a session.

        The same URL with the same nonce gets the same answer for 30 seconds; any other
        repeat is refused. A fresh tap counts however many failed before; too many failures
        from one address, or in the name of one tag, are answered with 429.
        """
        session = await exchange.exchange(
            lambda: verifier.verify(tap.url),
            source=source_of(request.scope),
            named_uid=lambda: _uid_in_clear(verifier, tap.url),
            nonce=None if tap.nonce is None else bytes.fromhex(tap.nonce),
        )
        return TapAnswer.of(session)

    return router


def _uid_in_clear(verifier: Verifier, url: str) -> bytes | None:
    """Return the UID that *url* shows; what PICCData holds counts for no tag.

    Nobody without the meta-read key can choose what that decrypts to, so to count it would
    only fill the table with UIDs that are none.
    """
    if verifier.template.encrypts:
        return None
    return verifier.template.parse(url, mode=verifier.mode).message.uid
