"""`GET /problems/{outcome}`: where the `type` of a problem leads."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from ntag424_service.api.problems import ENROLMENT_PROBLEMS, TAP_PROBLEMS


def problems_router() -> APIRouter:
    """Explain every problem in a few words."""
    router = APIRouter(include_in_schema=False)
    problems = (*TAP_PROBLEMS.values(), *ENROLMENT_PROBLEMS)
    texts = {str(problem.outcome): problem for problem in problems}

    @router.get("/problems/{outcome}")
    async def explain(outcome: str) -> PlainTextResponse:
        """Explain one outcome."""
        problem = texts.get(outcome)
        if problem is None:
            raise HTTPException(404)
        return PlainTextResponse(f"{problem.status} {problem.title}\n\n{problem.detail}\n")

    return router
