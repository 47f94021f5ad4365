"""The three ISO commands: select, read, update (NT4H2421Gx §10.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._access_rights import FREE
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._delivery import delivered_to_anybody, require_free_read
from ntag424.testing.simulated_tag._file_system import Selection, select
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._windows import iso_window

_SHORT_ID, _SHORT_ID_NUMBER, _SHORT_ID_RESERVED = 0x80, 0x1F, 0x60
_CURRENT_FILE, _NO_SHORT_ID = 0x00, 0x1F


def answer_iso(card: Card, command: CommandApdu) -> ResponseApdu:
    """Carry out a command of class 00.

    Raises:
        RefusedError: the chip does not; the status is an ISO command's.
    """
    run = _COMMANDS.get(command.ins)
    if run is None:
        raise RefusedError(Status.ISO_UNKNOWN_INSTRUCTION)
    return ResponseApdu(run(card, command), Status.ISO_OK)


def _select(card: Card, command: CommandApdu) -> bytes:
    card.selection = select(card.selection, command)
    if card.open_points.select_ends_session:
        card.session = None
    return b""


def _read_binary(card: Card, command: CommandApdu) -> bytes:
    if command.data or command.le is None:
        raise RefusedError(Status.ISO_WRONG_LENGTH)
    _require_nobody(card)
    number, offset = _target(card, command)
    file = card.file(number)
    cut = card.open_points.long_reads_are_cut
    window = iso_window(offset, command.le, len(file.content), cut=cut)
    try:
        require_free_read(file.settings)
        return delivered_to_anybody(card, file, command)[window]
    except RefusedError as refusal:
        # ISO has one word for every reason not to hand out a file.
        raise RefusedError(Status.ISO_SECURITY_NOT_SATISFIED) from refusal


def _update_binary(card: Card, command: CommandApdu) -> bytes:
    has_le = command.le is not None and not card.open_points.update_takes_le
    if not command.data or has_le:
        raise RefusedError(Status.ISO_WRONG_LENGTH)
    _require_nobody(card)
    number, offset = _target(card, command)
    file = card.file(number)
    if FREE not in (file.settings.write, file.settings.read_write):
        raise RefusedError(Status.ISO_SECURITY_NOT_SATISFIED)
    if offset + len(command.data) > len(file.content):
        raise RefusedError(Status.ISO_CONDITIONS_NOT_SATISFIED)
    card.write(number, offset, command.data)
    return b""


def _require_nobody(card: Card) -> None:
    if card.session is not None:
        raise RefusedError(Status.ISO_SECURITY_NOT_SATISFIED)


def _target(card: Card, command: CommandApdu) -> tuple[int, int]:
    """Give the number of the file that P1P2 means, and the offset in it."""
    if command.p1 & _SHORT_ID:
        _select_by_short_id(card, command.p1)
        offset = command.p2
    else:
        offset = command.p1 << 8 | command.p2
    if card.selection.file_number is None:
        raise RefusedError(Status.ISO_CONDITIONS_NOT_SATISFIED)
    return card.selection.file_number, offset


def _select_by_short_id(card: Card, p1: int) -> None:
    """Make the file with this short id current; 0 means the one that is (table 87)."""
    short_id = p1 & _SHORT_ID_NUMBER
    if p1 & _SHORT_ID_RESERVED or short_id == _NO_SHORT_ID:
        raise RefusedError(Status.ISO_WRONG_PARAMETERS)
    if short_id == _CURRENT_FILE:
        return
    # The data sheet gives no short file ids, so unless told this tag knows none.
    known = card.open_points.short_file_ids or ()
    if not card.selection.in_application or short_id not in known:
        raise RefusedError(Status.ISO_FILE_NOT_FOUND)
    selected = Selection(in_application=True, file_number=known.index(short_id) + 1)
    if selected != card.selection:
        card.selection, card.run = selected, None


_COMMANDS: Mapping[int, Callable[[Card, CommandApdu], bytes]] = MappingProxyType(
    {0xA4: _select, 0xB0: _read_binary, 0xD6: _update_binary}
)
