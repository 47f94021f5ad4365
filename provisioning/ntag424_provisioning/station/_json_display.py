"""Events as JSON, one object per line, for programs."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import Enum
from functools import singledispatch
from typing import TextIO

from ntag424 import Generation, Ntag424Error, Uid
from ntag424_provisioning.engine.bench import Progress, Result
from ntag424_provisioning.station._events import Event
from ntag424_provisioning.station._summary import Remaining, Summary

_WORD = re.compile("(?<!^)(?=[A-Z])")


class JsonDisplay:
    """Writes every event, steps too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        self._stream.write(json.dumps(record_of(event)) + "\n")
        self._stream.flush()


def record_of(event: Event) -> dict[str, object]:
    """Return *event* as JSON has it: its name, and what it says."""
    name = _WORD.sub("-", type(event).__name__).lower()
    return {"event": name} | _flat(event)


def _flat(value: object) -> dict[str, object]:
    record: dict[str, object] = {}
    for field in fields(value):  # type: ignore[arg-type]  # only dataclasses come here
        record |= _members(getattr(value, field.name), field.name)
    return record


@singledispatch
def _members(value: object, name: str) -> dict[str, object]:
    """Return what stands for a field that is called *name*."""
    return {name: value}


@_members.register
def _(value: Ntag424Error, name: str) -> dict[str, object]:
    return {name: str(value), "hint": value.hint}


@_members.register
def _(value: Result, name: str) -> dict[str, object]:  # noqa: ARG001 - it says its own names
    # Not its URL: that is a tap, if a spent one.
    return _members(value.generation, "generation") | {"counter": value.counter}


@_members.register
def _(value: Generation, name: str) -> dict[str, object]:  # noqa: ARG001 - as above
    return {"key_version": value.key_version, "epoch": value.epoch}


@_members.register
def _(value: Progress, name: str) -> dict[str, object]:  # noqa: ARG001 - as above
    return _flat(value)


@_members.register
def _(value: Summary, name: str) -> dict[str, object]:  # noqa: ARG001 - as above
    return _flat(value) | {"exit": int(value.exit)}


@_members.register
def _(value: Uid, name: str) -> dict[str, object]:
    return {name: str(value)}


@_members.register
def _(value: Enum, name: str) -> dict[str, object]:
    return {name: value.value}


@_members.register
def _(value: tuple, name: str) -> dict[str, object]:  # type: ignore[type-arg]  # of anything
    return {name: [_flat(one) if isinstance(one, Remaining) else one for one in value]}


@_members.register
def _(value: float, name: str) -> dict[str, object]:
    return {name: round(value, 3)}
