"""What a template makes of a URL, character by character, and the file a URL was read from."""

from __future__ import annotations

from itertools import takewhile

from ntag424.model import Mode, PiccDataTag, PlainMirror
from ntag424.ndef import HEADER_BYTES, split_prefix
from ntag424.url_template import Field, FileField, Grammar, PiccField, Placeholder, Segment

HEX = "0123456789ABCDEF"
# What stands in place of a tamper status may be digits: a tag without a loop mirrors none.
_TAMPER = HEX + "IO"
PICC_DATA, FILE_DATA = PiccField.name, FileField.name


class Form:
    """Where each field stands, and which characters are possible where.

    Raises:
        ValueError: *text* is no template.

    """

    def __init__(self, text: str, mode: Mode) -> None:
        grammar = Grammar.read(text)
        self.mode = mode
        self.origin = grammar.origin
        #: The literal to which the URI code of the tag's file may reach.
        self.beginning = grammar.beginning
        #: What is added to a place in the URL to get the offset in the file.
        self.shift = _shift(grammar.beginning, grammar.beginning)
        self.segments: tuple[Segment, ...] = grammar.behind_origin
        #: Place of each field in the URL, by its name.
        self.spans: dict[str, range] = {}
        self._allowed: list[str] = []
        for segment in grammar.segments:
            self._append(segment)

    def _append(self, segment: Segment) -> None:
        if isinstance(segment, str):
            self._allowed += segment
            return
        start = len(self._allowed)
        allowed = _TAMPER if segment is Placeholder.TAMPER else HEX
        self._allowed += [allowed] * segment.width(self.mode)
        self.spans[segment.name] = range(start, len(self._allowed))

    def __len__(self) -> int:
        return len(self._allowed)

    def has_fragment_at(self, place: int) -> bool:
        """Tell whether the fragment begins at *place*."""
        return self._allowed[place] == "#"

    @property
    def mac(self) -> range:
        """Where the MAC stands."""
        return self.spans[Placeholder.MAC.name]

    @property
    def mac_input_start(self) -> int:
        """Where the MAC begins to cover the text; at the MAC, where nothing is marked."""
        return self.spans.get(Placeholder.MAC_INPUT.name, self.mac).start

    @property
    def picc(self) -> range | None:
        """Where PICCData stands, if the template encrypts."""
        return self.spans.get(PICC_DATA)

    @property
    def marks_mac_input(self) -> bool:
        """Whether the template says where the MAC begins to cover the text."""
        return Placeholder.MAC_INPUT.name in self.spans

    @property
    def identity(self) -> PiccDataTag:
        """Which of UID and counter the template shows."""
        for segment in self.segments:
            if isinstance(segment, PiccField):
                return segment.tag
        return PlainMirror(
            None if self.uid is None else self.uid.start,
            None if self.counter is None else self.counter.start,
        ).tag

    @property
    def uid(self) -> range | None:
        """Where the UID stands in the clear."""
        return self.spans.get(Placeholder.UID.name)

    @property
    def counter(self) -> range | None:
        """Where the read counter stands in the clear."""
        return self.spans.get(Placeholder.COUNTER.name)

    @property
    def tamper(self) -> range | None:
        """Where the tamper status stands in the clear."""
        return self.spans.get(Placeholder.TAMPER.name)

    @property
    def literals(self) -> str:
        """The template behind its origin, with one brace in place of each field."""
        return "".join(
            segment if isinstance(segment, str) else _shown(segment) for segment in self.segments
        )

    def fits(self, text: str) -> bool:
        """Tell whether every character of *text* is possible where it stands."""
        return len(text) == len(self) == self.agreement(text)

    def agreement(self, text: str) -> int:
        """Count the characters from the start that are as they should be, but for case."""
        pairs = zip(text, self._allowed, strict=False)
        # `upper` turns some single letters into two: those are not possible anyway.
        return sum(1 for _ in takewhile(lambda pair: _agree(*pair), pairs))

    def in_its_case(self, text: str) -> str:
        """Give each character of *text* the case that is due where it stands."""
        return "".join(
            allowed if len(allowed) == 1 else character.upper()
            for character, allowed in zip(text, self._allowed, strict=False)
        )

    def filled(self, filling: str) -> str:
        """Return the template's text with *filling* in place of every character of a field."""
        return "".join(one if len(one) == 1 else filling for one in self._allowed)


def hex_number(text: str) -> int | None:
    """Read *text* as a number, if it is one as tags carry it."""
    return int(text, 16) if text and set(text) <= set(HEX) else None


def in_braces(name: str) -> str:
    """Return what a template calls the field *name*."""
    names = {PICC_DATA: "picc", FILE_DATA: "file"}
    return f"{{{names.get(name) or Placeholder[name].value}}}"


def _agree(character: str, allowed: str) -> bool:
    if len(allowed) == 1:
        return character == allowed or (character.isascii() and _same_letter(character, allowed))
    return character.isascii() and character.upper() in allowed


def _same_letter(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _shown(field: Field) -> str:
    if field is Placeholder.MAC_INPUT:
        return ""
    size = field.size if isinstance(field, FileField) else 0
    return f"{{{field.name}{size or ''}}}"


#: A tag's file has 256 bytes; more than this did not come from one.
_MOST_CHARACTERS = 320


class FileImage:
    """NLEN (2) || D1h 01h payload length 'U' || URI code (1) || text: what the MAC was made of.

    Offsets are those of the tag's file settings: bytes from the start of the file
    (NT4H2421Gx §10.7.1).
    """

    def __init__(self, url: str, form: Form) -> None:
        """Write *url* as the template of *form* has it written."""
        reach = len(form.beginning)
        code, rest = split_prefix(url[:reach])
        rest += url[reach:]
        # One byte for each character, so that places in the URL are places in the file.
        text = rest[:_MOST_CHARACTERS].encode("ascii", "replace")
        record = bytes((0xD1, 0x01, (len(text) + 1) & 0xFF)) + b"U" + bytes((code,)) + text
        self.content = len(record).to_bytes(2, "big") + record
        #: What is added to a place in the URL to get the offset in the file.
        self.shift = _shift(url, form.beginning)


def _shift(url: str, beginning: str) -> int:
    literal = url[: len(beginning)]
    return HEADER_BYTES - len(literal) + len(split_prefix(literal)[1])
