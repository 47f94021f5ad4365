"""The chip's memory as a JSON file, so that a tag outlives the program it is in."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ntag424.testing.simulated_tag._file_system import FILE_SIZES, TagFile
from ntag424.testing.simulated_tag._memory import (
    HARDWARE,
    HARDWARE_WITH_LOOP,
    AppKey,
    FailureRule,
    Failures,
    Memory,
)
from ntag424.testing.simulated_tag._sdm_model import Chip
from ntag424.testing.simulated_tag._suites import AesSuite, LrpSuite
from ntag424.testing.simulated_tag._tamper import TamperLoop

_FORMAT = "ntag424 simulated tag 2"
#: Without what GetVersion answers: that was the same for all.
_FORMAT_1 = "ntag424 simulated tag 1"


def write_memory(memory: Memory, path: Path) -> None:
    """Put *memory* into the file at *path*, readable to its owner alone, wholly or not at all.

    Raises:
        OSError: the file cannot be written; what was there before still is.
    """
    text = json.dumps(_document(memory), indent=2) + "\n"
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def read_memory(path: Path) -> Memory:
    """Read what `write_memory` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not the memory of a chip.
    """
    document: object = json.loads(path.read_text("ascii"))
    fields = _Fields(document)
    if fields.text("format") not in (_FORMAT, _FORMAT_1):
        raise ValueError(f"this is not a saved tag of the format {_FORMAT!r}")
    return _memory(fields)


def _sync_directory(directory: Path) -> None:
    # Windows opens no directories, and needs no such step.
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- writing --------------------------------------------------------------------------------


def _document(memory: Memory) -> dict[str, object]:
    rule, tamper = memory.failure_rule, memory.tamper
    return {
        "format": _FORMAT,
        "uid": _hex(memory.uid),
        "signature": _hex(memory.signature),
        "keys": [_key_document(key) for key in memory.keys],
        "files": [
            {
                "number": number,
                "settings": _hex(file.raw_settings),
                "content": _hex(file.content),
            }
            for number, file in sorted(memory.files.items())
        ],
        "read_counter": memory.read_counter,
        "lrp": memory.lrp,
        "random_id": memory.random_id,
        "user_capabilities": _hex(memory.user_capabilities),
        "chained_writing": memory.chained_writing,
        "failure_rule": {
            "counted": rule.counted,
            "limit": rule.limit,
            "decrement": rule.decrement,
        },
        "strong_back_modulation": memory.strong_back_modulation,
        "hardware": _hex(memory.hardware),
        "software": _hex(memory.software),
        "production": _hex(memory.production),
        "tamper": None if tamper is None else _tamper_document(tamper),
    }


def _key_document(key: AppKey) -> dict[str, object]:
    failures = key.failures
    return {
        "value": _hex(key.value),
        "version": key.version,
        "failures": failures.total,
        "failures_in_a_row": failures.in_a_row,
        "waited_ms": failures.waited,
    }


def _tamper_document(tamper: TamperLoop) -> dict[str, object]:
    return {
        "status": _hex(tamper.status),
        "enabled": tamper.enabled,
        "status_key": tamper.status_key,
        "wire_is_open": tamper.wire_is_open,
    }


def _hex(value: bytes) -> str:
    return value.hex().upper()


# ---- reading --------------------------------------------------------------------------------


class _Fields:
    """One JSON object, whose members are asked for by type.

    Raises:
        ValueError: it is no object, or a member is missing or of another type.
    """

    def __init__(self, document: object) -> None:
        if not isinstance(document, Mapping):
            raise _wrong("object")
        self._members: Mapping[str, object] = document

    def text(self, name: str) -> str:
        """Give a string."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise _wrong(name)
        return value

    def octets(self, name: str) -> bytes:
        """Give bytes that are written in hex."""
        return bytes.fromhex(self.text(name))

    def number(self, name: str, highest: int) -> int:
        """Give an integer from 0 to *highest*."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
            raise _wrong(name)
        return value

    def flag(self, name: str) -> bool:
        """Give a truth value."""
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise _wrong(name)
        return value

    def object(self, name: str) -> _Fields:
        """Give an object within."""
        return _Fields(self._members.get(name))

    def object_or_none(self, name: str) -> _Fields | None:
        """Give an object within, or None for null."""
        return None if self._members.get(name) is None else self.object(name)

    def objects(self, name: str) -> list[_Fields]:
        """Give a list of objects."""
        value = self._members.get(name)
        if not isinstance(value, list):
            raise _wrong(name)
        return [_Fields(each) for each in value]


def _wrong(name: str) -> ValueError:
    # Not its value: that may be a key.
    return ValueError(f"a saved tag has no valid {name!r}")


def _memory(fields: _Fields) -> Memory:
    lrp, tamper = fields.flag("lrp"), fields.object_or_none("tamper")
    suite = LrpSuite() if lrp else AesSuite()
    chip = Chip(suite.picc_data_characters, has_tamper_loop=tamper is not None)
    return Memory(
        uid=fields.octets("uid"),
        keys=tuple(_key(each) for each in fields.objects("keys")),
        files=_files(fields, chip),
        signature=fields.octets("signature"),
        read_counter=fields.number("read_counter", 0xFFFFFF),
        lrp=lrp,
        random_id=fields.flag("random_id"),
        user_capabilities=fields.octets("user_capabilities"),
        chained_writing=fields.flag("chained_writing"),
        failure_rule=_rule(fields.object("failure_rule")),
        strong_back_modulation=fields.flag("strong_back_modulation"),
        tamper=None if tamper is None else _tamper(tamper),
        **_version(fields, has_loop=tamper is not None),
    )


def _version(fields: _Fields, *, has_loop: bool) -> dict[str, bytes]:
    if fields.text("format") == _FORMAT_1:
        return {"hardware": HARDWARE_WITH_LOOP if has_loop else HARDWARE}
    return {name: fields.octets(name) for name in ("hardware", "software", "production")}


def _key(fields: _Fields) -> AppKey:
    failures = Failures(
        fields.number("failures", 0xFFFF),
        fields.number("failures_in_a_row", 0xFF),
        fields.number("waited_ms", 0xFFFF),
    )
    return AppKey(fields.octets("value"), fields.number("version", 0xFF), failures)


def _files(fields: _Fields, chip: Chip) -> dict[int, TagFile]:
    files = {}
    for each in fields.objects("files"):
        number = each.number("number", len(FILE_SIZES))
        content, settings = each.octets("content"), each.octets("settings")
        files[number] = TagFile.found(number, content, settings, chip)
    if {number: len(file.content) for number, file in files.items()} != FILE_SIZES:
        raise _wrong("files")
    return files


def _rule(fields: _Fields) -> FailureRule:
    limit, decrement = fields.number("limit", 0xFFFF), fields.number("decrement", 0xFFFF)
    return FailureRule(fields.flag("counted"), limit, decrement)


def _tamper(fields: _Fields) -> TamperLoop:
    return TamperLoop(
        fields.octets("status"),
        enabled=fields.flag("enabled"),
        status_key=fields.number("status_key", 0xF),
        wire_is_open=fields.flag("wire_is_open"),
    )
