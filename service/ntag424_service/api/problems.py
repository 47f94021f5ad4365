"""Every refusal as an RFC 9457 problem, made from one table, and the pages that they lead to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from ntag424_service.guards.failure_limits import RETRY_AFTER_SECONDS
from ntag424_service.outcomes import EnrolmentOutcome, Outcome

MEDIA_TYPE = "application/problem+json"
_NO_HEADERS: Mapping[str, str] = {}
#: A fact of the case, as JSON has it.
Member: TypeAlias = str | int | list[int]
_NO_MEMBERS: Mapping[str, Member] = {}


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal. Without further members its answer is the same bytes every time."""

    status: int
    title: str
    detail: str
    outcome: Outcome | EnrolmentOutcome | None = None

    @property
    def document(self) -> dict[str, str | int]:
        """The members of the problem document."""
        kind = "about:blank" if self.outcome is None else f"/problems/{self.outcome}"
        members: dict[str, str | int] = {
            "type": kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        return members if self.outcome is None else members | {"outcome": self.outcome.value}

    def response(
        self, headers: Mapping[str, str] = _NO_HEADERS, members: Mapping[str, Member] = _NO_MEMBERS
    ) -> Response:
        """Answer with this problem, and with facts of the case as further *members*."""
        body = json.dumps(self.document | dict(members), separators=(",", ":"))
        return Response(body, self.status, dict(headers), MEDIA_TYPE)


_TAP_PROBLEMS = (
    Problem(
        400,
        "This is not a tap of one of our tags",
        "Send the URL exactly as the tag gave it, and a nonce of 32 lower-case hex digits.",
        Outcome.MALFORMED,
    ),
    Problem(
        403,
        "This tag could not be verified",
        "Tap the tag again. If that fails too, ask whoever gave you the tag.",
        Outcome.NOT_VERIFIED,
    ),
    Problem(
        409,
        "This tap was already used",
        "Hold the tag to the phone again for a new one.",
        Outcome.REPLAYED,
    ),
    Problem(
        429,
        "Too many attempts",
        "Wait for the time that Retry-After names, then try again.",
        Outcome.RATE_LIMITED,
    ),
    Problem(
        503,
        "The service cannot answer now",
        "The tag is not at fault. Wait a moment and tap again.",
        Outcome.UNAVAILABLE,
    ),
)
TAP_PROBLEMS = {
    problem.outcome: problem for problem in _TAP_PROBLEMS if problem.outcome is not None
}

MALFORMED_ENROLMENT = Problem(
    400,
    "This is not a tag to enrol",
    "Send uid of 14 hex digits, key_version and epoch of 0 to 255, counter of 0 to 16777215, and "
    "perhaps the template of its URL.",
    EnrolmentOutcome.MALFORMED,
)
CREDENTIAL_REFUSED = Problem(
    401,
    "No enrolment credential of this service",
    "Send the credential that `ntag424-service enrolment-credential` made as a bearer token.",
    EnrolmentOutcome.CREDENTIAL_REFUSED,
)
UNKNOWN_TAG = Problem(404, "No such tag", "Enrol it first.", EnrolmentOutcome.UNKNOWN_TAG)
STALE_GENERATION = Problem(
    409,
    "The tag is known already",
    "Write the tag again in a higher generation than the ledger's, then enrol that.",
    EnrolmentOutcome.STALE,
)
NOT_SERVED = Problem(
    422,
    "No tap of this tag could log in here",
    "Write the tag with the template and a key version that are served here, or enrol it where "
    "its own are.",
    EnrolmentOutcome.NOT_SERVED,
)
ENROLMENT_PROBLEMS = (
    MALFORMED_ENROLMENT,
    CREDENTIAL_REFUSED,
    UNKNOWN_TAG,
    STALE_GENERATION,
    NOT_SERVED,
)

TOO_LARGE = Problem(413, "The request is too large", "A tap fits into 4096 bytes.")
UNAUTHORIZED = Problem(
    401, "No live session", "Send the session token of an accepted tap as a bearer token."
)
DEVELOPMENT_ONLY = Problem(
    403, "Development mode", "With NTAG424_DEV=1 the service answers this machine only."
)


#: How every 429 says when to try again.
RETRY_AFTER = {"Retry-After": str(RETRY_AFTER_SECONDS)}
RETRY_AFTER_HEADER = {
    "headers": {
        "Retry-After": {
            "description": "Seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
            "example": RETRY_AFTER_SECONDS,
        }
    }
}


def plain_problem(status: int, title: str) -> Problem:
    """Make a problem that says no more than its HTTP status."""
    return Problem(status, title, title)


def documented(*outcomes: Outcome) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route for OpenAPI, with the real answers as examples."""
    problems = (TAP_PROBLEMS[outcome] for outcome in outcomes)
    found: dict[int | str, dict[str, Any]] = {
        problem.status: describe(problem) for problem in problems
    }
    if Outcome.RATE_LIMITED in outcomes:
        found[TAP_PROBLEMS[Outcome.RATE_LIMITED].status] |= RETRY_AFTER_HEADER
    return found


def describe(problem: Problem, members: Mapping[str, Member] = _NO_MEMBERS) -> dict[str, Any]:
    """Describe one problem for OpenAPI, with examples of its further *members*."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    content = {MEDIA_TYPE: {"schema": schema, "example": problem.document | dict(members)}}
    return {"description": problem.title, "content": content}


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
