"""One command inside an authentication, and its answer: MAC, counters, padding, content.

One mistake is one fault: what cannot be right because of the first is not named again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ntag424.diagnosis.apdu.commands import (
    Content,
    Shape,
    answer_fields,
    key_data,
    payload_fields,
    payload_of,
    unpadded,
)
from ntag424.diagnosis.apdu.crypto import Live, Opened, Sealed, first_that, mac_fault
from ntag424.diagnosis.apdu.values import Fault, Field, KnownKey, Part
from ntag424.model.files import FREE, CommMode, FileSettings

_MAC, _BLOCK = 8, 16
_PLAIN, _FULL = CommMode.PLAIN, CommMode.FULL
_WITH_KEY_0 = ("ChangeKey", "SetConfiguration")
#: Faults of a MAC that leave what was encrypted as it was meant.
_HARMLESS = (Part.MAC, Part.ANSWER_MAC, Part.COUNTER, Part.TRANSACTION_ID)


@dataclass(frozen=True, slots=True)
class Protected:
    """A command of the table, cut at the end of its header."""

    shape: Shape
    ins: int
    header: bytes
    #: Data and MAC.
    rest: bytes = field(repr=False)


@dataclass(slots=True)
class Findings:
    """What is found out about one exchange, in its order."""

    fields: list[Field] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, *found: Field | Fault) -> None:
        """Take note; of two faults in the same part the first counts."""
        for each in found:
            if isinstance(each, Field):
                self.fields.append(each)
            elif all(each.part is not other.part for other in self.faults):
                self.faults.append(each)


# ---- commands -------------------------------------------------------------------------------


def check_command(
    live: Live,
    command: Protected,
    settings: Mapping[int, FileSettings],
    keys: Sequence[KnownKey],
    findings: Findings,
) -> CommMode:
    """Check a command, and return how it travelled."""
    shape, header, rest = command.shape, command.header, command.rest
    due = live.command_counter
    findings.add(Field("CmdCtr", due.to_bytes(2, "little"), f"= {due} is due"))
    mode, fault = _mode(live, command, settings)
    if fault is not None:
        findings.add(fault)
    if mode is _PLAIN:
        findings.add(*payload_fields(shape, header, rest))
        return mode
    if len(rest) < _MAC:
        text = "is missing: inside an authentication the command ends in 8 bytes of it."
        findings.add(Fault(Part.MAC, text))
        return mode
    data, mac = rest[:-_MAC], rest[-_MAC:]
    misshapen = _misshapen(command, data, mode)
    if misshapen is not None:
        findings.add(ins_by_mac(live, command) or misshapen)
        return mode
    opened = _opened(live, command, data, mode)
    content = None if opened is None else payload_of(shape, header, opened.padded)
    plaintext = None if content is None else content.octets
    sealed = Sealed(
        command.ins, header + data, mac, is_answer=False, header=len(header), plaintext=plaintext
    )
    if _mac_allows(live, sealed, findings):
        _read_data(live, command, mode, keys=keys, findings=findings)
    if mode is _FULL:
        live.encryption_counter += len(data) // _BLOCK
    return mode


def _mac_allows(live: Live, sealed: Sealed, findings: Findings) -> bool:
    """Check the MAC of a command; say whether what was encrypted can be what was meant."""
    found = mac_fault(live, sealed)
    findings.add(Field("MAC", sealed.mac, "holds" if found is None else "does not hold"))
    if found is None:
        live.is_proven = True
        return True
    findings.add(found.fault)
    found.adopt(live)
    return found.fault.part in _HARMLESS


def _mode(
    live: Live, command: Protected, settings: Mapping[int, FileSettings]
) -> tuple[CommMode, Fault | None]:
    """Say how the command travels: as it is due, else as its length looks."""
    shape, number = command.shape, command.header[0] if command.header else 0
    known = settings.get(number)
    if shape.name == "ChangeFileSettings":
        return (_FULL if known is None else known.mode_for_changing()), None
    if shape.mode is not None:
        return shape.mode, _key_0_fault(live, shape)
    looks = _looks(command)
    if known is None or live.key_number is None:
        return looks, None
    return _file_mode(live.key_number, number, command, known)


def _file_mode(
    key_number: int, number: int, command: Protected, known: FileSettings
) -> tuple[CommMode, Fault | None]:
    """Compare how ReadData or WriteData looks with what the settings of the file call for."""
    looks, reading = _looks(command), command.shape.name == "ReadData"
    rights = (known.access.read if reading else known.access.write, known.access.read_write)
    if key_number not in rights and FREE not in rights:
        verb = "read" if reading else "write"
        text = f"key {key_number} has no right to {verb} file {number}: 91AE."
        return looks, Fault(Part.KEY, text)
    due = (known.mode_for_reading if reading else known.mode_for_writing)(key_number)
    if due is looks or (reading and _PLAIN not in (due, looks)):
        return due, None
    if due is _PLAIN:
        text = f"none is due: with this key file {number} is plain."
        return looks, Fault(Part.MAC, text)
    return due, None


def _key_0_fault(live: Live, shape: Shape) -> Fault | None:
    if shape.name not in _WITH_KEY_0 or live.key_number in (None, 0):
        return None
    text = f"key {live.key_number} is authenticated, and {shape.name} takes key 0: 91AE."
    return Fault(Part.KEY, text)


def _looks(command: Protected) -> CommMode:
    """Infer the mode of ReadData or WriteData by the length of the command."""
    size = len(command.rest)
    if command.shape.name == "ReadData":
        return _FULL if size else _PLAIN
    length = int.from_bytes(command.header[4:7], "little")
    if size == length:
        return _PLAIN
    return CommMode.MAC if size == length + _MAC else _FULL


def ins_by_mac(live: Live, command: Protected) -> Fault | None:
    """Name the INS with which the MAC holds, if it is another than the one there."""
    body, mac = command.header + command.rest[:-_MAC], command.rest[-_MAC:]
    found = mac_fault(live, Sealed(command.ins, body, mac, is_answer=False))
    return found.fault if found is not None and found.fault.part is Part.INS else None


def _misshapen(command: Protected, data: bytes, mode: CommMode) -> Fault | None:
    """Name data that cannot be what is due, whatever the MAC says; then all else is moot."""
    shape = command.shape
    if not shape.has_payload:
        if not data:
            return None
        text = f"{shape.name} has nothing to encrypt, and {len(data)} bytes stand before the MAC"
        block = ": a block of padding was encrypted" if len(data) == _BLOCK else ""
        return Fault(Part.DATA, f"{text}{block}: 917E.")
    if mode is not _FULL or (data and not len(data) % _BLOCK):
        return None
    text = f"{len(data)} bytes before the MAC are not whole blocks of 16"
    hint = "the MAC is missing" if command.rest and not len(command.rest) % _BLOCK else ""
    hint = hint or "it was sent in the clear, or the data and the MAC are not whole"
    return Fault(Part.DATA, f"{text}: {hint}.")


def _opened(live: Live, command: Protected, data: bytes, mode: CommMode) -> Opened | None:
    if mode is not _FULL:
        return None

    def fits(opened: Opened) -> bool:
        content = payload_of(command.shape, command.header, opened.padded)
        if content is None or opened.fault is None:
            return content is not None
        # What supposes a mistake has to make more sense: by chance much may be padding.
        told = payload_fields(command.shape, command.header, content.octets)
        return not content.faults and not any(isinstance(each, Fault) for each in told)

    return first_that(live.plaintexts(data, answer=False), fits)


def _read_data(
    live: Live,
    command: Protected,
    mode: CommMode,
    *,
    keys: Sequence[KnownKey],
    findings: Findings,
) -> None:
    """Decrypt, under the counter that the MAC was made with, and name the fields."""
    shape, header, data = command.shape, command.header, command.rest[:-_MAC]
    if not shape.has_payload:
        return
    if mode is not _FULL:
        findings.add(*payload_fields(shape, header, data))
        return
    opened = _opened(live, command, data, mode)
    if opened is None:
        if live.keys.can_decrypt:
            findings.add(_undecrypted(command, data))
        return
    if opened.fault is not None:
        findings.add(opened.fault)
    content = payload_of(shape, header, opened.padded) or Content(b"")
    findings.add(*content.faults)
    if shape.name == "ChangeKey":
        findings.add(*_read_key_data(live, command, content.octets, keys))
    else:
        findings.add(*payload_fields(shape, header, content.octets))


def _read_key_data(
    live: Live, command: Protected, payload: bytes, keys: Sequence[KnownKey]
) -> list[Field | Fault]:
    """Read KeyData; where the checksum does not hold, by an IV with which it would.

    An IV changes nothing but the first block, which is key alone: padding does not tell.
    """
    number = command.header[0]
    due = list(key_data(number, payload, keys))
    if not any(isinstance(each, Fault) for each in due):
        return due
    for opened in live.plaintexts(command.rest[:-_MAC], answer=False):
        content = payload_of(command.shape, command.header, opened.padded)
        if opened.fault is None or content is None or content.faults:
            continue
        other = list(key_data(number, content.octets, keys))
        if not any(isinstance(each, Fault) for each in other):
            return [opened.fault, *other]
    return due


def _undecrypted(command: Protected, data: bytes) -> Fault:
    if len(data) == int.from_bytes(command.header[4:7], "little"):
        return Fault(Part.PADDING, "is missing: whole blocks get one more, 80 and zeros.")
    text = "the MAC holds, and what was encrypted makes no sense: the encryption key is another."
    return Fault(Part.KEY, text)


# ---- answers --------------------------------------------------------------------------------


def check_answer(
    live: Live, command: Protected, mode: CommMode, answer: bytes, findings: Findings
) -> None:
    """Check an answer with its status word, whether it is a success or not."""
    data, second = answer[:-2], answer[-1]
    is_success = int.from_bytes(answer[-2:], "big") == command.shape.success
    if mode is _PLAIN or (not data and not is_success):
        findings.add(*_content(command, data, is_success=is_success))
        return
    if len(data) < _MAC:
        text = "is missing: a success inside an authentication has 8 bytes of it."
        findings.add(Fault(Part.ANSWER_MAC, text))
        return
    body, mac = data[:-_MAC], data[-_MAC:]
    found = mac_fault(live, Sealed(second, body, mac, is_answer=True))
    findings.add(Field("MAC of the answer", mac, "holds" if found is None else "does not hold"))
    live.is_proven |= found is None
    if found is not None:
        findings.add(found.fault)
        live.is_lost |= found.is_lost
        if found.fault.part not in _HARMLESS:
            return
    findings.add(*_content(command, _decrypted(live, command, mode, body, findings)))


def holds(live: Live, answer: bytes) -> bool:
    """Tell whether an answer's MAC holds as is due, which proves keys, TI and counter."""
    data = answer[:-2]
    if len(data) < _MAC:
        return False
    sealed = Sealed(answer[-1], data[:-_MAC], data[-_MAC:], is_answer=True)
    return live.keys.cmac(sealed.message(live))[1::2] == sealed.mac


def _content(
    command: Protected, data: bytes | None, *, is_success: bool = True
) -> tuple[Field | Fault, ...]:
    if data is None or not is_success:
        return ()
    return tuple(answer_fields(command.shape.name, command.header, data))


def _decrypted(
    live: Live, command: Protected, mode: CommMode, body: bytes, findings: Findings
) -> bytes | None:
    """Return the data of an answer in the clear; None where that cannot be."""
    if mode is not _FULL or not body or not _is_encrypted(command, body):
        return body
    name, header = command.shape.name, command.header

    def fits(opened: Opened) -> bool:
        content = unpadded(opened.padded)
        if content is None:
            return False
        return not any(isinstance(each, Fault) for each in answer_fields(name, header, content))

    opened = first_that(live.plaintexts(body, answer=True), fits)
    live.encryption_counter += len(body) // _BLOCK
    if opened is None:
        if live.keys.can_decrypt:
            text = "the MAC holds, and the answer does not decrypt: the encryption key is another."
            findings.add(Fault(Part.KEY, text))
        return None
    if opened.fault is not None:
        findings.add(opened.fault)
    return unpadded(opened.padded)


def _is_encrypted(command: Protected, body: bytes) -> bool:
    """Tell full mode from a MAC alone by the answer, where the file's mode is not known."""
    if command.shape.mode is not None:
        return True
    length = int.from_bytes(command.header[4:7], "little")
    return not len(body) % _BLOCK and len(body) != length
