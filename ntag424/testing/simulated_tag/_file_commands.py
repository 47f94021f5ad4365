"""ReadData, WriteData and the commands about file settings (NT4H2421Gx §10.7, §10.8)."""

from __future__ import annotations

from dataclasses import replace

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._access_rights import granted_by_key
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._delivery import delivered_to_anybody, require_free_read
from ntag424.testing.simulated_tag._file_settings import SDM_ENABLED
from ntag424.testing.simulated_tag._file_system import NDEF_FILE, TagFile
from ntag424.testing.simulated_tag._native import DONE, NativeCommand, Reply, Request, always
from ntag424.testing.simulated_tag._refusal import RefusedError, SettingsLengthError
from ntag424.testing.simulated_tag._windows import native_window

_LONGEST_RESPONSE = 256
#: What of an APDU goes into one frame: 128 bytes (FSCI 7) without PCB and CRC.
_LONGEST_UNCHAINED = 125

# ---- contents -------------------------------------------------------------------------------


def _reading(card: Card, header: bytes) -> CommMode:
    settings = card.file(header[0]).settings
    if card.session is None:
        require_free_read(settings)
        return CommMode.PLAIN
    by_key = granted_by_key((settings.read, settings.read_write), card.key_number)
    return settings.comm_mode if by_key else CommMode.PLAIN


def _read_data(card: Card, request: Request) -> Reply:
    file = card.file(request.header[0])
    beyond = card.open_points.read_beyond_the_end
    window = native_window(request.header, len(file.content), beyond)
    if request.mode.length(window.stop - window.start) > _LONGEST_RESPONSE:
        raise RefusedError(Status.LENGTH_ERROR)
    # In a session the file is what was written: SDM is for strangers.
    content = file.content
    if card.session is None:
        content = delivered_to_anybody(card, file, request.command)
    return Reply(content[window])


def _writing(card: Card, header: bytes) -> CommMode:
    settings = card.file(header[0]).settings
    by_key = granted_by_key((settings.write, settings.read_write), card.key_number)
    return settings.comm_mode if by_key else CommMode.PLAIN


def _write_data(card: Card, request: Request) -> Reply:
    offset = int.from_bytes(request.header[1:4], "little")
    length = int.from_bytes(request.header[4:7], "little")
    chained = len(bytes(request.command)) > _LONGEST_UNCHAINED
    if chained and request.mode is not CommMode.PLAIN and not card.memory.chained_writing:
        raise RefusedError(Status.PERMISSION_DENIED)
    if length == 0:
        raise RefusedError(Status.PARAMETER_ERROR)
    if length != len(request.data):
        raise RefusedError(Status.LENGTH_ERROR)
    number = request.header[0]
    if offset + length > len(card.file(number).content):
        raise RefusedError(Status.BOUNDARY_ERROR)
    card.write(number, offset, request.data)
    return DONE


READ_DATA = NativeCommand(7, _reading, _read_data)
WRITE_DATA = NativeCommand(7, _writing, _write_data, has_data=True)

# ---- settings -------------------------------------------------------------------------------


def _existing_file(card: Card, header: bytes) -> CommMode:
    card.file(header[0])
    return always(CommMode.MAC)(card, header)


def _get_file_settings(card: Card, request: Request) -> Reply:
    """FileType (1) || FileOption (1) || AccessRights (2) || FileSize (3 LE) [|| SDM block]."""
    file = card.file(request.header[0])
    size = len(file.content).to_bytes(3, "little")
    return Reply(b"\0" + file.raw_settings[:3] + size + file.raw_settings[3:])


def _changing(card: Card, header: bytes) -> CommMode:
    settings = card.file(header[0]).settings
    by_key = granted_by_key((settings.change,), card.key_number)
    return CommMode.FULL if by_key else CommMode.PLAIN


def _change_file_settings(card: Card, request: Request) -> Reply:
    number = request.header[0]
    if request.data[:1] and request.data[0] & SDM_ENABLED and number != NDEF_FILE:
        raise RefusedError(Status.PERMISSION_DENIED)
    old = card.file(number)
    try:
        new = TagFile.of(old.content, request.data, card.memory.chip)
    except SettingsLengthError as error:
        raise RefusedError(Status.LENGTH_ERROR) from error
    except ValueError as error:
        raise RefusedError(Status.PARAMETER_ERROR) from error
    counter = _counter_under(card, old, new)
    limit = None if new.settings.sdm is None else new.settings.sdm.counter_limit
    if limit is not None and limit <= counter:
        raise RefusedError(Status.PARAMETER_ERROR)
    # The counter first: the old one may lie above the new limit.
    card.memory = replace(card.memory, read_counter=counter).with_file(number, new)
    return DONE


def _counter_under(card: Card, old: TagFile, new: TagFile) -> int:
    """Give SDMReadCtr as the settings *new* find it: enabling SDM resets it."""
    was_on = old.settings.sdm is not None
    if new.settings.sdm is None or (was_on and not card.open_points.counter_starts_again):
        return card.memory.read_counter
    return 0


GET_FILE_SETTINGS = NativeCommand(1, _existing_file, _get_file_settings, secured_as=CommMode.MAC)
CHANGE_FILE_SETTINGS = NativeCommand(1, _changing, _change_file_settings, has_data=True)

# ---- counters -------------------------------------------------------------------------------


def _retrieving(card: Card, header: bytes) -> CommMode:
    sdm = card.file(header[0]).settings.sdm
    if sdm is None:
        raise RefusedError(Status.PERMISSION_DENIED)
    if granted_by_key((sdm.counter_access,), card.key_number):
        return CommMode.FULL
    return always(card.open_points.free_counters_mode)(card, header)


def _get_file_counters(card: Card, _request: Request) -> Reply:
    """SDMReadCtr (3 LE) || 00 00."""
    return Reply(card.memory.read_counter.to_bytes(3, "little") + bytes(2))


# With a MAC or encrypted, the question is as long.
GET_FILE_COUNTERS = NativeCommand(1, _retrieving, _get_file_counters, secured_as=CommMode.FULL)
