"""A URL with holes: written to tags, and matched to the letter when it comes back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ntag424.errors import MalformedTapError
from ntag424.model import Generation
from ntag424.sdm import TapMessage
from ntag424.url_template._grammar import Grammar, Placeholder
from ntag424.url_template._layout import TagLayout, lay_out

_UNSTATED = Generation()


@dataclass(frozen=True, slots=True)
class ParsedTap:
    """A URL taken apart. Nothing in it is trusted yet."""

    message: TapMessage
    #: What stood at `{kv}`; None where the template has none.
    key_version: int | None = None
    #: What stood at `{epoch}`; 0 where the template has none.
    epoch: int = 0


class UrlTemplate:
    """The URL on a tag, with placeholders for what the tag fills in.

    `{picc}` or `{uid}` and `{ctr}`, and `{mac}`, are mirrored by the tag;
    `{mac-input}` marks where the MAC begins to cover the text (default: at the MAC
    itself, so it covers nothing but UID and counter); `{kv}` and `{epoch}` are
    written once, when the tag is provisioned.

    Raises:
        ValueError: the text breaks a rule, or does not fit onto the tag.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._grammar = Grammar.read(text)
        self._pattern = re.compile(_pattern(self._grammar), re.ASCII)
        self._length = self._grammar.length
        lay_out(self._grammar, {})

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._grammar.origin

    @property
    def encrypts(self) -> bool:
        """Whether UID and counter travel as PICCData."""
        return Placeholder.PICC_DATA in self._grammar

    @property
    def names_key_version(self) -> bool:
        """Whether a URL says which key version its tag was written with."""
        return Placeholder.KEY_VERSION in self._grammar

    def layout(self, generation: Generation = _UNSTATED) -> TagLayout:
        """Return what to write to a tag of this *generation*.

        Raises:
            ValueError: the template cannot say the epoch, so the keys of that epoch
                would never be tried.

        """
        if generation.epoch and Placeholder.EPOCH not in self._grammar:
            raise ValueError("without {epoch} a template is written at epoch 0 only")
        return lay_out(self._grammar, _static(generation.key_version, generation.epoch))

    def parse(self, url: str) -> ParsedTap:
        """Take *url* apart, if it matches this template to the letter.

        Raises:
            MalformedTapError: it does not: in length, case, order or any character.

        """
        # The length first: no regular expression is spent on what cannot match.
        match = self._pattern.fullmatch(url) if len(url) == self._length else None
        if match is None:
            raise MalformedTapError("the URL does not match the template")
        found = match.groupdict()
        version = found.get(Placeholder.KEY_VERSION.name)
        epoch = found.get(Placeholder.EPOCH.name)
        return ParsedTap(
            _message(found, _mac_input(match)),
            None if version is None else int(version, 16),
            0 if epoch is None else int(epoch, 16),
        )

    def render(self, tap: ParsedTap) -> str:
        """Write the URL that `parse` takes apart into *tap*.

        `tap.message.mac_input` is not looked at: it follows from the other fields.
        """
        texts = _static(tap.key_version or 0, tap.epoch) | _mirrored(tap.message)
        return self.origin + "".join(
            segment if isinstance(segment, str) else texts[segment]
            for segment in self._grammar.segments
        )

    def __repr__(self) -> str:
        return f"UrlTemplate({self.text!r})"


def _pattern(grammar: Grammar) -> str:
    """Return the one expression that a URL of this template must match as a whole."""
    pieces = [
        re.escape(segment)
        if isinstance(segment, str)
        else f"(?P<{segment.name}>[0-9A-F]{{{segment.width}}})"
        for segment in grammar.segments
    ]
    return re.escape(grammar.origin) + "".join(pieces)


def _mac_input(match: re.Match[str]) -> bytes:
    """Cut out the characters that the MAC covers, exactly as they were received."""
    end = match.start(Placeholder.MAC.name)
    marked = Placeholder.MAC_INPUT.name in match.re.groupindex
    start = match.end(Placeholder.MAC_INPUT.name) if marked else end
    return match.string[start:end].encode("ascii")


def _message(found: dict[str, str], mac_input: bytes) -> TapMessage:
    mac = bytes.fromhex(found[Placeholder.MAC.name])
    picc_data = found.get(Placeholder.PICC_DATA.name)
    if picc_data is not None:
        return TapMessage(mac=mac, mac_input=mac_input, picc_data=bytes.fromhex(picc_data))
    return TapMessage(
        mac=mac,
        mac_input=mac_input,
        uid=bytes.fromhex(found[Placeholder.UID.name]),
        # In a URL the counter stands MSB first (NT4H2421Gx §9.3.3).
        read_counter=int(found[Placeholder.COUNTER.name], 16),
    )


def _static(key_version: int, epoch: int) -> dict[Placeholder, str]:
    return {Placeholder.KEY_VERSION: f"{key_version:02X}", Placeholder.EPOCH: f"{epoch:02X}"}


def _mirrored(message: TapMessage) -> dict[Placeholder, str]:
    texts = {Placeholder.MAC: message.mac.hex().upper(), Placeholder.MAC_INPUT: ""}
    if message.picc_data is not None:
        return texts | {Placeholder.PICC_DATA: message.picc_data.hex().upper()}
    identity = message.plain_identity
    return texts | {
        Placeholder.UID: identity[:7].hex().upper(),
        Placeholder.COUNTER: identity[:6:-1].hex().upper(),
    }
