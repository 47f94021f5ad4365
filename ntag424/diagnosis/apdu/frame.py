"""The frame of a command: CLA to Le; and the ISO commands, which are little more than that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ntag424.commands import APPLICATION_NAME, FILE_IDS, PICC_NAME
from ntag424.diagnosis.apdu.commands import SHAPES
from ntag424.diagnosis.apdu.values import Fault, Field, Part

FIRST, NON_FIRST, NEXT_FRAME = 0x71, 0x77, 0xAF
_NATIVE = frozenset({*SHAPES, FIRST, NON_FIRST, NEXT_FRAME})
_SELECT, _READ, _UPDATE = 0xA4, 0xB0, 0xD6
_ISO = {_SELECT: "IsoSelectFile", _READ: "IsoReadBinary", _UPDATE: "IsoUpdateBinary"}
_CLA_NATIVE, _CLA_ISO, CLA_READER = 0x90, 0x00, 0xFF
_DF_NAMES = {PICC_NAME: "the chip's level", APPLICATION_NAME: "the application"}
_MF, _DF = bytes.fromhex("3F00"), bytes.fromhex("E110")
_FILES = {number.to_bytes(2, "big"): f"file {file}" for file, number in FILE_IDS.items()}
_IDS = {_MF: "the chip's level", _DF: "the application", b"": "the chip's level", **_FILES}


@dataclass(frozen=True, slots=True)
class Frame:
    """A command cut into its parts, as well as its length allows."""

    cla: int
    ins: int
    parameters: bytes
    body: bytes = field(repr=False)
    le: int | None
    faults: tuple[Fault, ...] = ()

    @property
    def is_iso(self) -> bool:
        """Whether it is one of the three ISO commands; a wrong CLA does not hide it."""
        return self.ins in _ISO and self.ins not in _NATIVE and self.cla != CLA_READER

    @property
    def is_for_the_reader(self) -> bool:
        """Whether it never reaches the tag (PC/SC part 3)."""
        return self.cla == CLA_READER and self.ins not in _NATIVE

    def frame_faults(self) -> Iterator[Fault]:
        """Find what is wrong around the data."""
        due = _CLA_ISO if self.is_iso else _CLA_NATIVE
        if self.cla != due:
            kind = "ISO" if self.is_iso else "native"
            yield Fault(Part.CLA, f"{kind} commands have {due:02X}, not {self.cla:02X}: 6E00.")
        yield from self.faults
        if self.is_iso:
            return
        if self.parameters.strip(b"\0"):
            yield Fault(Part.P1_P2, f"native commands have 0000, not {self.parameters.hex()}.")
        if self.le != 0:
            shown = "is missing" if self.le is None else f"is {self.le:02X}"
            yield Fault(Part.LE, f"{shown}; native commands end in 00.")

    def frame_fields(self) -> Iterator[Field]:
        """Name CLA, INS, P1 and P2; Lc and Le follow from the data."""
        yield Field("CLA INS P1 P2", bytes((self.cla, self.ins)) + self.parameters)


def cut(octets: bytes) -> Frame:
    """Cut a command; where Lc contradicts its length, by the length."""
    octets = octets.ljust(4, b"\0")
    cla, ins, parameters, rest = octets[0], octets[1], octets[2:4], octets[4:]
    if len(rest) < 2:
        return Frame(cla, ins, parameters, b"", rest[0] if rest else None)
    lc, behind = rest[0], rest[1:]
    if len(behind) == lc:
        return Frame(cla, ins, parameters, behind, None)
    if len(behind) == lc + 1:
        return Frame(cla, ins, parameters, behind[:-1], behind[-1])
    text = f"it says {lc}, and {len(behind)} bytes follow: {len(behind) - 1} and Le, or no Le."
    if behind[-1] == 0:
        return Frame(cla, ins, parameters, behind[:-1], 0, (Fault(Part.LC, text),))
    return Frame(cla, ins, parameters, behind, 0, (Fault(Part.LC, text),))


def part_1_faults(frame: Frame, *, is_first: bool) -> Iterator[Fault]:
    """Find what is wrong in part 1 of an authentication."""
    body = frame.body
    if body and body[0] > 4:
        yield Fault(Part.KEY_NUMBER, f"keys are numbered 0 to 4, not {body[0]}: 9140.")
    if not is_first and len(body) != 1:
        yield Fault(Part.LC, f"NonFirst has KeyNo alone, and {len(body)} bytes are there: 917E.")
    if not is_first:
        return
    if len(body) < 2:
        yield Fault(Part.LC, "LenCap is missing: KeyNo 00 is the least: 917E.")
    elif body[1] != len(body) - 2:
        text = f"LenCap says {body[1]}, and {len(body) - 2} bytes of PCDcap2 follow: 917E."
        yield Fault(Part.HEADER, text)
    elif len(body) > 2 and body[2] & ~0x02:
        text = f"PCDcap2 begins with {body[2]:02X}; 02 asks for LRP, 00 for AES."
        yield Fault(Part.HEADER, text)


# ---- ISO commands ---------------------------------------------------------------------------


def iso_name(frame: Frame) -> str:
    """Return what the library calls the command."""
    if frame.ins == _SELECT and frame.parameters[0] == 0x04:
        return "IsoSelectApplication"
    return _ISO[frame.ins]


def selects(frame: Frame) -> bool | None:
    """Say whether a select leads to the application; None where it is no select."""
    if frame.ins != _SELECT:
        return None
    return frame.body not in (PICC_NAME, _MF, b"")


def iso_fields(frame: Frame) -> Iterator[Field]:
    """Name the fields of an ISO command."""
    if frame.ins == _SELECT:
        yield Field("selected", frame.body, _DF_NAMES.get(frame.body) or _IDS.get(frame.body, ""))
        return
    first, second = frame.parameters
    if first & 0x80:
        yield Field("short file id", bytes((first & 0x1F,)))
        yield Field("offset", bytes((second,)), f"= {second}")
    else:
        yield Field("offset", frame.parameters, f"= {first << 8 | second}")
    if frame.ins == _UPDATE:
        yield Field("content", frame.body)
    elif frame.le is not None:
        yield Field("Le", bytes((frame.le,)), "to the end" if not frame.le else f"= {frame.le}")


def iso_faults(frame: Frame, answer: bytes | None) -> Iterator[Fault]:
    """Find what no tag takes in an ISO command; *answer* is its data, where it succeeded."""
    if frame.ins == _SELECT:
        yield from _select_faults(frame)
    elif frame.ins == _UPDATE:
        if frame.le is not None:
            text = "stands behind the data of IsoUpdateBinary, and real tags answer it with 6700."
            yield Fault(Part.LE, text)
    elif frame.body:
        yield Fault(Part.LC, "IsoReadBinary has no data.")
    elif frame.le is None:
        yield Fault(Part.LE, "is missing: how many bytes are to be read?")
    elif answer is not None and frame.le and len(answer) != frame.le:
        yield Fault(Part.LE, f"asks for {frame.le} bytes, and {len(answer)} came.")


def _select_faults(frame: Frame) -> Iterator[Fault]:
    first, second = frame.parameters
    if first > 4 or second not in (0x00, 0x0C):
        text = (
            f"{frame.parameters.hex().upper()} selects nothing: 04 0C by name, 00 0C by file id."
        )
        yield Fault(Part.P1_P2, text)
    elif first == 4 and frame.body not in _DF_NAMES:
        is_id = frame.body in _IDS
        text = "P1 04 selects by name, and this is a file id." if is_id else "no DF has this name."
        yield Fault(Part.P1_P2 if is_id else Part.DATA, text)
    elif first != 4 and frame.body not in _IDS:
        is_name = frame.body in _DF_NAMES
        text = "this is a DF name, which P1 04 selects." if is_name else "no file has this id."
        yield Fault(Part.P1_P2 if is_name else Part.DATA, text)
