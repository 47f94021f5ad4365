"""What a template may look like: placeholders, literals, and the rules between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias


@unique
class Placeholder(Enum):
    """What the tag, or the person who writes it, fills in; the value is the name in braces."""

    UID = "uid"
    COUNTER = "ctr"
    PICC_DATA = "picc"
    MAC = "mac"
    #: Zero characters wide: the MAC covers everything from here to the MAC itself.
    MAC_INPUT = "mac-input"
    KEY_VERSION = "kv"
    EPOCH = "epoch"

    @property
    def width(self) -> int:
        """Number of upper-case hex characters it stands for."""
        return _WIDTHS[self]


_WIDTHS = {
    Placeholder.UID: 14,
    Placeholder.COUNTER: 6,
    Placeholder.PICC_DATA: 32,
    Placeholder.MAC: 16,
    Placeholder.MAC_INPUT: 0,
    Placeholder.KEY_VERSION: 2,
    Placeholder.EPOCH: 2,
}

#: A piece of literal text, or a placeholder.
Segment: TypeAlias = str | Placeholder

# Patterns are compiled when the first template is read, not when Python starts.

# Scheme, host and port in the one spelling that browsers keep: a page reports the
# URL as its browser normalised it, and the template must match that to the letter.
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ORIGIN = rf"(https?)://({_LABEL}(?:\.{_LABEL})*)(?::([1-9][0-9]{{0,4}}))?(?=/)"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# A last label like these makes browsers read the host as an IPv4 address, and rewrite it.
_NUMBER = r"[0-9]+|0x[0-9a-f]*"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
# RFC 3986 without the characters that browsers rewrite in some part of a URL.
_LITERAL = r"/(?:[A-Za-z0-9._~:/?#@!$&()*+,;=-]|%[0-9A-F]{2})*"
_DOT_SEGMENT = r"/(?:\.|%2E){1,2}(?:[/?#]|$)"
_BRACES = r"\{([^{}]*)\}"


@dataclass(frozen=True, slots=True)
class Grammar:
    """A template that keeps the rules, cut into segments."""

    origin: str
    segments: tuple[Segment, ...]

    @classmethod
    def read(cls, text: str) -> Grammar:
        """Cut *text* at its placeholders.

        Raises:
            ValueError: it breaks a rule; the sentence says which.

        """
        origin = re.match(_ORIGIN, text)
        if origin is None:
            raise ValueError(
                "a template begins with http:// or https://, a lower-case host, and /"
            )
        _check_origin(*origin.groups())
        _check_literals(re.sub(_BRACES, _stand_in, text[origin.end() :]))
        # `split` with a group gives literals and names in turn, a literal at both ends.
        pieces = re.split(_BRACES, text[origin.end() :])
        segments = tuple(
            _placeholder(piece) if index % 2 else piece for index, piece in enumerate(pieces)
        )
        _check_placeholders([item for item in segments if isinstance(item, Placeholder)])
        return cls(origin.group(), segments)

    @property
    def length(self) -> int:
        """Number of characters that every URL of this template has."""
        return len(self.origin) + sum(
            len(segment) if isinstance(segment, str) else segment.width
            for segment in self.segments
        )

    def __contains__(self, placeholder: Placeholder) -> bool:
        return placeholder in self.segments


def _placeholder(name: str) -> Placeholder:
    try:
        return Placeholder(name)
    except ValueError:
        known = ", ".join(f"{{{item.value}}}" for item in Placeholder)
        raise ValueError(f"unknown placeholder; there are {known}") from None


def _stand_in(match: re.Match[str]) -> str:
    """Show the rules below what is there: text of no meaning, or nothing at all."""
    return "" if match[1] == Placeholder.MAC_INPUT.value else "_"


def _check_origin(scheme: str, host: str, port: str | None) -> None:
    if re.fullmatch(_NUMBER, host.rpartition(".")[2]) and not re.fullmatch(_IPV4, host):
        raise ValueError("write an IPv4 address as four decimal numbers: browsers do")
    if port is not None and int(port) > 65535:
        raise ValueError("a port is at most 65535")
    if port is not None and int(port) == _DEFAULT_PORTS[scheme]:
        raise ValueError("leave the default port out: browsers do")


def _check_literals(rest: str) -> None:
    if not re.fullmatch(_LITERAL, rest):
        raise ValueError(
            "behind the host comes a path; use only letters, digits, -._~:/?#@!$&()*+,;= "
            "and %XX, and placeholders in single braces"
        )
    if rest.count("#") > 1:
        raise ValueError("a URL has one fragment: use # once")
    if re.search(_DOT_SEGMENT, re.split("[?#]", rest)[0]):
        raise ValueError("leave . and .. out of the path: browsers do")


def _check_placeholders(found: list[Placeholder]) -> None:
    present = set(found)
    if len(present) < len(found):
        raise ValueError("each placeholder may stand only once")
    if Placeholder.MAC not in present:
        raise ValueError("a template needs {mac}: without it nothing can be verified")
    plain = present & {Placeholder.UID, Placeholder.COUNTER}
    if (Placeholder.PICC_DATA in present) == bool(plain) or len(plain) == 1:
        raise ValueError("a template has {picc}, or both {uid} and {ctr}")
    if Placeholder.MAC_INPUT in present and found.index(Placeholder.MAC_INPUT) > found.index(
        Placeholder.MAC
    ):
        raise ValueError("{mac-input} stands before {mac}")
    if Placeholder.EPOCH in present and Placeholder.KEY_VERSION not in present:
        raise ValueError("{epoch} counts within a key version: put {kv} beside it")
