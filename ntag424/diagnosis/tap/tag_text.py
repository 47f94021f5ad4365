"""What is written on a tag, and where it mirrors over that, in places of the URL."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from string import ascii_letters, digits, printable

from ntag424.diagnosis.tap.form import FILE_DATA, HEX, PICC_DATA, Form
from ntag424.model import Mode
from ntag424.url_template import Placeholder

UID, COUNTER = Placeholder.UID.name, Placeholder.COUNTER.name
TAMPER, MAC = Placeholder.TAMPER.name, Placeholder.MAC.name
MAC_INPUT = Placeholder.MAC_INPUT.name
#: What is written once.
STATIC = (Placeholder.KEY_VERSION.name, Placeholder.EPOCH.name)
IDENTITY = (PICC_DATA, UID, COUNTER)
_MIRRORED = (*IDENTITY, FILE_DATA, TAMPER, MAC)
# In a tag's text: a placeholder, key version or epoch, and the plaintext of file data.
_FILLED, _STATED, _ANY = "\0", "\1", "\2"
#: Characters of a block of encrypted file data.
FILE_BLOCK = 32
#: So many characters of a MAC must be left in the URL that a setup can be told by it; more
#: where nothing else speaks for it.
_LEAST_MAC, _LEAST_ALONE = 4, 10
PICC_CHARACTERS = {Mode.AES: 32, Mode.LRP: 48}


@dataclass(frozen=True)
class TagText:
    """A tag's text and where it is written over, in places of the URL."""

    form: Form
    mode: Mode
    #: `_FILLED`, `_STATED` and `_ANY` in place of what differs from tag to tag.
    text: str
    #: Start and width of every field.
    fields: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, form: Form) -> TagText:
        """Take the template's own."""
        fields = {name: (span.start, len(span)) for name, span in form.spans.items()}
        return cls(form, form.mode, _text(form), fields)

    @cached_property
    def mirrors(self) -> list[tuple[int, int, str]]:
        """What the tag writes over its text, in the order of the places."""
        return sorted(
            (start, width, name)
            for name, (start, width) in self.fields.items()
            if name in _MIRRORED
        )

    @property
    def mac_input(self) -> int:
        """Where the MAC begins to cover the text."""
        return self.fields.get(MAC_INPUT, self.fields[MAC])[0]

    @property
    def reach(self) -> tuple[object, ...]:
        """All that MAC and keys can tell one tag's settings from another's by."""
        places = [self.fields.get(name, (None,))[0] for name in (*IDENTITY, MAC)]
        return self.mode, self.mac_input, *places

    def run_of(self, name: str) -> list[str]:
        """List the fields that stand side by side with this one, and itself."""
        spans = sorted((span, name) for name, span in self.fields.items() if span[1])
        run: list[str] = []
        end = -1
        for (start, width), other in spans:
            if start != end and name in run:
                break
            run = [*run, other] if start == end else [other]
            end = start + width
        return run

    def moved(self, by: int, *names: str) -> TagText:
        """Have some fields elsewhere, over the same text."""
        places = {
            name: (start + by * (name in names), width)
            for name, (start, width) in self.fields.items()
        }
        return replace(self, fields=places)

    def placed(self, **places: tuple[int, int] | None) -> TagText:
        """Have other fields, over the same text."""
        fields = self.fields | places
        return replace(self, fields={name: at for name, at in fields.items() if at is not None})

    def resized(self, name: str, by: int, *, counted_anew: bool) -> TagText:
        """Have more or less room for a field; offsets are the template's or *counted_anew*."""
        start, width = self.fields[name]
        stop = start + width
        filling = (_STATED if name in STATIC else _FILLED) * by
        text = self.text[: min(stop, stop + by)] + filling + self.text[stop:]
        places = {
            other: (at + by * (at >= stop and (counted_anew or other in STATIC)), size)
            for other, (at, size) in self.fields.items()
            if other not in STATIC or other != name
        }
        return replace(self, text=text, fields=places)


class SeenUrl:
    """A URL, prepared for many comparisons.

    *prefix* is how many characters of it are a code in the file. If *is_ambiguous*, the
    template foretells it as well, and more of it must speak for anything else.
    """

    def __init__(self, url: str, prefix: int, *, is_ambiguous: bool) -> None:
        self.url, self._prefix = url, prefix
        self._least_mac = _LEAST_ALONE if is_ambiguous else _LEAST_MAC
        self._fillings = "0" if is_ambiguous else ascii_letters + digits
        # How many characters before each place no tag mirrors.
        is_other = (character not in HEX for character in url)
        self._others = [0, *accumulate(is_other)]

    def is_explained_by(self, tag: TagText) -> bool:
        """Tell whether the tag of *tag* can have sent this URL."""
        if len(tag.text) != len(self.url):
            return False
        position, fillings = self._prefix, set[str]()
        for start, width, name in [*tag.mirrors, (len(self.url), 0, "")]:
            if start < position or not self._is_mirrored(start, width, name):
                return False
            if not self._is_text(position, start, tag.text, fillings):
                return False
            position = min(start + width, len(self.url))
        # Whoever writes a placeholder fills it with one character.
        return len(fillings) <= 1 and all(one in self._fillings for one in fillings)

    def _is_mirrored(self, start: int, width: int, name: str) -> bool:
        if len(self.url) - start < (min(self._least_mac, width) if name == MAC else width):
            return False
        stop = min(start + width, len(self.url))
        if name == TAMPER:
            return set(self.url[start:stop]) <= set("CIO")
        if name == FILE_DATA and not self.url[stop - FILE_BLOCK : stop].strip("0"):
            return False  # a placeholder, and nothing encrypted
        return self._others[stop] == self._others[start]

    def _is_text(self, start: int, stop: int, text: str, fillings: set[str]) -> bool:
        for place in range(start, stop):
            due, character = text[place], self.url[place]
            if due == _FILLED:
                fillings.add(character)
            elif character not in _possible(due):
                return False
        return True


def _possible(due: str) -> Container[str]:
    if due == _ANY:
        return printable
    return HEX if due == _STATED else due


def _text(form: Form) -> str:
    text = form.filled(_FILLED)
    for name, span in form.spans.items():
        filling = _FILLED * len(span)
        if name in STATIC:
            filling = _STATED * len(span)
        elif name == FILE_DATA:
            # The plaintext stands in the first half of its place.
            filling = (_ANY * (len(span) // 2)).ljust(len(span), _FILLED)
        text = text[: span.start] + filling + text[span.stop :]
    return text
