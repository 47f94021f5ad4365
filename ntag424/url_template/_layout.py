"""From a template to the bytes and offsets that are written to a tag."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.model import EncryptedMirror, PiccMirror, PlainMirror, SdmSettings
from ntag424.url_template._grammar import Grammar, Placeholder

#: Size of file 02, the NDEF file (NT4H2421Gx §8.2.3).
NDEF_FILE_BYTES = 256
# URI identifier codes of the NFC Forum's URI record type, longest prefix first.
_PREFIXES = (("https://www.", 2), ("http://www.", 1), ("https://", 4), ("http://", 3))


@dataclass(frozen=True, slots=True)
class TagLayout:
    """What goes onto a tag for one template: the NDEF file and the SDM settings."""

    #: NLEN (2) || one short URI record, zeros where the tag will mirror.
    ndef_file: bytes
    sdm: SdmSettings


def lay_out(grammar: Grammar, static: dict[Placeholder, str]) -> TagLayout:
    """Place every segment; *static* holds the text of `{kv}` and `{epoch}`.

    Raises:
        ValueError: the result is larger than the NDEF file.

    """
    prefix, code = next(pair for pair in _PREFIXES if grammar.origin.startswith(pair[0]))
    text = grammar.origin.removeprefix(prefix)
    # NLEN (2), record header, type length, payload length, type and URI code (5).
    start = 7
    offsets: dict[Placeholder, int] = {}
    for segment in grammar.segments:
        if isinstance(segment, str):
            text += segment
        else:
            offsets[segment] = start + len(text)
            text += static.get(segment, "0" * segment.width)
    if start + len(text) > NDEF_FILE_BYTES:
        raise ValueError(
            f"the tag's file has {NDEF_FILE_BYTES} bytes, this template needs {start + len(text)}"
        )
    return TagLayout(_uri_record(code, text), _settings(offsets))


def _uri_record(code: int, text: str) -> bytes:
    """NLEN (2) || D1h 01h payload length 'U' || URI code (1) || text."""
    payload = bytes((code,)) + text.encode("ascii")
    record = bytes((0xD1, 0x01, len(payload))) + b"U" + payload
    return len(record).to_bytes(2, "big") + record


def _settings(offsets: dict[Placeholder, int]) -> SdmSettings:
    mac_offset = offsets[Placeholder.MAC]
    mac_input_offset = offsets.get(Placeholder.MAC_INPUT, mac_offset)
    return SdmSettings(_mirror(offsets), mac_input_offset, mac_offset)


def _mirror(offsets: dict[Placeholder, int]) -> PiccMirror:
    if Placeholder.PICC_DATA in offsets:
        return EncryptedMirror(offsets[Placeholder.PICC_DATA])
    return PlainMirror(offsets[Placeholder.UID], offsets[Placeholder.COUNTER])
