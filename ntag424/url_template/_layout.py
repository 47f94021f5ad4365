"""From a template to the bytes and offsets that are written to a tag."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.model import (
    EncryptedFileData,
    EncryptedMirror,
    Mode,
    PiccMirror,
    PlainMirror,
    SdmSettings,
)
from ntag424.ndef import HEADER_BYTES, split_prefix, uri_file
from ntag424.url_template._fields import Field, Placeholder
from ntag424.url_template._grammar import Grammar

#: Size of file 02, the NDEF file (NT4H2421Gx §8.2.3).
NDEF_FILE_BYTES = 256


@dataclass(frozen=True, slots=True)
class TagLayout:
    """What goes onto a tag for one template: the NDEF file and the SDM settings."""

    #: NLEN (2) || one short URI record, zeros where the tag will mirror. The plaintext
    #: of SDMENCFileData stands in the first half of its place.
    ndef_file: bytes
    sdm: SdmSettings


def lay_out(grammar: Grammar, mode: Mode, fixed: dict[Field, bytes]) -> TagLayout:
    """Place every segment; *fixed* holds what is written into fields: key version, file data.

    Raises:
        ValueError: the result is larger than the NDEF file.

    """
    # A prefix is not in the file, so none reaches beyond where the MAC input begins.
    code, rest = split_prefix(grammar.beginning)
    text = rest.encode("ascii")
    offsets: dict[Field, int] = {}
    for segment in grammar.segments[1:]:
        if isinstance(segment, str):
            text += segment.encode("ascii")
        else:
            offsets[segment] = HEADER_BYTES + len(text)
            text += fixed.get(segment, b"").ljust(segment.width(mode), b"0")
    if HEADER_BYTES + len(text) > NDEF_FILE_BYTES:
        raise ValueError(
            f"the tag's file has {NDEF_FILE_BYTES} bytes, this template needs "
            f"{HEADER_BYTES + len(text)}"
        )
    return TagLayout(uri_file(code, text), _settings(grammar, mode, offsets))


def _settings(grammar: Grammar, mode: Mode, offsets: dict[Field, int]) -> SdmSettings:
    mac_offset = offsets[Placeholder.MAC]
    file, encrypted = grammar.file, None
    tamper_offset = offsets.get(Placeholder.TAMPER)
    if file is not None:
        encrypted = EncryptedFileData(offsets[file], file.width(mode))
        if file.tamper_at is not None:
            tamper_offset = offsets[file] + file.tamper_at
    return SdmSettings(
        mirror=_mirror(grammar, offsets),
        mac_input_offset=offsets.get(Placeholder.MAC_INPUT, mac_offset),
        mac_offset=mac_offset,
        encrypted_file_data=encrypted,
        tamper_offset=tamper_offset,
    )


def _mirror(grammar: Grammar, offsets: dict[Field, int]) -> PiccMirror:
    picc = grammar.picc
    if picc is not None:
        return EncryptedMirror(offsets[picc], picc.tag)
    return PlainMirror(offsets.get(Placeholder.UID), offsets.get(Placeholder.COUNTER))
