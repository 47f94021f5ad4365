"""The recovery sheet: all master keys on paper, so that typing errors are found and located.

One line for each fact; lines that begin with a star are remarks. The QR code holds the same
lines, with slashes between them.
"""

from __future__ import annotations

import binascii
import io
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ntag424 import KeyState
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.vault._master_keys import MasterKeys, check_code
from ntag424_provisioning.vault._versions import StoredVersion, Versions

# The space between two groups of hex digits.
_GROUP = re.compile("(?<= [0-9A-F]{4}) (?=[0-9A-F]{4})")
_HINT = "Compare it with the sheet. There are no letters O and I among the digits."


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its checksum, which was right."""

    #: Where it stands in the text, from 1 on.
    number: int
    words: list[str]

    def wrong(self, what: str) -> SetupError:
        """Say what is wrong with it, and where it is: never what stands there."""
        return _wrong(self.number, what)


def with_checksum(line: str) -> str:
    """Return *line* as it is printed."""
    return f"{line}  {_checksum(line)}"


def compact(line: str) -> str:
    """Return *line* without the spaces that only help people, and with its checksum."""
    return f"{_GROUP.sub('', line)} {_checksum(line)}"


def groups(digits: str) -> str:
    """Put spaces between hex digits; a dash stands for none at all."""
    return " ".join(textwrap.wrap(digits, 4)) or "-"


def read_lines(text: str) -> Iterator[Line]:
    """Give the lines that are no remarks; slashes part the lines of a text without line ends.

    Raises:
        SetupError: one of them does not fit its checksum.

    """
    lines = text.strip().splitlines()
    if len(lines) == 1:
        lines = lines[0].split("/")
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0] == "*":
            continue
        *content, checksum = (word.upper() for word in words)
        if not all(map(str.isascii, words)) or checksum != _checksum(" ".join(content)):
            raise _wrong(number, "does not fit its checksum")
        yield Line(number, content)


def _checksum(line: str) -> str:
    # CRC-16 finds every wrong character, and every two that changed places.
    return f"{binascii.crc_hqx(''.join(line.split()).encode(), 0xFFFF):04X}"


def _wrong(number: int, what: str) -> SetupError:
    return SetupError(f"line {number} of the sheet {what}", _HINT)


_INCOMPLETE = "Type every line of the sheet that does not begin with a star."
_UNREADABLE = "is none of a recovery sheet"


@dataclass(slots=True)
class _Draft:
    """A version whose lines are still coming in."""

    ordinal: int
    state: KeyState
    scheme: str
    created_at: int
    octets: dict[str, bytes] = field(default_factory=dict, repr=False)
    #: How many lines of each member there were.
    parts: dict[str, int] = field(default_factory=dict)
    proof: str = ""

    def version(self) -> StoredVersion:
        """Make the version, if it is complete and its proof holds."""
        try:
            keys = MasterKeys.of_octets(self.scheme, self.octets)
        except ValueError as error:
            text = f"key version {self.ordinal} of the sheet is incomplete: {error}"
            raise SetupError(text, _INCOMPLETE) from None
        if not self.proof:
            raise SetupError(f"key version {self.ordinal} of the sheet has no proof", _INCOMPLETE)
        if self.proof != keys.fingerprint:
            text = f"the keys of version {self.ordinal} of the sheet do not fit their proof"
            raise SetupError(text, _INCOMPLETE)
        # Whoever brings the sheet has a backup of what is on it.
        return StoredVersion(self.ordinal, self.state, keys, self.created_at, is_backed_up=True)


class SheetReading:
    """Takes in a sheet line by line.

    Raises:
        SetupError: a line does not fit its checksum, or is none of a sheet.

    """

    def __init__(self, text: str) -> None:
        #: Of the vault that the sheet was printed from.
        self.vault_id = ""
        self._count = 0
        self._drafts: dict[int, _Draft] = {}
        for line in read_lines(text):
            self._take(line)

    def versions(self) -> Versions:
        """Return what was on the sheet, proven.

        Raises:
            SetupError: lines are missing, or keys do not fit their proof.

        """
        if not self.vault_id:
            raise SetupError("the sheet's first line is missing", _INCOMPLETE)
        if len(self._drafts) != self._count:
            text = f"the sheet has {self._count} key versions, and {len(self._drafts)} are here"
            raise SetupError(text, _INCOMPLETE)
        return tuple(draft.version() for draft in self._drafts.values())

    def _take(self, line: Line) -> None:
        match line.words:
            case ["SHEET", "1", "VAULT", *digits, "VERSIONS", count] if not self.vault_id:
                self.vault_id = _hex(line, digits).hex().upper()
                self._count = _number(line, count)
            case ["VERSION", ordinal, state, scheme, day]:
                self._begin(line, _number(line, ordinal), state, scheme, day)
            case [ordinal, "PROOF", *digits]:
                self._draft(line, ordinal).proof = _hex(line, digits).hex().upper()
            case [ordinal, member, part, *digits]:
                self._extend(line, self._draft(line, ordinal), member, part, digits)
            case _:
                raise line.wrong(_UNREADABLE)

    def _begin(self, line: Line, ordinal: int, state: str, scheme: str, day: str) -> None:
        try:
            begun = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
            draft = _Draft(
                ordinal, KeyState(state.lower()), scheme.lower(), int(begun.timestamp())
            )
        except ValueError:
            raise line.wrong(_UNREADABLE) from None
        if self._drafts.setdefault(ordinal, draft) is not draft:
            raise line.wrong("is there twice")

    def _draft(self, line: Line, ordinal: str) -> _Draft:
        draft = self._drafts.get(_number(line, ordinal))
        if draft is None:
            raise line.wrong("is of a key version that no line before it begins")
        return draft

    @staticmethod
    def _extend(line: Line, draft: _Draft, member: str, part: str, digits: list[str]) -> None:
        name = member.lower().replace("-", "_")
        due = draft.parts.get(name, 0) + 1
        if _number(line, part) != due:
            raise line.wrong("does not follow the one that belongs before it")
        draft.parts[name] = due
        draft.octets[name] = draft.octets.get(name, b"") + _hex(line, digits)


def _number(line: Line, word: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,2}", word):
        raise line.wrong(_UNREADABLE)
    return int(word)


def _hex(line: Line, words: list[str]) -> bytes:
    digits = "".join(words).replace("-", "")
    if not re.fullmatch("(?:[0-9A-F]{2})*", digits):
        raise line.wrong("has other characters than hex digits")
    return bytes.fromhex(digits)


_BYTES_A_LINE = 16
_REMARKS = """\
* ntag424 recovery sheet, printed {today}
*
* Whoever reads this sheet can make taps of every tag; without it and without the vault no
* tag can be written again. Keep it under lock, and away from the machine with the vault.
*
* "ntag424 keys backup --confirm" asks for this check code once: {code}
* To use the sheet, type the lines without a star: "ntag424 keys restore FILE".
* The last four characters of a line are its checksum.
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a recovery sheet says; its `repr` shows no key."""

    #: 32 hex digits; of the vault that it was printed from.
    vault_id: str
    versions: Versions

    @property
    def check_code(self) -> str:
        """What `keys backup --confirm` asks for."""
        return check_code(version.keys for version in self.versions)

    def text(self, now: int) -> str:
        """Return what is printed at *now*, UNIX time in seconds."""
        remarks = _REMARKS.format(today=_day(now), code=self.check_code)
        return "\n".join((remarks, *map(with_checksum, self._lines()), ""))

    def qr_text(self) -> str:
        """Return what the QR code holds: nothing that would make it larger."""
        return "/".join(map(compact, self._lines()))

    def _lines(self) -> Iterator[str]:
        yield f"SHEET 1 VAULT {groups(self.vault_id)} VERSIONS {len(self.versions)}"
        for version in self.versions:
            yield from _version_lines(version)

    @classmethod
    def read(cls, text: str) -> Sheet:
        """Read what was typed, or what the QR code holds, and prove every key on it.

        Raises:
            SetupError: a line does not fit its checksum, or is missing, or keys do not
                fit their proof. It names the line, never what stands there.

        """
        reading = SheetReading(text)
        return cls(reading.vault_id, reading.versions())


def _version_lines(version: StoredVersion) -> Iterator[str]:
    ordinal, state, day = version.ordinal, version.state.value, _day(version.created_at)
    yield f"VERSION {ordinal} {state} {version.scheme_name} {day}".upper()
    for member, octets in version.keys.octets():
        name = member.name.replace("_", "-").upper()
        for number, part in enumerate(_parts(octets), start=1):
            yield f"{ordinal} {name} {number} {groups(part.hex().upper())}"
    yield f"{ordinal} PROOF {groups(version.fingerprint)}"


def _parts(octets: bytes) -> list[bytes]:
    starts = range(0, max(len(octets), 1), _BYTES_A_LINE)
    return [octets[start : start + _BYTES_A_LINE] for start in starts]


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


if TYPE_CHECKING:
    import segno


def terminal_qr(sheet: Sheet) -> str:
    """Return lines of half blocks, light on dark as most terminals are."""
    drawing = io.StringIO()
    _code(sheet).terminal(drawing, compact=True)
    return drawing.getvalue()


def svg_qr(sheet: Sheet) -> str:
    """Return an SVG image."""
    image = io.BytesIO()
    _code(sheet).save(image, kind="svg", scale=4, light="white")
    return image.getvalue().decode("utf-8")


def _code(sheet: Sheet) -> segno.QRCode:
    # Slow to import, and drawn once in a vault's life.
    import segno  # noqa: PLC0415

    try:
        return segno.make_qr(sheet.qr_text(), error="m")
    except segno.DataOverflowError:
        text = "there are too many key versions for one QR code"
        raise SetupError(text, "Print the sheet as text; it holds the same.") from None
