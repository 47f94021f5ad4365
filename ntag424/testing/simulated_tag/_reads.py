"""Which bytes a read asks for, and whether an unauthenticated reader may have them."""

from __future__ import annotations

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._file_settings import FileSettings
from ntag424.testing.simulated_tag._file_system import RefusedError


def require_free_read(settings: FileSettings) -> None:
    """Let pass what Read, ReadWrite or SDMFileRead opens to everybody (NT4H2421Gx §8.2.3.3).

    Raises:
        RefusedError: with the status of a native command.
    """
    if settings.closed_to_readers:
        raise RefusedError(Status.PERMISSION_DENIED)
    if not settings.free_to_read:
        raise RefusedError(Status.AUTHENTICATION_ERROR)


def iso_window(command: CommandApdu, size: int) -> slice:
    """Read ISOReadBinary's P1P2 = offset and Le = length, 00 for the rest (§10.9.2).

    Raises:
        RefusedError: no Le, data, a short file id, or bytes beyond the file.
    """
    if command.data or command.le is None:
        raise RefusedError(Status.ISO_WRONG_LENGTH)
    if command.p1 & 0x80:
        # The data sheet gives no short file ids, so this tag knows none.
        raise RefusedError(Status.ISO_FILE_NOT_FOUND)
    offset = command.p1 << 8 | command.p2
    if offset >= size:
        raise RefusedError(Status.ISO_WRONG_PARAMETERS)
    left = size - offset
    if command.le > left:
        raise RefusedError(Status.ISO_WRONG_LE | left)
    return slice(offset, offset + (command.le or left))


def native_window(header: bytes, size: int) -> slice:
    """Read ReadData's FileNo (1) || Offset (3 LE) || Length (3 LE), 0 for the rest (§10.8.1).

    Raises:
        RefusedError: bytes beyond the file.
    """
    offset = int.from_bytes(header[1:4], "little")
    length = int.from_bytes(header[4:7], "little")
    if offset >= size or offset + length > size:
        raise RefusedError(Status.BOUNDARY_ERROR)
    return slice(offset, offset + length if length else size)
