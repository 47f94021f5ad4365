"""Whole files, read and written in pieces that every reader and every tear can take."""

from __future__ import annotations

from ntag424.commands import MOST_READ, GetFileSettings, ReadData, WriteData
from ntag424.exchange import exchange
from ntag424.flow import Flow
from ntag424.model.files import CommMode
from ntag424.secure_channel import SecureChannel

#: Most bytes of a WriteData that fits one frame of the radio (128 bytes), by mode. What
#: takes two frames may be written by half if the tag leaves in between.
SAFE_WRITE = {CommMode.PLAIN: 112, CommMode.MAC: 104, CommMode.FULL: 95}
#: Bytes that the cheapest readers deliver in one answer, with MAC and padding.
SAFE_READ = 48


def read_file(
    channel: SecureChannel, number: int, *, offset: int = 0, length: int | None = None
) -> Flow[bytes]:
    """Read *length* bytes of file *number* from *offset*, by default all of them.

    Asks for the file's settings first, to know how to ask for the rest.

    Raises:
        TagRefusedError: the authenticated key may not read it, or the file is shorter.

    """
    description = yield from exchange(channel, GetFileSettings(number))
    mode = description.settings.mode_for_reading(channel.key_number)
    end = description.size if length is None else offset + length
    step = min(SAFE_READ, MOST_READ[mode])
    content = b""
    for start in range(offset, end, step):
        content += yield from exchange(
            channel, ReadData(number, start, min(step, end - start), mode)
        )
    return content


def write_file(
    channel: SecureChannel, number: int, content: bytes, *, offset: int = 0
) -> Flow[None]:
    """Write *content* into file *number* at *offset*; every piece fits one frame.

    Raises:
        TagRefusedError: the authenticated key may not write it, or the file is shorter.

    """
    description = yield from exchange(channel, GetFileSettings(number))
    mode = description.settings.mode_for_writing(channel.key_number)
    step = SAFE_WRITE[mode]
    for start in range(0, len(content), step):
        yield from exchange(
            channel, WriteData(number, offset + start, content[start : start + step], mode)
        )
