"""From the texts of a URL's fields to the message, and back."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.model import Generation, Mode, TamperStatus
from ntag424.sdm import TapMessage
from ntag424.url_template._fields import Placeholder
from ntag424.url_template._grammar import Grammar

_UID, _COUNTER = Placeholder.UID.name, Placeholder.COUNTER.name
_MAC, _MAC_INPUT = Placeholder.MAC.name, Placeholder.MAC_INPUT.name
_TAMPER = Placeholder.TAMPER.name
_KEY_VERSION, _EPOCH = Placeholder.KEY_VERSION.name, Placeholder.EPOCH.name


@dataclass(frozen=True, slots=True)
class ParsedTap:
    """A URL taken apart. Nothing in it is trusted yet."""

    message: TapMessage
    #: What stood at `{kv}`; None where the template has none.
    key_version: int | None = None
    #: What stood at `{epoch}`; 0 where the template has none.
    epoch: int = 0


def decode(
    grammar: Grammar, found: dict[str, str], mac_input: bytes, mode: Mode | None
) -> ParsedTap:
    """Make the message of the texts *found*, by name of their field."""
    version, epoch = found.get(_KEY_VERSION), found.get(_EPOCH)
    counter, tamper = found.get(_COUNTER), found.get(_TAMPER)
    picc, file = grammar.picc, grammar.file
    message = TapMessage(
        mac=bytes.fromhex(found[_MAC]),
        mac_input=mac_input,
        picc_data=None if picc is None else bytes.fromhex(found[picc.name]),
        uid=bytes.fromhex(found[_UID]) if _UID in found else None,
        # In a URL the counter stands MSB first (NT4H2421Gx §9.3.3).
        read_counter=None if counter is None else int(counter, 16),
        encrypted_file_data=None if file is None else bytes.fromhex(found[file.name]),
        tamper=None if tamper is None else TamperStatus.from_bytes(tamper.encode()),
        tamper_at=None if file is None else file.tamper_at,
        mode=mode,
    )
    return ParsedTap(
        message,
        None if version is None else int(version, 16),
        0 if epoch is None else int(epoch, 16),
    )


def encode(grammar: Grammar, tap: ParsedTap) -> dict[str, str]:
    """Undo `decode`: the texts of every field by name; `mac_input` follows from them."""
    message = tap.message
    texts = static_texts(Generation(tap.key_version or 0, tap.epoch))
    texts |= {_MAC: _hex(message.mac), _MAC_INPUT: ""}
    if message.tamper is not None:
        texts[_TAMPER] = message.tamper.value.decode()
    if message.uid is not None:
        texts[_UID] = _hex(message.uid)
    if message.read_counter is not None:
        texts[_COUNTER] = f"{message.read_counter:06X}"
    if grammar.picc is not None and message.picc_data is not None:
        texts[grammar.picc.name] = _hex(message.picc_data)
    if grammar.file is not None and message.encrypted_file_data is not None:
        texts[grammar.file.name] = _hex(message.encrypted_file_data)
    return texts


def static_texts(generation: Generation) -> dict[str, str]:
    """Return what is written once: the texts of `{kv}` and `{epoch}` by name."""
    return {
        _KEY_VERSION: f"{generation.key_version:02X}",
        _EPOCH: f"{generation.epoch:02X}",
    }


def _hex(octets: bytes) -> str:
    return octets.hex().upper()
