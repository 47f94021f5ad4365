"""SetConfiguration (NT4H2421Gx §10.5.1; NT4H2421Tx for option 07).

The RFU bits of an option must be 0. What is final stays as it is if the option comes again
without its bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._access_rights import ANY_CONDITION
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._file_settings import SDM_ENABLED
from ntag424.testing.simulated_tag._file_system import NDEF_FILE, TagFile
from ntag424.testing.simulated_tag._memory import FailureRule, Memory
from ntag424.testing.simulated_tag._native import (
    DONE,
    NativeCommand,
    Reply,
    Request,
    with_key_0,
)
from ntag424.testing.simulated_tag._open_points import OpenPoints
from ntag424.testing.simulated_tag._refusal import RefusedError

_OF_THE_LOOP = 0x07
_RANDOM_ID, _NO_CHAINED_WRITING, _LRP = 0x02, 0x0004, 0x02


def _require_only(allowed: int, value: int) -> None:
    if value & ~allowed:
        raise RefusedError(Status.PARAMETER_ERROR)


def _random_id(memory: Memory, data: bytes, _points: OpenPoints) -> Memory:
    """UIDConfig (1)."""
    _require_only(_RANDOM_ID, data[0])
    return replace(memory, random_id=memory.random_id or bool(data[0]))


def _chained_writing(memory: Memory, data: bytes, points: OpenPoints) -> Memory:
    """SMConfig (2)."""
    config = int.from_bytes(data, points.secure_messaging_order)
    _require_only(_NO_CHAINED_WRITING, config)
    return replace(memory, chained_writing=memory.chained_writing and not config)


def _capabilities(memory: Memory, data: bytes, _points: OpenPoints) -> Memory:
    """RFU (4) || PDCap2.1 (1) || RFU (3) || PDCap2.5 (1) || PDCap2.6 (1)."""
    if any(data[:4] + data[5:8]):
        raise RefusedError(Status.PARAMETER_ERROR)
    _require_only(_LRP, data[4])
    memory = replace(memory, user_capabilities=data[8:])
    return _in_lrp_mode(memory) if data[4] and not memory.lrp else memory


def _in_lrp_mode(memory: Memory) -> Memory:
    """Switch to LRP; SDM goes off, since its mirrors would no longer fit where they are."""
    memory = replace(memory, lrp=True)
    ndef = memory.files[NDEF_FILE]
    option = bytes([ndef.raw_settings[0] & ~SDM_ENABLED])
    settings = option + ndef.raw_settings[1:3]
    off = TagFile.found(NDEF_FILE, ndef.content, settings, memory.chip)
    return memory.with_file(NDEF_FILE, off)


def _tamper(memory: Memory, data: bytes, _points: OpenPoints) -> Memory:
    """TTConfig (1) || TTStatusKey (1)."""
    if memory.tamper is None:
        return memory
    _require_only(0x01, data[0])
    if data[1] not in ANY_CONDITION:
        raise RefusedError(Status.PARAMETER_ERROR)
    enabled = memory.tamper.enabled or bool(data[0])
    return replace(memory, tamper=replace(memory.tamper, enabled=enabled, status_key=data[1]))


def _failure_rule(memory: Memory, data: bytes, _points: OpenPoints) -> Memory:
    """FailedCtrOption (1) || TotFailCtrLimit (2 LE) || TotFailCtrDecr (2 LE).

    Who switches the counting off has limit and decrement ignored (table 50).
    """
    _require_only(0x01, data[0])
    if not data[0]:
        return replace(memory, failure_rule=replace(memory.failure_rule, counted=False))
    limit, decrement = (int.from_bytes(data[at : at + 2], "little") for at in (1, 3))
    if limit == 0:
        raise RefusedError(Status.PARAMETER_ERROR)
    return replace(
        memory, failure_rule=FailureRule(counted=True, limit=limit, decrement=decrement)
    )


def _back_modulation(memory: Memory, data: bytes, _points: OpenPoints) -> Memory:
    """HWConfig (1)."""
    _require_only(0x01, data[0])
    return replace(memory, strong_back_modulation=bool(data[0]))


@dataclass(frozen=True, slots=True)
class _Option:
    """One option: the *length* of its data, and the memory that follows from them."""

    length: int
    apply: Callable[[Memory, bytes, OpenPoints], Memory]
    surely_confirmed: bool = False


_OPTIONS: Mapping[int, _Option] = MappingProxyType(
    {
        0x00: _Option(1, _random_id, surely_confirmed=True),
        0x04: _Option(2, _chained_writing),
        0x05: _Option(10, _capabilities, surely_confirmed=True),
        _OF_THE_LOOP: _Option(2, _tamper),
        0x0A: _Option(5, _failure_rule),
        0x0B: _Option(1, _back_modulation),
    }
)


def _set_configuration(card: Card, request: Request) -> Reply:
    option = _OPTIONS.get(request.header[0])
    if option is _OPTIONS[_OF_THE_LOOP] and card.memory.tamper is None:
        option = None
    if option is None:
        raise RefusedError(Status.PARAMETER_ERROR)
    if len(request.data) != option.length:
        raise RefusedError(Status.LENGTH_ERROR)
    before, points = card.memory, card.open_points
    card.memory = option.apply(before, request.data, points)
    if card.memory.lrp != before.lrp:
        # The AES session is gone, and with it what a MAC could be made of.
        return Reply(ends_session=True)
    confirmed = option.surely_confirmed or points.configuration_is_confirmed
    return DONE if confirmed else Reply(ends_session=True)


SET_CONFIGURATION = NativeCommand(
    1, with_key_0, _set_configuration, has_data=True, secured_as=CommMode.FULL
)
