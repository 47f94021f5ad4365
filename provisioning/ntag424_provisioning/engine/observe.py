"""What a tag tells everybody: no key, no authentication, nothing that costs an attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ntag424 import TamperStatus, Uid
from ntag424.commands import (
    FILE_IDS,
    GetFileSettings,
    GetKeyVersion,
    GetTamperStatus,
    GetVersion,
    IsoReadBinary,
    IsoSelectApplication,
    IsoSelectFile,
    Request,
)
from ntag424.errors import ProtocolError, TagRefusedError
from ntag424.exchange import ask
from ntag424.files import SAFE_READ
from ntag424.flow import Flow
from ntag424.model.files import FILE_SIZES, FREE, FileSettings
from ntag424.model.version import TagVersion
from ntag424.ndef import read_uri
from ntag424_provisioning.errors import NotOurChipError
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE

T = TypeVar("T")

_HIDDEN = bytes(7)


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a tag. What it did not want to tell is None, or empty."""

    version: TagVersion
    #: KeyVer of keys 0 to 4. No MAC covers them here.
    key_versions: tuple[int | None, ...]
    #: By file number, 1 to 3; None too for settings that no tag should have.
    settings: Mapping[int, FileSettings | None]
    cc: bytes
    #: The whole NDEF file as phones read it, mirrors filled in: this look was a tap.
    ndef: bytes
    #: None where the chip has no loop, or does not tell.
    tamper: TamperStatus | None = None

    @property
    def uid(self) -> Uid | None:
        """The UID; None where random IDs hide it."""
        return None if self.version.uid == _HIDDEN else self.version.uid

    @property
    def url(self) -> str | None:
        """The URL that a phone would open, if there is one."""
        try:
            return read_uri(self.ndef)
        except ValueError:
            return None


def is_spent(seen: Observation) -> bool:
    """Whether the read counter has come to its limit (SDMReadCtrLimit)."""
    settings = seen.settings[NDEF_FILE]
    if settings is None or settings.sdm is None:
        return False
    return not seen.ndef and settings.access.read is FREE


def observe() -> Flow[Observation]:
    """Look at a tag.

    Raises:
        NotOurChipError: it is no NTAG 424 DNA.
        TransportError: contact was lost; nothing had been changed.

    """
    version = yield from _identify()
    key_versions = yield from _key_versions()
    settings = yield from _settings()
    tamper = (yield from _if_told(GetTamperStatus())) if version.has_tag_tamper else None
    cc = yield from _read(CC_FILE)
    ndef = yield from _read(NDEF_FILE)
    return Observation(version, tuple(key_versions), settings, cc, ndef, tamper)


def _identify() -> Flow[TagVersion]:
    try:
        yield from ask(IsoSelectApplication())
        version = yield from ask(GetVersion())
    except (TagRefusedError, ProtocolError) as error:
        raise NotOurChipError(f"this is no NTAG 424 DNA: {error}") from error
    if not version.is_ntag424:
        kind = bytes(version.hardware).hex().upper()
        raise NotOurChipError(f"this is no NTAG 424 DNA: its hardware version is {kind}")
    return version


def read_ndef() -> Flow[bytes]:
    """Read the NDEF file as a phone does, up to the end of its message: one tap."""
    content = yield from _read(NDEF_FILE, 2)
    length = int.from_bytes(content[:2], "big")
    if not content or 2 + length > FILE_SIZES[NDEF_FILE]:
        return content
    # All reads in a row show one counter (NT4H2421Gx §9.3.2), so the pieces fit together.
    return content + (yield from _pieces(2, 2 + length))


def _key_versions() -> Flow[tuple[int | None, ...]]:
    told: tuple[int | None, ...] = ()
    for number in range(5):
        told += ((yield from _if_told(GetKeyVersion(number))),)
    return told


def _settings() -> Flow[dict[int, FileSettings | None]]:
    settings: dict[int, FileSettings | None] = {}
    for number in FILE_IDS:
        description = yield from _if_told(GetFileSettings(number))
        settings[number] = None if description is None else description.settings
    return settings


def _read(number: int, length: int | None = None) -> Flow[bytes]:
    """Select and read a file in the clear; nothing where it is not open to everybody."""
    try:
        yield from ask(IsoSelectApplication())
        yield from ask(IsoSelectFile(FILE_IDS[number]))
        return (yield from _pieces(0, length or FILE_SIZES[number]))
    except TagRefusedError:
        return b""


def _pieces(start: int, end: int) -> Flow[bytes]:
    content = b""
    for offset in range(start, end, SAFE_READ):
        content += yield from ask(IsoReadBinary(offset, min(SAFE_READ, end - offset)))
    return content


def _if_told(request: Request[T]) -> Flow[T | None]:
    try:
        return (yield from ask(request))
    except (TagRefusedError, ProtocolError):
        return None
