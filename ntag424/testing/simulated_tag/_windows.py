"""Which bytes of a file a command means (NT4H2421Gx §10.8, §10.9)."""

from __future__ import annotations

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._refusal import RefusedError


def iso_window(offset: int, le: int, size: int, *, cut: bool) -> slice:
    """Read ISOReadBinary's Le from *offset* on in a file of *size* bytes, 00 for the rest.

    With *cut*, more than there is means the rest too.

    Raises:
        RefusedError: bytes beyond the file.
    """
    if offset >= size:
        raise RefusedError(Status.ISO_WRONG_PARAMETERS)
    left = size - offset
    if le > left and not cut:
        raise RefusedError(Status.ISO_WRONG_LE | left)
    return slice(offset, offset + min(le or left, left))


def native_window(header: bytes, size: int, beyond: int) -> slice:
    """Read ReadData's FileNo (1) || Offset (3 LE) || Length (3 LE), 0 for the rest (§10.8.1).

    Raises:
        RefusedError: bytes beyond the file; the status is *beyond*.
    """
    offset = int.from_bytes(header[1:4], "little")
    length = int.from_bytes(header[4:7], "little")
    if offset >= size or offset + length > size:
        raise RefusedError(beyond)
    return slice(offset, offset + length if length else size)
