"""Which command a chip answers, and how an open one goes on (NT4H2421Gx §10.1, §10.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._authentication import (
    authenticate_first,
    authenticate_non_first,
)
from ntag424.testing.simulated_tag._card import Card, OpenCommand
from ntag424.testing.simulated_tag._configuration import SET_CONFIGURATION
from ntag424.testing.simulated_tag._file_commands import (
    CHANGE_FILE_SETTINGS,
    GET_FILE_COUNTERS,
    GET_FILE_SETTINGS,
    READ_DATA,
    WRITE_DATA,
)
from ntag424.testing.simulated_tag._identity_commands import (
    GET_CARD_UID,
    GET_TAMPER_STATUS,
    GET_VERSION,
    READ_SIGNATURE,
)
from ntag424.testing.simulated_tag._iso import answer_iso
from ntag424.testing.simulated_tag._keys import CHANGE_KEY, GET_KEY_VERSION
from ntag424.testing.simulated_tag._refusal import RefusedError

_ISO, _NATIVE, _NEXT_FRAME = 0x00, 0x90, 0xAF
_AUTHENTICATE_FIRST, _READ_SIGNATURE = 0x71, 0x3C

_NATIVE_COMMANDS: Mapping[int, Callable[[Card, CommandApdu], ResponseApdu]] = MappingProxyType(
    {
        0x3C: READ_SIGNATURE,
        0x51: GET_CARD_UID,
        0x5C: SET_CONFIGURATION,
        0x5F: CHANGE_FILE_SETTINGS,
        0x60: GET_VERSION,
        0x64: GET_KEY_VERSION,
        0x71: authenticate_first,
        0x77: authenticate_non_first,
        0x8D: WRITE_DATA,
        0xAD: READ_DATA,
        0xC4: CHANGE_KEY,
        0xF5: GET_FILE_SETTINGS,
        0xF6: GET_FILE_COUNTERS,
    }
)
#: A chip without a loop has never heard of these.
_TAG_TAMPER_COMMANDS = MappingProxyType({0xF7: GET_TAMPER_STATUS})


def answer(card: Card, command: CommandApdu) -> ResponseApdu:
    """Carry out *command*: class, what is open, instruction, parameters, Le, then the rest.

    Raises:
        RefusedError: the chip does not.
    """
    if command.cla not in (_ISO, _NATIVE):
        raise RefusedError(Status.ISO_UNKNOWN_CLASS)
    if card.open_command is not None:
        return _go_on(card, card.open_command, command)
    if command.cla == _ISO:
        return answer_iso(card, command)
    run = _native_command(card, command.ins)
    _require_native_form(card, command)
    return run(card, command)


def refusal_of_form(card: Card, octets: bytes) -> int:
    """Give the status for *octets* that are no short APDU: too short, or not as Lc says."""
    if octets[:1] not in (b"", bytes([_ISO]), bytes([_NATIVE])):
        return Status.ISO_UNKNOWN_CLASS
    if octets[:1] != bytes([_NATIVE]):
        return Status.ISO_WRONG_LENGTH
    if octets[1:2] == bytes([_READ_SIGNATURE]):
        return Status.COMMAND_FORMAT
    return card.open_points.native_length_refusal


def _native_command(card: Card, ins: int) -> Callable[[Card, CommandApdu], ResponseApdu]:
    if ins == _AUTHENTICATE_FIRST and not card.selection.in_application:
        raise RefusedError(card.open_points.authentication_at_master_file)
    run = _NATIVE_COMMANDS.get(ins)
    if card.memory.tamper is not None:
        run = _TAG_TAMPER_COMMANDS.get(ins, run)
    if run is None:
        raise RefusedError(Status.ILLEGAL_COMMAND_CODE)
    return run


def _go_on(card: Card, open_command: OpenCommand, command: CommandApdu) -> ResponseApdu:
    if command.cla == _ISO:
        raise RefusedError(Status.ISO_CONDITIONS_NOT_SATISFIED)
    if command.ins != _NEXT_FRAME:
        raise RefusedError(Status.COMMAND_ABORTED)
    _require_native_form(card, command)
    return open_command.resume(card, command)


def _require_native_form(card: Card, command: CommandApdu) -> None:
    """Refuse P1 and P2 other than 00, and an Le that is not 00 (table 22)."""
    points = card.open_points
    if command.p1 or command.p2:
        raise RefusedError(points.native_parameters_refusal)
    if command.le is None and not points.native_le_is_due:
        return
    if command.le != 0:
        is_signature = command.ins == _READ_SIGNATURE
        raise RefusedError(Status.COMMAND_FORMAT if is_signature else Status.LENGTH_ERROR)
