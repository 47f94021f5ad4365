"""What a service answers whoever enrols tags, read with care: it may be any server."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeAlias

import httpx

from ntag424 import Generation
from ntag424.model import MAX_READ_COUNTER
from ntag424_provisioning.errors import EnrolmentError

_UNKNOWN_TAG = "/problems/unknown_tag"
_NOT_SERVED = "/problems/not_served"
_MALFORMED = "/problems/malformed_enrolment"
_LONGEST_TEXT = 200
_AGAIN = 'then run "ntag424 repair": it enrols the tag.'

Known: TypeAlias = tuple[Generation, int]


def generation_in(answer: httpx.Response) -> Known:
    """Return generation and counter that *answer* tells.

    Raises:
        EnrolmentError: it tells none.

    """
    match _members(answer):
        case {"key_version": int(key_version), "epoch": int(epoch), "counter": int(counter)}:
            if 0 <= counter <= MAX_READ_COUNTER and {key_version, epoch} <= set(range(256)):
                return Generation(key_version, epoch), counter
    raise _unlike(answer)


def require(generation: Generation, answer: httpx.Response) -> None:
    """Believe that a tag is enrolled in *generation* only if *answer* says so.

    Raises:
        EnrolmentError: it says something else.

    """
    known, _ = generation_in(answer)
    if known != generation:
        raise _unlike(answer)


def require_retired(answer: httpx.Response) -> None:
    """Believe that no tap of a tag counts any more only if *answer* says so.

    Raises:
        EnrolmentError: it says something else.

    """
    if _members(answer).get("state") not in {"erased", "suspended"}:
        raise _unlike(answer)


def served_in(answer: httpx.Response) -> str | None:
    """Put into words what the service serves instead of a tag; None if it does not say."""
    members = _members(answer)
    template, versions = _text(members.get("template")), members.get("key_versions")
    if members.get("type") != _NOT_SERVED or not template or not isinstance(versions, list):
        return None
    listed = ", ".join(str(number) for number in versions if type(number) is int) or "none"
    return f"the service serves {template} with key version {listed}"


def takes_no_template(answer: httpx.Response) -> bool:
    """Tell whether an earlier release answers, which takes a member more for a mistake."""
    is_bad = answer.status_code == HTTPStatus.BAD_REQUEST
    return is_bad and _members(answer).get("type") == _MALFORMED


def refusal(answer: httpx.Response) -> EnrolmentError | None:
    """Put into words why the service refused; None if it just does not know the tag."""
    members = _members(answer)
    match answer.status_code:
        case HTTPStatus.NOT_FOUND if members.get("type") == _UNKNOWN_TAG:
            return None
        case HTTPStatus.NOT_FOUND:
            return EnrolmentError(
                "the service does not enrol tags",
                f"Set NTAG424_ENROLMENT_CREDENTIAL_FILE there, {_AGAIN}",
            )
        case HTTPStatus.UNAUTHORIZED:
            return EnrolmentError(
                "the service refuses the credential",
                f'Draw one there with "ntag424-service enrolment-credential", {_AGAIN}',
            )
    title, detail = _text(members.get("title")), _text(members.get("detail"))
    if not title:
        return _unlike(answer)
    return EnrolmentError(f"the service answers {answer.status_code}: {title}", detail)


def _unlike(answer: httpx.Response) -> EnrolmentError:
    return EnrolmentError(
        f"what answers with {answer.status_code} there is not a service of ours",
        f"Check the address, and what stands before the service, {_AGAIN}",
    )


def _members(answer: httpx.Response) -> dict[str, object]:
    try:
        members = answer.json()
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _text(value: object) -> str:
    """Return what may go onto a terminal."""
    return value if isinstance(value, str) and value.isprintable() and _fits(value) else ""


def _fits(text: str) -> bool:
    return len(text) <= _LONGEST_TEXT
