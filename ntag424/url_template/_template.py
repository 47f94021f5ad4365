"""A URL with holes: written to tags, and matched to the letter when it comes back."""

from __future__ import annotations

import re
from itertools import product

from ntag424.arguments import require_octets, require_text, require_type
from ntag424.errors import MalformedTapError
from ntag424.model import Generation, Mode
from ntag424.url_template._fields import Field, Placeholder, pattern
from ntag424.url_template._grammar import Grammar
from ntag424.url_template._layout import TagLayout, lay_out
from ntag424.url_template._parsed import ParsedTap, decode, encode, static_texts

_UNSTATED = Generation()
_MAC, _MAC_INPUT = Placeholder.MAC.name, Placeholder.MAC_INPUT.name


class UrlTemplate:
    """The URL on a tag, with placeholders for what the tag fills in.

    The tag mirrors `{picc}` (UID and counter encrypted; `{picc:uid}` and `{picc:ctr}`
    one of them), or `{uid}` and `{ctr}` in the clear; `{mac}`; `{tt}`, the tamper status
    of a TagTamper chip; `{file:N}`, N bytes of the file encrypted, with the tamper status
    at byte K of them as `{file:N+tt@K}`. `{mac-input}` marks where the MAC begins to cover
    the text (default: at the MAC itself, so it covers nothing but UID and counter).
    `{kv}` and `{epoch}` are written once, when the tag is provisioned.

    Raises:
        ValueError: the text breaks a rule, or does not fit onto the tag.

    """

    def __init__(self, text: str) -> None:
        require_text("a template", text)
        self.text = text
        self._grammar = Grammar.read(text)
        lay_out(self._grammar, Mode.AES, {})
        self._forms = _forms(self._grammar)

    @property
    def origin(self) -> str:
        """Scheme, host and port; of other schemes than http and https, scheme and authority."""
        return self._grammar.origin

    @property
    def place(self) -> str:
        """Origin and path, as far as they are the same in every URL.

        A path with a placeholder is cut at the slash before it.
        """
        return self._grammar.place

    def overlaps(self, other: UrlTemplate) -> bool:
        """Tell whether there is a text that both templates take for a URL of theirs."""
        return any(
            len(ours) == len(theirs) and all(map(frozenset.intersection, ours, theirs))
            for ours, theirs in product(self._alphabets(), other._alphabets())
        )

    def _alphabets(self) -> list[list[frozenset[str]]]:
        return [self._grammar.alphabets(mode) for mode in _modes(self._grammar)]

    @property
    def encrypts(self) -> bool:
        """Whether UID and counter travel as PICCData."""
        return self._grammar.picc is not None

    @property
    def shows_uid(self) -> bool:
        """Whether a tap says, in the clear or encrypted, which tag it is of."""
        picc = self._grammar.picc
        return Placeholder.UID in self._grammar if picc is None else picc.tag.has_uid

    @property
    def shows_counter(self) -> bool:
        """Whether a tap says, in the clear or encrypted, the how many-th it is."""
        picc = self._grammar.picc
        return Placeholder.COUNTER in self._grammar if picc is None else picc.tag.has_counter

    @property
    def is_redeemable(self) -> bool:
        """Whether a ledger can use its taps up: they show both UID and counter."""
        return self.shows_uid and self.shows_counter

    @property
    def names_key_version(self) -> bool:
        """Whether a URL says which key version its tag was written with."""
        return Placeholder.KEY_VERSION in self._grammar

    @property
    def names_epoch(self) -> bool:
        """Whether a URL says how often its tag had been provisioned."""
        return Placeholder.EPOCH in self._grammar

    def layout(
        self,
        generation: Generation = _UNSTATED,
        *,
        mode: Mode = Mode.AES,
        file_data: bytes | None = None,
    ) -> TagLayout:
        """Return what to write to a tag of this *generation*.

        *file_data* is the plaintext for `{file:N}`, N bytes.

        Raises:
            ValueError: the template cannot say the epoch, so the keys of that epoch
                would never be tried; the length of *file_data* is not the template's; or
                in this *mode* the result is larger than the tag's file.

        """
        require_type("generation", generation, Generation, instead="Generation(...)")
        require_type("mode", mode, Mode, instead="Mode.AES or Mode.LRP")
        if generation.epoch and not self.names_epoch:
            raise ValueError("without {epoch} a template is written at epoch 0 only")
        texts = static_texts(generation)
        fixed = {Placeholder[name]: text.encode() for name, text in texts.items()}
        return lay_out(self._grammar, mode, fixed | self._file_content(file_data))

    def _file_content(self, file_data: bytes | None) -> dict[Field, bytes]:
        file = self._grammar.file
        if file_data is None:
            return {}
        require_octets("file_data", file_data)
        if file is None or len(file_data) != file.size:
            due = 0 if file is None else file.size
            raise ValueError(f"this template encrypts {due} bytes, not {len(file_data)}")
        return {file: file_data}

    def parse(self, url: str, *, mode: Mode = Mode.AES) -> ParsedTap:
        """Take *url* apart, if it matches this template to the letter.

        *mode* is that of tags whose URL does not tell it; `{picc}` does by its length.

        Raises:
            MalformedTapError: it does not: in length, case, order or any character.

        """
        require_text("a URL", url)
        # The length first: no regular expression is spent on what cannot match.
        pattern = self._forms.get(len(url))
        match = None if pattern is None else pattern.fullmatch(url)
        if match is None:
            raise MalformedTapError("the URL does not match the template")
        told = None if self.encrypts else mode
        return decode(self._grammar, match.groupdict(), _mac_input(match), told)

    def render(self, tap: ParsedTap) -> str:
        """Write the URL that `parse` takes apart into *tap*.

        `tap.message.mac_input` is not looked at: it follows from the other fields.
        """
        texts = encode(self._grammar, tap)
        return "".join(
            segment if isinstance(segment, str) else texts[segment.name]
            for segment in self._grammar.segments
        )

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, UrlTemplate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"UrlTemplate({self.text!r})"


def _forms(grammar: Grammar) -> dict[int, re.Pattern[str]]:
    """Return, by length, the expressions that URLs must match as a whole: one for each mode."""
    return {
        grammar.length(mode): re.compile(_pattern(grammar, mode), re.ASCII)
        for mode in _modes(grammar)
    }


def _modes(grammar: Grammar) -> tuple[Mode, ...]:
    """List the modes whose URLs look different."""
    return (Mode.AES,) if grammar.picc is None else (Mode.AES, Mode.LRP)


def _pattern(grammar: Grammar, mode: Mode) -> str:
    return "".join(
        re.escape(segment)
        if isinstance(segment, str)
        else f"(?P<{segment.name}>{pattern(segment, mode)})"
        for segment in grammar.segments
    )


def _mac_input(match: re.Match[str]) -> bytes:
    """Cut out the characters that the MAC covers, exactly as they were received."""
    end = match.start(_MAC)
    start = match.end(_MAC_INPUT) if _MAC_INPUT in match.re.groupindex else end
    return match.string[start:end].encode("ascii")
