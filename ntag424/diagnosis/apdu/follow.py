"""Follows a conversation with a tag exchange by exchange, as host and tag both do.

What is tracked: the selected application, a challenge that waits for its proof, the
frames of GetVersion, the authentication with its counters, and the settings of files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424.apdu import Status
from ntag424.diagnosis.apdu import frame as frames
from ntag424.diagnosis.apdu.commands import (
    SHAPES,
    Shape,
    answer_fields,
    header_faults,
    header_fields,
    payload_fields,
)
from ntag424.diagnosis.apdu.crypto import Live
from ntag424.diagnosis.apdu.handshake import Parts, follow
from ntag424.diagnosis.apdu.messaging import (
    Findings,
    Protected,
    check_answer,
    check_command,
    holds,
    ins_by_mac,
)
from ntag424.diagnosis.apdu.values import DecodedExchange, Exchange, Fault, Field, Known, Part
from ntag424.model.files import CommMode, FileSettings
from ntag424.status_words import Authentication, explain, reader_error

_UNLISTED = explain(0).cause
_SUCCESSES = (Status.OK, Status.SIGNATURE_OK, Status.ADDITIONAL_FRAME, Status.ISO_OK)
_WITH_SETTINGS = ("GetFileSettings", "ChangeFileSettings")
_LRP_ANSWER = 17
_CAPABLE_OF_LRP = 0x02


@dataclass(frozen=True, slots=True)
class _Challenge:
    """Part 1 of an authentication was answered."""

    name: str
    key_number: int
    is_first: bool
    answer: bytes = field(repr=False)


@dataclass(slots=True)
class _Version:
    """GetVersion is under way: its command, and the data of its frames so far."""

    command: Protected
    mode: CommMode
    data: bytes = b""


class Conversation:
    """One conversation, from wherever it begins."""

    def __init__(self, known: Known) -> None:
        self._keys = known.keys
        self._settings = dict(known.settings)
        self._live = None if known.session is None else Live.of(known.session)
        self._selected: bool | None = None
        self._nobody = False
        self._challenge: _Challenge | None = None
        self._version: _Version | None = None

    def decode(self, exchange: Exchange) -> DecodedExchange:
        """Read the next exchange."""
        frame, answer, findings = frames.cut(exchange.command), exchange.answer, Findings()
        if answer is not None and len(answer) < 2:
            findings.add(Fault(Part.STATUS, "the answer has none: it was cut off."))
            answer = None
        before, selected = self._authentication, self._selected
        if frame.is_for_the_reader:
            name = "a command for the reader itself"
        elif frame.is_iso:
            name = self._iso(frame, answer, findings)
        else:
            name = self._native(frame, answer, findings)
        base = name.partition(",")[0]
        cause, advice, refused = "", "", False
        if answer is not None:
            status = int.from_bytes(answer[-2:], "big")
            told = explain(status, base, authentication=before, selected=selected)
            cause, advice, refused = told.cause, told.advice, status not in _SUCCESSES
            _check_status(base, status, findings)
        if refused and not frame.is_for_the_reader:
            self._end()
        return DecodedExchange(
            exchange=exchange,
            name=name,
            fields=tuple(findings.fields),
            cause=cause,
            advice=advice,
            faults=tuple(findings.faults),
            is_refused=refused,
        )

    @property
    def _authentication(self) -> Authentication | None:
        if self._live is not None:
            number = self._live.key_number
            return None if number is None else Authentication.with_key(number)
        return Authentication.NOBODY if self._nobody else None

    def _end(self) -> None:
        self._live, self._challenge, self._version = None, None, None
        self._nobody = True

    # ---- ISO commands -----------------------------------------------------------------------

    def _iso(self, frame: frames.Frame, answer: bytes | None, findings: Findings) -> str:
        findings.add(*frame.frame_fields(), *frames.iso_fields(frame), *frame.frame_faults())
        succeeded = _status(answer) == Status.ISO_OK
        data = answer[:-2] if answer is not None and succeeded else None
        findings.add(*frames.iso_faults(frame, data))
        if data:
            findings.add(Field("content", data))
        selects = frames.selects(frame)
        if succeeded and selects is not None:
            # Whether a select ends an authentication is not certain: it goes on if MACs hold.
            self._selected = selects
            self._nobody = self._nobody or self._live is None
        return frames.iso_name(frame)

    # ---- native commands --------------------------------------------------------------------

    def _native(self, frame: frames.Frame, answer: bytes | None, findings: Findings) -> str:
        findings.add(*frame.frame_fields(), *frame.frame_faults())
        if frame.ins in (frames.FIRST, frames.NON_FIRST):
            return self._part_1(frame, answer, findings)
        if frame.ins == frames.NEXT_FRAME:
            return self._next(frame, answer, findings)
        if self._challenge is not None or self._version is not None:
            text = "the frame AF of the command before is due; its sequence is broken off by this."
            findings.add(Fault(Part.SEQUENCE, text))
            self._challenge, self._version = None, None
        shape = SHAPES.get(frame.ins)
        if shape is None:
            self._unknown(frame, findings)
            return "an unknown command"
        header = frame.body[: shape.header_length]
        command = Protected(shape, frame.ins, header, frame.body[len(header) :])
        findings.add(*header_fields(shape, header))
        if self._live is None:
            self._in_the_clear(command, answer, findings)
        else:
            self._protected(self._live, command, answer, findings)
        if not findings.faults:
            # By the MAC it may be known already which byte is wrong.
            findings.add(*header_faults(shape, header))
        if _status(answer) == shape.success and not findings.faults:
            self._learn(command, findings)
        return shape.name

    def _unknown(self, frame: frames.Frame, findings: Findings) -> None:
        by_mac = None
        if self._live is not None and len(frame.body) >= 8:
            unknown = Protected(Shape(""), frame.ins, b"", frame.body)
            by_mac = ins_by_mac(self._live, unknown)
        text = f"NTAG 424 DNA has no command {frame.ins:02X}: 911C."
        findings.add(by_mac or Fault(Part.INS, text))

    def _in_the_clear(self, command: Protected, answer: bytes | None, findings: Findings) -> None:
        shape = command.shape
        if self._nobody or not (shape.has_payload and shape.mode is CommMode.FULL):
            findings.add(*payload_fields(shape, command.header, command.rest))
        elif command.rest:
            findings.add(Field("data and MAC", command.rest, "no authentication is known"))
        if answer is None:
            return
        status = _status(answer)
        if shape.name == "GetVersion" and status == Status.ADDITIONAL_FRAME:
            self._version = _Version(command, CommMode.PLAIN, answer[:-2])
        elif status == shape.success and (self._nobody or not _may_be_sealed(command)):
            findings.add(*answer_fields(shape.name, command.header, answer[:-2]))
        elif answer[:-2]:
            findings.add(Field("answer", answer[:-2]))

    def _protected(
        self, live: Live, command: Protected, answer: bytes | None, findings: Findings
    ) -> None:
        shape = command.shape
        succeeded = _status(answer) == shape.success
        live.is_proven |= answer is not None and holds(live, answer)
        mode = check_command(live, command, self._settings, self._keys, findings)
        if live.is_lost:
            self._live, self._nobody = None, False
            return
        if shape.name == "GetVersion" and _status(answer) == Status.ADDITIONAL_FRAME:
            self._version = _Version(command, mode, (answer or b"")[:-2])
            return
        if succeeded and _ends_authentication(command, answer, findings):
            self._end()
            return
        if answer is not None:
            check_answer(live, command, mode, answer, findings)
        live.command_counter = live.counter(answer=True)

    def _learn(self, command: Protected, findings: Findings) -> None:
        """Keep the settings that were told or changed, for the modes of later commands."""
        told = {each.name: each.octets for each in findings.fields}
        if command.shape.name in _WITH_SETTINGS and "FileOption" in told:
            octets = told["FileOption"] + told["AccessRights"] + told.get("SDM block", b"")
            self._settings[command.header[0]] = FileSettings.from_bytes(octets)

    # ---- frames that follow -----------------------------------------------------------------

    def _next(self, frame: frames.Frame, answer: bytes | None, findings: Findings) -> str:
        challenge, version = self._challenge, self._version
        self._challenge = None
        if challenge is not None:
            return self._part_2(challenge, frame, answer, findings)
        if version is None:
            text = "AF goes on with something, and nothing is under way."
            findings.add(Fault(Part.SEQUENCE, text))
            return "a further frame"
        if frame.body:
            findings.add(Fault(Part.DATA, "a further frame of GetVersion has no data."))
        status = _status(answer)
        version.data += b"" if answer is None else answer[:-2]
        if status != Status.ADDITIONAL_FRAME:
            self._version = None
        if answer is not None and status == Status.OK:
            whole = version.data + answer[-2:]
            if self._live is None:
                findings.add(*answer_fields("GetVersion", b"", version.data))
            else:
                check_answer(self._live, version.command, version.mode, whole, findings)
                self._live.command_counter = self._live.counter(answer=True)
        return "GetVersion, further frame"

    def _part_1(self, frame: frames.Frame, answer: bytes | None, findings: Findings) -> str:
        is_first = frame.ins == frames.FIRST
        body, data = frame.body, b"" if answer is None else answer[:-2]
        number = body[0] if body else 0
        asks_lrp = is_first and len(body) > 2 and bool(body[2] & _CAPABLE_OF_LRP)
        is_lrp = len(data) == _LRP_ANSWER if data else asks_lrp
        name = f"Authenticate{'LRP' if is_lrp else 'EV2'}{'First' if is_first else 'NonFirst'}"
        findings.add(Field("KeyNo", body[:1]))
        if is_first:
            findings.add(Field("LenCap, PCDcap2", body[1:], "asks for LRP" if asks_lrp else ""))
        findings.add(*frames.part_1_faults(frame, is_first=is_first))
        if data and len(data) not in (16, _LRP_ANSWER):
            text = f"no tag's challenge has {len(data)} bytes."
            findings.add(Fault(Part.ANSWER_DATA, text))
        elif data:
            findings.add(Field("challenge", data, "LRP mode" if is_lrp else "E(K, RndB)"))
            self._challenge = _Challenge(name, number, is_first, data)
        return f"{name}, part 1"

    def _part_2(
        self, challenge: _Challenge, frame: frames.Frame, answer: bytes | None, findings: Findings
    ) -> str:
        succeeded = _status(answer) == Status.OK
        proof = answer[:-2] if answer is not None and succeeded else None
        parts = Parts(
            challenge.key_number, challenge.is_first, challenge.answer, frame.body, proof
        )
        followed = follow(parts, self._keys, self._live, is_refused=answer is not None)
        findings.add(*followed.fields, *followed.faults)
        if followed.live is not None:
            self._live = followed.live
        elif succeeded:
            self._live, self._nobody = None, False
        return f"{challenge.name}, part 2"


def _status(answer: bytes | None) -> int | None:
    return None if answer is None else int.from_bytes(answer[-2:], "big")


def _may_be_sealed(command: Protected) -> bool:
    """Tell whether a MAC may be behind the header, of an authentication that is not known."""
    return len(command.rest) == 8 or command.shape.has_payload


def _ends_authentication(command: Protected, answer: bytes | None, findings: Findings) -> bool:
    """Tell whether a success is a bare status word, because there is no key left for a MAC."""
    is_master = command.shape.name == "ChangeKey" and command.header[:1] == b"\0"
    is_lrp = any(each.name == "effect" for each in findings.fields)
    is_unstated = command.shape.name == "SetConfiguration" and command.header[:1] != b"\0"
    bare = answer is not None and len(answer) == 2
    return is_master or is_lrp or (is_unstated and bare)


def _check_status(name: str, status: int, findings: Findings) -> None:
    """Find what a status word gives away."""
    if explain(status).cause == _UNLISTED:
        text = f"no tag answers {status:04X}: the data sheet does not list it."
        findings.add(Fault(Part.STATUS, text))
    if reader_error(status) is not None:
        text = f"{status:04X} is the reader's own: {explain(status).cause}."
        findings.add(Fault(Part.STATUS, text))
    elif name == "ChangeKey" and status == Status.INTEGRITY_ERROR and not findings.faults:
        text = "MAC, padding and checksum hold: the old key is not the one on the tag."
        findings.add(Fault(Part.KEY_DATA, text))
