"""What is in a command and in its answer: every field, by the codecs of the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ntag424.apdu import Status
from ntag424.commands import (
    GetCardUid,
    GetFileCounters,
    GetFileSettings,
    GetKeyVersion,
    GetTamperStatus,
    GetVersion,
    ReadSignature,
    key_crc,
)
from ntag424.diagnosis.apdu.values import Fault, Field, KnownKey, Part
from ntag424.model import Uid
from ntag424.model.files import FILE_SIZES, CommMode, FileSettings
from ntag424.model.version import TagVersion

_PADDED = 16
_NXP = 0x04
#: Option of SetConfiguration to the number of bytes it takes, and what it does (§10.5.1).
_OPTIONS = {
    0x00: (1, "random ID, for good"),
    0x04: (2, "no chained writing, for good"),
    0x05: (10, "capabilities; 02 in byte 4 is LRP mode, for good"),
    0x07: (2, "tamper loop, for good"),
    0x0A: (5, "limit of failed authentications"),
    0x0B: (1, "back modulation"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the data sheet says of a native command that secure messaging protects."""

    name: str
    #: Name and length of each field of CmdHeader.
    header: tuple[tuple[str, int], ...] = ()
    #: None where it is that of the file.
    mode: CommMode | None = CommMode.MAC
    has_payload: bool = False
    success: int = Status.OK

    @property
    def header_length(self) -> int:
        """How many bytes CmdHeader has."""
        return sum(length for _, length in self.header)


_FILE, _KEY = (("FileNo", 1),), (("KeyNo", 1),)
_PLACE = (*_FILE, ("offset", 3), ("length", 3))
_FULL = CommMode.FULL
SHAPES = {
    0x60: Shape("GetVersion"),
    0x51: Shape("GetCardUid", mode=_FULL),
    0x64: Shape("GetKeyVersion", _KEY),
    0xAD: Shape("ReadData", _PLACE, None),
    0x8D: Shape("WriteData", _PLACE, None, has_payload=True),
    0xC4: Shape("ChangeKey", _KEY, _FULL, has_payload=True),
    0xF5: Shape("GetFileSettings", _FILE),
    0x5F: Shape("ChangeFileSettings", _FILE, _FULL, has_payload=True),
    0xF6: Shape("GetFileCounters", _FILE, _FULL),
    0xF7: Shape("GetTTStatus", mode=_FULL),
    0x3C: Shape("Read_Sig", (("address", 1),), _FULL, success=Status.SIGNATURE_OK),
    0x5C: Shape("SetConfiguration", (("option", 1),), _FULL, has_payload=True),
}


# ---- headers --------------------------------------------------------------------------------


def header_fields(shape: Shape, header: bytes) -> Iterator[Field]:
    """Name the fields of CmdHeader."""
    at = 0
    for name, length in shape.header:
        octets = header[at : at + length]
        number = int.from_bytes(octets, "little")
        meaning = f"= {number}" if length == 3 else ""
        if name == "option" and number in _OPTIONS:
            meaning = _OPTIONS[number][1]
        yield Field(name, octets, meaning)
        at += length


def header_faults(shape: Shape, header: bytes) -> Iterator[Fault]:
    """Find what no tag takes in CmdHeader."""
    if len(header) < shape.header_length:
        text = f"has {len(header)} bytes, and {shape.header_length} are due."
        yield Fault(Part.HEADER, text)
        return
    first = header[0] if header else 0
    if shape.header == _KEY and first > 4:
        yield Fault(Part.KEY_NUMBER, f"keys are numbered 0 to 4, not {first}: 9140.")
    if shape.header[:1] == _FILE and first not in FILE_SIZES:
        yield Fault(Part.HEADER, f"files are numbered 1 to 3, not {first}: 91F0.")
    if shape.name == "Read_Sig" and first:
        yield Fault(Part.HEADER, f"the address is 00, not {first:02X}: 910C.")
    if shape.name == "SetConfiguration" and first not in _OPTIONS:
        yield Fault(Part.HEADER, f"there is no option {first:02X}: 919E.")
    if shape.header == _PLACE and first in FILE_SIZES:
        yield from _place_faults(header, FILE_SIZES[first])


def _place_faults(header: bytes, size: int) -> Iterator[Fault]:
    offset, length = header[1:4], header[4:7]
    end = int.from_bytes(offset, "little") + int.from_bytes(length, "little")
    if end <= size:
        return
    turned = int.from_bytes(offset, "big") + int.from_bytes(length, "big")
    text = f"offset and length reach to {end}, and the file has {size} bytes"
    hint = ": they are sent least significant byte first" if turned <= size else ""
    yield Fault(Part.HEADER, f"{text}{hint}.")


# ---- what is encrypted ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """CmdData, or what an answer holds, without its padding."""

    octets: bytes = field(repr=False)
    faults: tuple[Fault, ...] = ()


def unpadded(padded: bytes) -> bytes | None:
    """Undo padding method 2 of ISO/IEC 9797-1; None where there is none."""
    content, mark, zeros = padded.rpartition(b"\x80")
    is_sound = bool(mark) and not zeros.strip(b"\0") and len(zeros) < _PADDED
    return content if is_sound else None


def payload_of(shape: Shape, header: bytes, padded: bytes) -> Content | None:
    """Read what was encrypted in a command; None where it makes no sense."""
    due = _payload_lengths(shape, header)
    for length in due:
        tail = padded[length:]
        if tail and tail == b"\x80".ljust(len(tail), b"\0") and len(tail) <= _PADDED:
            return Content(padded[:length])
    content = unpadded(padded)
    if content is not None and len(padded) - len(content) > 1:
        told = " or ".join(str(length) for length in due)
        text = f"{len(content)} bytes were encrypted, and {told} are due"
        hint = _length_hint(shape, header, content)
        return Content(content, (Fault(Part.DATA, text + hint),))
    for length in due:
        tail = padded[length:]
        if len(tail) > 1 and not tail.strip(b"\0"):
            text = "80 is missing: the data are followed by zeros alone."
            return Content(padded[:length], (Fault(Part.PADDING, text),))
    return None


def _payload_lengths(shape: Shape, header: bytes) -> list[int]:
    """Give how many bytes CmdData may have before it is padded."""
    match shape.name:
        case "ChangeKey":
            return [17] if header[:1] == b"\0" else [21]
        case "WriteData":
            return [int.from_bytes(header[4:7], "little")]
        case "SetConfiguration":
            return [_OPTIONS[header[0]][0]] if header[0] in _OPTIONS else []
        case _:
            return [3 + 3 * count for count in range(1, 10)] + [3]


def _length_hint(shape: Shape, header: bytes, content: bytes) -> str:
    if shape.name != "ChangeKey":
        return "."
    if header[:1] == b"\0" and len(content) == 21:
        return ": key 0 takes the new key and its version alone, without XOR and CRC32NK."
    if header[:1] != b"\0" and len(content) == 17:
        return ": keys 1 to 4 take new key XOR old key, version, and CRC32NK."
    return "."


def payload_fields(shape: Shape, header: bytes, payload: bytes) -> Iterator[Field | Fault]:
    """Name the fields of CmdData in the clear; those of ChangeKey are not among them."""
    match shape.name:
        case "WriteData":
            yield Field("content", payload)
        case "SetConfiguration":
            yield Field("option data", payload)
            if header[:1] == b"\x05" and payload[4:5] == b"\x02":
                yield Field("effect", meaning="LRP mode from now on; the authentication ends")
        case "ChangeFileSettings":
            yield from settings_fields(payload)


def settings_fields(octets: bytes) -> Iterator[Field | Fault]:
    """Read settings as they are written: FileOption, AccessRights, and the SDM block."""
    yield Field("FileOption", octets[:1])
    yield Field("AccessRights", octets[1:3], _rights(octets[1:3]))
    if len(octets) > 3:
        yield Field("SDM block", octets[3:])
    try:
        settings = FileSettings.from_bytes(octets)
    except ValueError as error:
        yield Fault(Part.SETTINGS, f"{error}: 919E.")
        return
    yield Field("settings", meaning=f"{settings.comm_mode.name.lower()}{_sdm(settings)}")


def _rights(octets: bytes) -> str:
    digits = octets.hex().upper()
    if len(digits) != 4:
        return ""
    return f"Read {digits[2]}, Write {digits[3]}, ReadWrite {digits[0]}, Change {digits[1]}"


def _sdm(settings: FileSettings) -> str:
    sdm = settings.sdm
    if sdm is None:
        return ", without SDM"
    secured = sdm.secured
    meta = "plain" if sdm.meta_read is None else f"key {sdm.meta_read}"
    told = f", SDM: UID and counter {meta}"
    if secured is None:
        return told + ", no MAC"
    where = f"MAC by key {secured.file_read} at {secured.mac_offset}"
    return f"{told}, {where}, over the file from {secured.mac_input_offset}"


# ---- what ChangeKey says --------------------------------------------------------------------


def key_data(number: int, payload: bytes, keys: Sequence[KnownKey]) -> Iterator[Field | Fault]:
    """Take KeyData apart, and find the old key among *keys* (§10.6.1)."""
    if number == 0 or len(payload) != 21:
        yield Field("new key", payload[:16], is_secret=True)
        yield Field("key version", payload[16:17])
        return
    mixed, version, crc = payload[:16], payload[16:17], payload[17:]
    ordered = sorted(keys, key=lambda known: known.number not in (None, number))
    for known in ordered:
        new = _xor(mixed, bytes(known.key))
        if key_crc(new) == crc:
            yield Field("new key", new, is_secret=True)
            yield Field("key version", version)
            yield Field("old key", meaning=known.name)
            if known.number not in (None, number):
                text = f"the old key is that of slot {known.number}, and key {number} is changed."
                yield Fault(Part.KEY_DATA, text)
            return
    yield Field("new key XOR old key", mixed, is_secret=True)
    yield Field("key version", version)
    if ordered:
        yield Fault(Part.KEY_DATA, _why_no_old_key(mixed, payload[16:], ordered))


def _why_no_old_key(mixed: bytes, rest: bytes, keys: Sequence[KnownKey]) -> str:
    crc = rest[1:]
    if key_crc(mixed) == crc:
        return (
            "the checksum is over the 16 bytes as they were sent: the new key was not XORed with "
            "the old one, or CRC32NK is over the XOR; it is due over the new key."
        )
    for known in keys:
        old = bytes(known.key)
        new = key_crc(_xor(mixed, old))
        for made, text in (
            (key_crc(old), "CRC32NK is over the old key; it is due over the new one."),
            (new[::-1], "CRC32NK stands in reverse: least significant byte first is due."),
            (
                bytes(octet ^ 0xFF for octet in new),
                "CRC32NK was inverted at the end, as zlib does.",
            ),
        ):
            if made == crc:
                return text
        if rest[:4] == new:
            return "CRC32NK stands before the key version; it is due behind it."
    return "the old key is none of the keys given, or CRC32NK is over something else."


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


# ---- answers --------------------------------------------------------------------------------


def answer_fields(name: str, header: bytes, octets: bytes) -> Iterator[Field | Fault]:
    """Name the fields of an answer's data in the clear."""
    try:
        yield from _answer_fields(name, header, octets)
    except ValueError as error:
        yield Fault(Part.ANSWER_DATA, f"no tag answers so: {error}.")


def _answer_fields(name: str, header: bytes, octets: bytes) -> Iterator[Field | Fault]:
    if name in _ANSWERS:
        yield from _ANSWERS[name](header, octets)
    elif octets:
        raise ValueError(f"{name} is answered without data, and {len(octets)} bytes came")


def _version(_: bytes, octets: bytes) -> Iterator[Field]:
    version = GetVersion().parse(octets)
    yield Field("chip", bytes(version.hardware), _chip(version))
    yield Field("software", bytes(version.software))
    yield Field("UID", bytes(version.uid))
    yield Field("production", version.production)


def _description(header: bytes, octets: bytes) -> Iterator[Field | Fault]:
    described = GetFileSettings(header[0]).parse(octets)
    yield Field("FileSize", octets[4:7], f"= {described.size}")
    yield from settings_fields(bytes(described.settings))


def _content(header: bytes, octets: bytes) -> Iterator[Field]:
    length = int.from_bytes(header[4:7], "little")
    if length and len(octets) != length:
        raise ValueError(f"{length} bytes were asked for, and {len(octets)} came")
    yield Field("content", octets)


def _one(name: str, parse: Callable[[bytes], str]) -> _Reader:
    """Make the reader of an answer that is one field; *parse* says what it stands for."""

    def read(_: bytes, octets: bytes) -> Iterator[Field]:
        yield Field(name, octets, parse(octets))

    return read


_Reader: TypeAlias = Callable[[bytes, bytes], Iterator[Field | Fault]]
_ANSWERS: dict[str, _Reader] = {
    "GetVersion": _version,
    "GetFileSettings": _description,
    "ReadData": _content,
    "GetCardUid": _one("UID", lambda octets: f"of {_maker(GetCardUid().parse(octets))}"),
    "GetKeyVersion": _one("key version", lambda octets: f"= {GetKeyVersion(0).parse(octets)}"),
    "GetFileCounters": _one("SDMReadCtr", lambda octets: f"= {GetFileCounters().parse(octets)}"),
    "GetTTStatus": _one("status", lambda octets: GetTamperStatus().parse(octets).name.lower()),
    "Read_Sig": _one("signature", lambda octets: f"{len(ReadSignature().parse(octets))} bytes"),
}


def _maker(uid: Uid) -> str:
    return "NXP" if uid[0] == _NXP else "another maker"


def _chip(version: TagVersion) -> str:
    if version.has_tag_tamper:
        return "NTAG 424 DNA TagTamper"
    return "NTAG 424 DNA" if version.is_ntag424 else "no NTAG 424 DNA"
