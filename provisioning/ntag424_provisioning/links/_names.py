"""How readers are named on the command line."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TypeAlias

from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.sim import tag_pattern

_PCSC, _SIM = "pcsc:", "sim:"
# nfcpy's own notation: any reader, that of a bus and device number, that of two ids.
_USB = re.compile(r"usb(:[0-9]{1,3}:[0-9]{1,3}|:[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4})?")
_UDP = re.compile(r"udp:[A-Za-z0-9.-]+:([0-9]{1,5})")
_HINT = "Write pcsc:NAME, usb, usb:BUS:DEVICE, udp:HOST:PORT or sim:NAME; see ntag424 readers."


@dataclass(frozen=True, slots=True)
class PcscName:
    """A reader over PC/SC, by its name or a part of it that no other has."""

    name: str

    def __str__(self) -> str:
        return f"{_PCSC}{self.name}"


@dataclass(frozen=True, slots=True)
class NfcpyName:
    """A reader that nfcpy drives, in nfcpy's notation."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class SimulatedName:
    """A reader with a simulated tag, or one after the other those that the pattern fits."""

    pattern: str

    def __str__(self) -> str:
        return f"{_SIM}{self.pattern}"


#: `str` of it is what `parse_reader` takes.
ReaderName: TypeAlias = PcscName | NfcpyName | SimulatedName


def parse_reader(text: str) -> ReaderName:
    """Read what `--reader` was given.

    Raises:
        SetupError: it names no reader.

    """
    if text.startswith(_PCSC) and text != _PCSC:
        return PcscName(text.removeprefix(_PCSC))
    if text.startswith(_SIM):
        return SimulatedName(tag_pattern(text.removeprefix(_SIM)))
    if _USB.fullmatch(text) or _is_udp(text):
        return NfcpyName(text)
    raise SetupError(f"no reader is written {text!r}", _HINT)


def as_option(reader: ReaderName) -> str:
    """Spell the option that names *reader*, as a shell takes it."""
    return f"--reader {shlex.quote(str(reader))}"


def _is_udp(text: str) -> bool:
    match = _UDP.fullmatch(text)
    return match is not None and 0 < int(match[1]) <= 0xFFFF
