"""A list of tags to enrol, as a file carries it from where they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from ntag424.model import Generation, Uid
from ntag424.replay._enrolment import Enrolment

_TYPE, _VERSION = "ntag424 enrolment", 2
_LIST_MEMBERS = {"type", "version", "made_at", "tags"}
#: What each tag has, by version of the list.
_TAG_MEMBERS = {
    1: {"uid", "key_version", "epoch", "counter", "label"},
    2: {"uid", "key_version", "epoch", "counter", "label", "template"},
}
_NO_LIST = "this is no list of tags to enrol"


@dataclass(frozen=True, slots=True)
class EnrolmentList:
    """Tags to be enrolled. Whoever takes it from a file needs it signed."""

    #: `typ` of the signed form (RFC 7515 §4.1.9).
    SIGNED_TYPE: ClassVar[str] = "ntag424-enrolment+jws"

    #: UNIX time in seconds, for people.
    made_at: int
    tags: tuple[Enrolment, ...]

    def __post_init__(self) -> None:
        if len({tag.uid for tag in self.tags}) != len(self.tags):
            raise ValueError("a tag is in the list twice")

    def __bytes__(self) -> bytes:
        """JSON in UTF-8: type, version, made_at, tags."""
        members = {
            "type": _TYPE,
            "version": _VERSION,
            "made_at": self.made_at,
            "tags": [_record(tag) for tag in self.tags],
        }
        return json.dumps(members, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Undo `bytes()`.

        Raises:
            ValueError: it is no such list; the sentence quotes nothing of it.

        """
        try:
            members = _members(json.loads(value), _LIST_MEMBERS)
        except (ValueError, RecursionError):
            raise ValueError(_NO_LIST) from None
        tags, names = members["tags"], _TAG_MEMBERS.get(_number(members, "version"))
        if members["type"] != _TYPE or names is None:
            raise ValueError(f"{_NO_LIST}, or one of a later release")
        if not isinstance(tags, list):
            raise ValueError(_NO_LIST)  # noqa: TRY004 - one kind of error for a bad list
        enrolments = (_enrolment(number, tag, names) for number, tag in enumerate(tags, start=1))
        return cls(_number(members, "made_at"), tuple(enrolments))


def _record(tag: Enrolment) -> dict[str, str | int]:
    return {
        "uid": str(tag.uid),
        "key_version": tag.generation.key_version,
        "epoch": tag.generation.epoch,
        "counter": tag.counter,
        "label": tag.label,
        "template": tag.template,
    }


def _enrolment(number: int, record: object, names: set[str]) -> Enrolment:
    try:
        members = _members(record, names)
        return Enrolment(
            Uid.from_hex(_text(members, "uid")),
            Generation(_number(members, "key_version"), _number(members, "epoch")),
            _number(members, "counter"),
            _text(members, "label"),
            _text(members, "template") if "template" in members else "",
        )
    except ValueError as error:
        raise ValueError(f"tag {number} of the list: {error}") from None


def _members(value: object, names: set[str]) -> Mapping[str, object]:
    if not isinstance(value, dict) or set(value) != names:
        raise ValueError(f"an object with exactly {', '.join(sorted(names))} is expected")
    return value


def _number(members: Mapping[str, object], name: str) -> int:
    value = members[name]
    if type(value) is not int:  # a bool is one too
        raise ValueError(f"{name} is a whole number")
    return value


def _text(members: Mapping[str, object], name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text")  # noqa: TRY004 - one kind of error for a bad list
    return value
