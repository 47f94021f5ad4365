"""What a phone does when a tag enters its field (NFC Forum Type 4 Tag, NDEF detection)."""

from __future__ import annotations

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._file_system import APPLICATION_NAME
from ntag424.transport import Transport

_BY_ID, _BY_NAME = 0x00, 0x04
_CC_ID = bytes.fromhex("E103")
_CC_LENGTH = 15
#: Less than any real reader takes at once, so that every message spans several reads.
_CHUNK = 52


def read_ndef_file(transport: Transport) -> bytes:
    """Find the NDEF file through the CC and return NLEN (2) || message as delivered.

    Raises:
        ValueError: the tag refused a step; the sentence names the command.
    """
    _select(transport, _BY_NAME, APPLICATION_NAME)
    _select(transport, _BY_ID, _CC_ID)
    cc = _read(transport, 0, _CC_LENGTH)
    _select(transport, _BY_ID, cc[9:11])
    content = _read(transport, 0, 2)
    end = 2 + int.from_bytes(content, "big")
    while len(content) < end:
        content += _read(transport, len(content), min(_CHUNK, end - len(content)))
    return content


def _select(transport: Transport, manner: int, target: bytes) -> None:
    _ask(transport, CommandApdu(0xA4, target, cla=0x00, p1=manner, p2=0x0C))


def _read(transport: Transport, offset: int, length: int) -> bytes:
    p1, p2 = divmod(offset, 0x100)
    return _ask(transport, CommandApdu(0xB0, cla=0x00, p1=p1, p2=p2, le=length))


def _ask(transport: Transport, command: CommandApdu) -> bytes:
    answer = transport.transmit(command)
    if answer.status != Status.ISO_OK:
        asked = bytes(command).hex().upper()
        raise ValueError(f"the tag answered {answer.status:04X} to the phone's {asked}")
    return answer.data
