"""Lines for people to type: in capitals, each with a checksum, with room for remarks."""

from __future__ import annotations

import binascii
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from ntag424_provisioning.errors import SetupError

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
