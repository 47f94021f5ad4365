"""`/livez` and `/readyz`, for whoever restarts or routes."""

from __future__ import annotations

from fastapi import APIRouter

from ntag424.replay import TagLedger
from ntag424_service.api.problems import documented
from ntag424_service.api.schemas import Health
from ntag424_service.outcomes import Outcome

_OK = Health(status="ok")


def health_router(ledger: TagLedger) -> APIRouter:
    """Report on the process, and on whether *ledger* would take a tap now."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="The process answers")
    async def livez() -> Health:
        """Say that the process answers; restart it if it does not."""
        return _OK

    @router.get("/readyz", responses=documented(Outcome.UNAVAILABLE), summary="A tap would do")
    async def readyz() -> Health:
        """Say that the store would take a tap now; route elsewhere if it would not."""
        await ledger.check()
        return _OK

    return router
