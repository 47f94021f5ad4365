"""Finds commands and answers in a log as people paste it.

Most logs mark who speaks, by an arrow or a word, and write hex behind it; some wrap
what they log into frames of ISO/IEC 14443-4, of NCI or of a PN53x, or write several
lines. What is no APDU, such as the anticollision, is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from ntag424.diagnosis.apdu.values import Exchange

_OCTET = r"(?:0x)?[0-9A-Fa-f]{2}"
_RUN = re.compile(rf"(?<![0-9A-Za-z]){_OCTET}(?:[ \t:,-]*{_OCTET})*(?![0-9A-Za-z])")
_NUMBER = r"(?:0x[0-9A-Fa-f]{1,2}|\d{1,3})"
_LIST = re.compile(rf"\[\s*((?:{_NUMBER}(?:\s*,\s*{_NUMBER})*)?)\s*\]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: Arrows count before words, and words for answers before those for commands.
_SENT_ARROW = re.compile(r"[-=]{1,16}>|>>+|→|^\s*>(?=\s)")
_RECEIVED_ARROW = re.compile(r"<[-=]+|<<+|←|^\s*<(?=\s)")
_RECEIVED_WORD = re.compile(
    r"\b(?:r-?apdu|recv|rcvd|received?|bytesreceived|rx|response|resp|answer|reply|incoming|sw|status)"
    r"\b(?!\w)",
    re.IGNORECASE,
)
_SENT_WORD = re.compile(
    r"\b(?:c-?apdu|sen[dt]|sending|bytessending|tx|transmit\w*|transceive|request|req|command|cmd"
    r"|outgoing|apdu)\b",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"SW1\W{0,4}(?:0x)?([0-9A-F]{2})\W.{0,8}?SW2\W{0,4}(?:0x)?([0-9A-F]{2})"
    r"|(?:SW|status)\w*\s*[=:]\s*(?:0x)?([0-9A-F]{2})\s?([0-9A-F]{2})"
    r"|\(0x([0-9A-F]{2})([0-9A-F]{2})\)",
    re.IGNORECASE,
)
#: What pyscard's `transmit` returns, printed: data, SW1, SW2.
_TUPLE = re.compile(rf"\],\s*({_NUMBER}),\s*({_NUMBER})\s*\)")
_PYSCARD = re.compile(
    r"^\s*<\s+(\[\]|(?:[0-9A-F]{2} )*[0-9A-F]{2})?\s*([0-9A-F]{1,2}) +([0-9A-F]{1,2})\s*$"
)
_QUOTES = "[\\s`'\"]*"
_BOTH = re.compile(rf"^\W*({_RUN.pattern}){_QUOTES}(?:[-=]+>|→){_QUOTES}({_RUN.pattern})\W*$")

_TRACE_ROW = re.compile(r"^\s*\d*\s*\|\s*\d*\s*\|\s*(Rdr|Tag|)\s*\|([^|]*)\|")
_PROMPT = re.compile(r"pm3 -->\s*hf 14a (raw|apdu)\s+(.*)")
_PM3_ANSWER = re.compile(
    r"^\[\+\]\s*((?:[0-9A-Fa-f]{2}\s+)+)(?:\[\s*((?:[0-9A-Fa-f]{2}\s*){2})\])?\s*$"
)
_NCI = re.compile(r"Nci([XR])\s*:\s*len\s*=\s*\d+\s*[<>=]+\s*([0-9A-Fa-f]+)")
_PN53X = re.compile(r"\b([TR])X\W+((?:[0-9A-Fa-f]{2}[ ]?){6,})")
_DUMP = re.compile(r"^(===>|<===)?\s+([0-9a-f]{4,8})\s+((?:[0-9a-f]{2}[ ]{1,2})+)\s*(?:\||$)")
_ANNOUNCED = re.compile(r"(Outgoing|Incoming) APDU\D*(\d+) bytes", re.IGNORECASE)

#: No line with an APDU, which has 261 bytes at most, is as long.
_MOST_CHARACTERS = 4096
_ANTICOLLISION = (0x93, 0x95, 0x97)
_COMMAND_CLASSES = (0x00, 0x90, 0xFF)


class _From(Enum):
    """Who spoke."""

    HOST = "host"
    TAG = "tag"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Heard:
    """Octets that one side sent; *appends* to what it sent before."""

    source: _From
    octets: bytes = field(repr=False)
    appends: bool = False


def read_log(text: str) -> tuple[Exchange, ...]:
    """Return the exchanges in *text*, in their order; none if there is nothing like one.

    Commands and answers are read alternately; what is logged twice in a row counts
    once. Two lines of hex without any mark are a command and its answer.
    """
    reader = _LineReader()
    joined = _Joined()
    for number, line in enumerate(text.splitlines(), 1):
        for heard in reader.read(_COLOUR.sub("", line[:_MOST_CHARACTERS])):
            joined.take(heard, number)
    return tuple(joined.exchanges())


# ---- lines ----------------------------------------------------------------------------------


class _LineReader:
    """Turns lines into what was sent; remembers what goes on over several of them."""

    def __init__(self) -> None:
        self._frames = _Frames()
        #: Who speaks in a dump or an announced block, and how many bytes are still due.
        self._speaking = _From.UNKNOWN
        self._due = 0
        self._raw = False
        self._row = (_From.UNKNOWN, b"")
        self._formats: tuple[Callable[[str], list[_Heard] | None], ...] = (
            self._announced,
            self._trace_row,
            self._prompt,
            self._pm3_answer,
            self._nci,
            self._pn53x,
            self._dump,
            _generic,
        )

    def read(self, line: str) -> list[_Heard]:
        """Return what this line tells."""
        for each in self._formats:
            found = each(line)
            if found is not None:
                return found
        return []

    def _announced(self, line: str) -> list[_Heard] | None:
        """OpenSC: the number of bytes, then lines of sixteen with their text behind them."""
        match = _ANNOUNCED.search(line)
        if match is not None:
            self._speaking = _From.HOST if match[1].lower() == "outgoing" else _From.TAG
            self._due = int(match[2])
            return [_Heard(self._speaking, b"")]
        if not self._due:
            return None
        count = min(self._due, 16)
        row = re.match(rf"\s*((?:[0-9A-Fa-f]{{2}}\s+){{{count - 1}}}[0-9A-Fa-f]{{2}})\b", line)
        if row is None:
            self._due = 0
            return None
        self._due -= count
        return [_Heard(self._speaking, bytes.fromhex(row[1]), appends=True)]

    def _trace_row(self, line: str) -> list[_Heard] | None:
        """proxmark3, `trace list`: a table of frames with CRC, long ones over several rows."""
        match = _TRACE_ROW.match(line)
        if match is None:
            return None
        octets = _hex(match[2].replace("!", " ").partition("(")[0])
        if match[1]:
            self._row = (_From.HOST if match[1] == "Rdr" else _From.TAG, octets)
        else:
            self._row = (self._row[0], self._row[1] + octets)
        is_whole = _crc_a(self._row[1][:-2]) == self._row[1][-2:]
        return self._frames.take(*self._row) if is_whole else []

    def _prompt(self, line: str) -> list[_Heard] | None:
        """proxmark3, `hf 14a raw` and `hf 14a apdu`: the command as it was typed."""
        match = _PROMPT.search(line)
        if match is None:
            return None
        self._raw = match[1] == "raw"
        words = re.sub(r"-\w*[tbl]\s+\d+\b", " ", match[2]).split()
        octets = _hex(
            "".join(word for word in words if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", word))
        )
        if self._raw:
            return self._frames.take(_From.HOST, octets)
        return [_Heard(_From.HOST, octets)]

    def _pm3_answer(self, line: str) -> list[_Heard] | None:
        match = _PM3_ANSWER.match(line)
        if match is None or not self._raw:
            return None
        return self._frames.take(_From.TAG, _hex(match[1]))

    def _nci(self, line: str) -> list[_Heard] | None:
        """Android, the NCI packets that NXP's stack logs: 00h 00h length, then the APDU."""
        match = _NCI.search(line)
        if match is None:
            return None
        octets = _hex(match[2])
        source = _From.HOST if match[1] == "X" else _From.TAG
        if len(octets) < 3 or octets[0] & 0xEF or octets[2] != len(octets) - 3:
            return []
        return self._frames.join(source, octets[3:], goes_on=bool(octets[0] & 0x10))

    def _pn53x(self, line: str) -> list[_Heard] | None:
        """libnfc, below libfreefare: InDataExchange of a PN53x, D4 40 01 and D5 41 00."""
        match = _PN53X.search(line)
        if match is None:
            return None
        octets = _hex(match[2])
        mark = bytes.fromhex("D44001" if match[1] == "T" else "D54100")
        at = octets.find(mark)
        if at < 0:
            return None if _PN53X_FRAME not in octets else []
        head, tail = octets[:at], octets[at + 3 :]
        if head[-5:-2] == _PN53X_FRAME:
            tail = tail[: head[-2] - 3]
        return [_Heard(_From.HOST if match[1] == "T" else _From.TAG, tail)]

    def _dump(self, line: str) -> list[_Heard] | None:
        """libfreefare: an arrow, an offset, sixteen bytes and their text; offsets go on."""
        match = _DUMP.match(line)
        if match is None or (match[1] is None and int(match[2], 16) == 0):
            return None
        if match[1] is not None:
            self._speaking = _From.HOST if match[1] == "===>" else _From.TAG
        return [_Heard(self._speaking, _hex(match[3]), appends=match[1] is None)]


_PN53X_FRAME = bytes.fromhex("0000FF")


def _generic(line: str) -> list[_Heard] | None:
    """Any log that marks who speaks by an arrow or a word, and writes hex or a list of numbers."""
    both = _BOTH.match(line)
    if both is not None:
        return [_Heard(_From.HOST, _hex(both[1])), _Heard(_From.TAG, _hex(both[2]))]
    pyscard = _PYSCARD.match(line)
    if pyscard is not None:
        digits = "".join(part.zfill(2) for part in pyscard.groups()[1:])
        return [_Heard(_From.TAG, _hex((pyscard[1] or "").strip("[]") + digits))]
    source, behind = _marked(line)
    octets, read = _octets(line[behind:])
    if source is _From.TAG:
        octets = _with_status(octets, line, read)
    if source is _From.UNKNOWN and not re.fullmatch(rf"\W*{_RUN.pattern}\W*", line):
        octets = _octets(line)[0] if _LIST.search(line) else b""
    return [_Heard(source, octets)] if octets else None


def _marked(line: str) -> tuple[_From, int]:
    """Say who speaks, and behind which character."""
    for pattern, source in (
        (_RECEIVED_ARROW, _From.TAG),
        (_SENT_ARROW, _From.HOST),
        (_RECEIVED_WORD, _From.TAG),
        (_SENT_WORD, _From.HOST),
    ):
        match = pattern.search(line)
        if match is not None:
            return source, match.end()
    return _From.UNKNOWN, 0


def _octets(text: str) -> tuple[bytes, str]:
    """Find a list of numbers, or the longest run of hex; give it as it was written, too."""
    match = _LIST.search(text)
    if match is not None and (not match[1] or "," in match[1]):
        numbers = [_number(number) for number in re.findall(r"0x[0-9A-Fa-f]+|\d+", match[1])]
        if all(number < 0x100 for number in numbers):
            return bytes(numbers), match[0]
    runs = [(_hex(match[0]), match[0]) for match in _RUN.finditer(text)]
    return max(runs, key=lambda run: len(run[0]), default=(b"", ""))


def _with_status(octets: bytes, line: str, read: str) -> bytes:
    """Add the status word that a line tells beside the data, which were *read* already."""
    printed = _TUPLE.search(line)
    if printed is not None:
        numbers = [_number(number) for number in printed.groups()]
        return octets + bytes(numbers) if max(numbers) < 0x100 else octets
    match = _STATUS.search(line.replace(read, " ", 1))
    if match is None:
        return octets
    return octets + bytes(int(group, 16) for group in match.groups() if group is not None)


def _number(text: str) -> int:
    return int(text, 16) if text.startswith("0x") else int(text)


def _hex(text: str) -> bytes:
    digits = re.sub(r"0x|[^0-9A-Fa-f]", "", text)
    return bytes.fromhex(digits) if len(digits) % 2 == 0 else b""


# ---- frames of ISO/IEC 14443-4 --------------------------------------------------------------


class _Frames:
    """Takes APDUs out of the blocks that carry them, and joins those that are chained."""

    def __init__(self) -> None:
        self._parts: dict[_From, bytes] = {}

    def take(self, source: _From, frame: bytes) -> list[_Heard]:
        """Take one block; with its CRC or without."""
        if len(frame) > 3 and _crc_a(frame[:-2]) == frame[-2:]:
            frame = frame[:-2]
        if len(frame) < 2 or frame[0] & 0xE2 != 0x02:
            return []
        pcb = frame[0]
        start = 1 + bool(pcb & 0x08) + bool(pcb & 0x04)
        return self.join(source, frame[start:], goes_on=bool(pcb & 0x10))

    def join(self, source: _From, part: bytes, *, goes_on: bool) -> list[_Heard]:
        """Join the parts of one APDU, and give it when it is whole."""
        whole = self._parts.pop(source, b"") + part
        if goes_on:
            self._parts[source] = whole
            return []
        return [_Heard(source, whole)]


def _crc_a(octets: bytes) -> bytes:
    """Compute CRC_A (ISO/IEC 14443-3), 2 bytes."""
    crc = 0x6363
    for octet in octets:
        mixed = octet ^ (crc & 0xFF)
        mixed = (mixed ^ mixed << 4) & 0xFF
        crc = (crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)
    return (crc & 0xFFFF).to_bytes(2, "little")


# ---- exchanges ------------------------------------------------------------------------------


class _Joined:
    """Joins what both sides said to exchanges."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._commands: list[bytes] = []
        self._answers: list[bytes | None] = []
        #: Whether the command before was none of ours, and its answer is not either.
        self._ignoring = True

    def exchanges(self) -> Iterator[Exchange]:
        """Give them all."""
        heard = zip(self._commands, self._answers, self._lines, strict=True)
        for command, answer, line in heard:
            if len(command) >= 4:
                yield Exchange(command, answer, line)

    def take(self, heard: _Heard, line: int) -> None:
        """Take what was heard on a line."""
        if heard.source is _From.UNKNOWN:
            self._unmarked(heard.octets, line)
        elif heard.source is _From.HOST:
            self._command(heard, line)
        else:
            self._answer(heard)

    def _command(self, heard: _Heard, line: int) -> None:
        if heard.appends and self._commands and self._answers[-1] is None:
            self._commands[-1] += heard.octets
            self._ignoring = False
            return
        octets = heard.octets
        self._ignoring = bool(octets) and (len(octets) < 4 or octets[0] in _ANTICOLLISION)
        if self._ignoring:
            return
        if self._commands and self._answers[-1] is None and self._commands[-1] in (octets, b""):
            self._commands.pop()
            self._answers.pop()
            self._lines.pop()
        self._commands.append(octets)
        self._answers.append(None)
        self._lines.append(line)

    def _answer(self, heard: _Heard) -> None:
        if self._ignoring or not self._answers:
            return
        before = self._answers[-1]
        if before is None:
            self._answers[-1] = heard.octets
        elif heard.appends or (not _ends_in_status(before) and before != heard.octets):
            self._answers[-1] = before + heard.octets

    def _unmarked(self, octets: bytes, line: int) -> None:
        """Take hex without a mark: the rest of what is not whole, an answer, or a command."""
        is_open = bool(self._answers) and self._answers[-1] is None and not self._ignoring
        if is_open and _wants_more(self._commands[-1]):
            self._commands[-1] += octets
        elif is_open and _ends_in_status(octets):
            self._answer(_Heard(_From.TAG, octets))
        elif octets[0] in _COMMAND_CLASSES and len(octets) >= 4:
            self._command(_Heard(_From.HOST, octets), line)
        else:
            self._answer(_Heard(_From.TAG, octets))


def _wants_more(command: bytes) -> bool:
    """Tell whether Lc promises more than is there."""
    return len(command) > 5 and command[4] > len(command) - 5


def _ends_in_status(octets: bytes) -> bool:
    return octets[-2:-1] == b"\x91" or octets[-2:] == b"\x90\0" or octets[-2:-1] in _SIXES


_SIXES = tuple(bytes((first,)) for first in range(0x61, 0x70))
