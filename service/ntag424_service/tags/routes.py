"""`/v1/tags`: enrol, look up and retire, for whoever writes tags and has a credential."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ntag424 import Uid
from ntag424.replay import Stale, Standing, TagRecord
from ntag424_service.api.problems import (
    CREDENTIAL_REFUSED,
    MALFORMED_ENROLMENT,
    NOT_SERVED,
    STALE_GENERATION,
    TOO_LARGE,
    UNKNOWN_TAG,
    Member,
    describe,
    documented,
)
from ntag424_service.api.schemas import UID, EnrolmentRequest, TagAnswer
from ntag424_service.api.strict_json import StrictJsonRoute
from ntag424_service.guards.sources import source_of
from ntag424_service.outcomes import Outcome
from ntag424_service.tags.enrolment import EnrolmentService

PATH = "/v1/tags"

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="EnrolmentCredential",
    description="The credential that `ntag424-service enrolment-credential` made.",
)
_CHALLENGE = {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: describe(MALFORMED_ENROLMENT),
    401: describe(CREDENTIAL_REFUSED) | _CHALLENGE,
    **documented(Outcome.RATE_LIMITED, Outcome.UNAVAILABLE),
}
_KNOWN = {"key_version": 1, "epoch": 2, "counter": 61}
_SERVED: dict[str, Member] = {
    "template": "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}",
    "key_versions": [1, 2],
}
_ENROL_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": TagAnswer, "description": "Exactly that was known already"},
    409: describe(STALE_GENERATION, _KNOWN),
    413: describe(TOO_LARGE),
    422: describe(NOT_SERVED, _SERVED),
    **_REFUSALS,
}
_FIND_ANSWERS: dict[int | str, dict[str, Any]] = {404: describe(UNKNOWN_TAG), **_REFUSALS}


def tags_router(enrolments: EnrolmentService) -> APIRouter:
    """Let holders of the credential, and nobody else, enrol and retire tags."""
    router = APIRouter(
        tags=["enrolment"],
        route_class=StrictJsonRoute,
        dependencies=[Depends(_admission(enrolments))],
    )

    @router.post(
        PATH,
        status_code=HTTPStatus.CREATED,
        response_model=TagAnswer,
        responses=_ENROL_ANSWERS,
        summary="Enrol a tag",
    )
    async def post_tag(tag: EnrolmentRequest, response: Response) -> TagAnswer | Response:
        """Let taps of this generation above the counter count from now on.

        The same request again is answered with 200, because an answer may have been
        lost; 409 says what the ledger knows instead, and 422 what is served here.
        """
        verdict = await enrolments.enrol(tag.enrolment())
        if isinstance(verdict, Stale):
            return STALE_GENERATION.response(members=_facts(verdict.record))
        if isinstance(verdict, Standing):
            response.status_code = HTTPStatus.OK
        return TagAnswer.of(verdict.record)

    @router.get(
        PATH + "/{uid}",
        response_model=TagAnswer,
        responses=_FIND_ANSWERS,
        summary="Look up a tag",
    )
    async def get_tag(uid: Annotated[str, Path(pattern=UID)]) -> TagAnswer | Response:
        """Say which generation of the tag counts, and what of it is used up."""
        record = await enrolments.find(Uid.from_hex(uid))
        return UNKNOWN_TAG.response() if record is None else TagAnswer.of(record)

    @router.delete(
        PATH + "/{uid}",
        response_model=TagAnswer,
        responses=_FIND_ANSWERS,
        summary="Retire a tag",
    )
    async def delete_tag(uid: Annotated[str, Path(pattern=UID)]) -> TagAnswer | Response:
        """Refuse every tap that the tag made so far, and end its sessions.

        For a tag that was made blank: an enrolment in a higher generation brings it back.
        """
        record = await enrolments.retire(Uid.from_hex(uid))
        return UNKNOWN_TAG.response() if record is None else TagAnswer.of(record)

    return router


def _admission(enrolments: EnrolmentService) -> Callable[..., Awaitable[None]]:
    async def admitted(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> None:
        """Refuse whoever has no credential."""
        presented = None if bearer is None else bearer.credentials
        await enrolments.admit(source_of(request.scope), presented)

    return admitted


def _facts(record: TagRecord) -> dict[str, int]:
    return {
        "key_version": record.generation.key_version,
        "epoch": record.generation.epoch,
        "counter": record.counter,
    }
