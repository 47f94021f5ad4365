"""What a template may look like: placeholders, literals, and the rules between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ntag424.model import Mode
from ntag424.url_template._fields import Field, FileField, PiccField, Placeholder, field_called

#: A piece of literal text, or what the tag or its writer fills in.
Segment: TypeAlias = str | Field

# Patterns are compiled when the first template is read, not when Python starts.

# Scheme, host and port in the one spelling that browsers keep: a page reports the
# URL as its browser normalised it, and the template must match that to the letter.
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_WEB_ORIGIN = rf"(https?)://({_LABEL}(?:\.{_LABEL})*)(?::([1-9][0-9]{{0,4}}))?(?=/)"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# A last label like these makes browsers read the host as an IPv4 address, and rewrite it.
_NUMBER = r"[0-9]+|0x[0-9a-f]*"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
# Any other scheme (RFC 3986 §3.1) goes to an app as it is, with whatever authority it has.
_SCHEME = "[a-z][a-z0-9+.-]*:"
_APP_ORIGIN = rf"{_SCHEME}(?://[^/?#{{}}]*)?"
# RFC 3986 without the characters that browsers rewrite in some part of a URL.
_LITERAL = r"(?:[A-Za-z0-9._~:/?#@!$&()*+,;=-]|%[0-9A-F]{2})+"
_DOT_SEGMENT = r"/(?:\.|%2E){1,2}(?:[/?#]|$)"
_BRACES = r"\{([^{}]*)\}"
_MARKER = f"{{{Placeholder.MAC_INPUT.value}}}"


_BOTH = field_called("picc")


@dataclass(frozen=True)
class Grammar:
    """A template that keeps the rules, cut into segments: a literal at both ends.

    The origin is made of them too: `{mac-input}` may stand inside.
    """

    #: Scheme and authority; of http and https that is host and port.
    origin: str
    segments: tuple[Segment, ...]
    #: The segments after the origin alone.
    behind_origin: tuple[Segment, ...]

    @classmethod
    def read(cls, text: str) -> Grammar:
        """Cut *text* at its placeholders.

        Raises:
            ValueError: it breaks a rule; the sentence says which.

        """
        plain = text.replace(_MARKER, "")
        origin = _origin(plain)
        _check_literals(origin, re.sub(_BRACES, "_", plain[len(origin) :]))
        segments = _cut(text)
        _check_fields([item for item in segments if not isinstance(item, str)])
        rest = text if text.startswith(origin) else plain
        return cls(origin, segments, _cut(rest.removeprefix(origin)))

    @property
    def beginning(self) -> str:
        """The literal before the first field, or before where the MAC input begins."""
        return "".join(item for item in self.segments[:1] if isinstance(item, str))

    @cached_property
    def picc(self) -> PiccField | None:
        """The field of PICCData, if there is one."""
        return next((item for item in self.segments if isinstance(item, PiccField)), None)

    @cached_property
    def file(self) -> FileField | None:
        """The field of SDMENCFileData, if there is one."""
        return next((item for item in self.segments if isinstance(item, FileField)), None)

    def length(self, mode: Mode) -> int:
        """Return the number of characters that every URL of a tag in *mode* has."""
        return sum(
            len(segment) if isinstance(segment, str) else segment.width(mode)
            for segment in self.segments
        )

    @property
    def place(self) -> str:
        """The literal beginning: origin and path, cut at the slash before a placeholder."""
        text = ""
        for segment in self.segments:
            if isinstance(segment, str):
                text += segment
            elif segment is not Placeholder.MAC_INPUT:
                break
        path = re.split("[?#]", text)[0]
        if len(path) < len(text):
            return path
        return path[: max(path.rfind("/"), path.index(":")) + 1]

    def alphabets(self, mode: Mode) -> list[frozenset[str]]:
        """List what each character of a URL may be, for a tag in *mode*."""
        found: list[frozenset[str]] = []
        for segment in self.segments:
            if isinstance(segment, str):
                found += [frozenset(character) for character in segment]
            else:
                found += [segment.alphabet] * segment.width(mode)
        return found

    def __contains__(self, field: Field) -> bool:
        return field in self.segments


def _cut(text: str) -> tuple[Segment, ...]:
    # `split` with a group gives literals and names in turn, a literal at both ends.
    pieces = re.split(_BRACES, text)
    return tuple(field_called(piece) if index % 2 else piece for index, piece in enumerate(pieces))


def _origin(plain: str) -> str:
    """Return what *plain*, a template without its marker, has before the path."""
    scheme = re.match(_SCHEME, plain)
    if scheme is None:
        raise ValueError(
            "a template begins with a scheme in lower case and a colon, as https:// or lnurlw://"
        )
    if scheme.group() not in ("http:", "https:"):
        origin = re.match(_APP_ORIGIN, plain)
        return "" if origin is None else origin.group()
    origin = re.match(_WEB_ORIGIN, plain)
    if origin is None:
        raise ValueError("behind http:// or https:// come a host in lower case, and /")
    _check_web_origin(*origin.groups())
    return origin.group()


def _check_web_origin(scheme: str, host: str, port: str | None) -> None:
    if re.fullmatch(_NUMBER, host.rpartition(".")[2]) and not re.fullmatch(_IPV4, host):
        raise ValueError("write an IPv4 address as four decimal numbers: browsers do")
    if port is not None and int(port) > 65535:
        raise ValueError("a port is at most 65535")
    if port is not None and int(port) == _DEFAULT_PORTS[scheme]:
        raise ValueError("leave the default port out: browsers do")


def _check_literals(origin: str, rest: str) -> None:
    if not re.fullmatch(_LITERAL, origin + rest) or not rest:
        raise ValueError(
            "use only letters, digits, -._~:/?#@!$&()*+,;= and %XX, and placeholders in single "
            "braces"
        )
    if rest.count("#") > 1:
        raise ValueError("a URL has one fragment: use # once")
    if re.search(_DOT_SEGMENT, re.split("[?#]", rest)[0]):
        raise ValueError("leave . and .. out of the path: browsers do")


def _check_fields(found: list[Field]) -> None:
    names = [field.name for field in found]
    if len(set(names)) < len(names):
        raise ValueError("each placeholder may stand only once")
    if Placeholder.MAC not in found:
        raise ValueError("a template needs {mac}: without it nothing can be verified")
    if Placeholder.EPOCH in found and Placeholder.KEY_VERSION not in found:
        raise ValueError("{epoch} counts within a key version: put {kv} beside it")
    _check_identity(found)
    _check_window(found)
    _check_tamper(found)


def _check_identity(found: list[Field]) -> None:
    plain = {Placeholder.UID, Placeholder.COUNTER}.intersection(found)
    encrypted = any(isinstance(field, PiccField) for field in found)
    if encrypted == bool(plain):
        raise ValueError(
            "a template has {picc}, or {uid} and {ctr} in the clear; without either, every tap "
            "would have the same MAC"
        )
    shows_both = _BOTH in found if encrypted else len(plain) == 2
    if not shows_both and any(isinstance(field, FileField) for field in found):
        raise ValueError("the tag encrypts {file} only where it shows UID and counter")


def _check_window(found: list[Field]) -> None:
    mac = found.index(Placeholder.MAC)
    marked = Placeholder.MAC_INPUT in found
    start = found.index(Placeholder.MAC_INPUT) if marked else mac
    if start > mac:
        raise ValueError("{mac-input} stands before {mac}")
    for place, field in enumerate(found):
        wants_cover = field is Placeholder.TAMPER or isinstance(field, FileField)
        if wants_cover and not start < place < mac:
            raise ValueError(
                "{tt} and {file} stand between {mac-input} and {mac}, or prove nothing"
            )


def _check_tamper(found: list[Field]) -> None:
    inside = any(isinstance(field, FileField) and field.tamper_at is not None for field in found)
    if inside and Placeholder.TAMPER in found:
        raise ValueError("the tag writes its tamper status in one place: {tt} or {file:N+tt@K}")
