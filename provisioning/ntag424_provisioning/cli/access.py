"""`ntag424 access`: who may do what with a tag's files, and tags that another tool wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from ntag424 import Key
from ntag424.flow import run
from ntag424.model.files import FREE, NEVER, AccessRights, Condition, FileSettings
from ntag424_provisioning.cli.frame import Json, ask_secret, can_ask, confirm, group, say, tell
from ntag424_provisioning.cli.reader_option import Reader, open_reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, await_tag, bench_of
from ntag424_provisioning.engine import adopt as engine
from ntag424_provisioning.engine.access import FILE_NAMES, closed_text, condition_text
from ntag424_provisioning.engine.observe import Observation, observe
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.model import FACTORY_KEY, SlotKey
from ntag424_provisioning.private_files import read_private

app = group("Access rights of a tag's files, and the keys of a tag that another tool wrote.")

_DELIVERED = dict.fromkeys(range(5), FACTORY_KEY.key)
_LINE = re.compile(r"([0-4])[ \t]+([0-9A-Fa-f]{32})", re.ASCII)


@unique
class FileName(StrEnum):
    """The three files of the application."""

    CC = "cc"
    NDEF = "ndef"
    PROPRIETARY = "proprietary"

    @property
    def number(self) -> int:
        """The number that the chip knows it by."""
        return list(FileName).index(self) + 1


_CONDITIONS: Mapping[str, Condition] = {
    "free": FREE,
    "never": NEVER,
    **{str(number): number for number in range(5)},
}


_WHO = "0..4|free|never"
Read = Annotated[str | None, typer.Option("--read", metavar=_WHO, help="Who may read.")]
Write = Annotated[str | None, typer.Option("--write", metavar=_WHO, help="Who may write.")]
ReadWrite = Annotated[
    str | None,
    typer.Option("--read-write", metavar=_WHO, help="Who may do both."),
]
Change = Annotated[
    str | None,
    typer.Option("--change", metavar=_WHO, help="Who may change the rights."),
]
AllowIrreversible = Annotated[
    bool,
    typer.Option("--allow-irreversible", help="Mean --change never, which nobody can undo."),
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="A file, mode 600, with a line for each key: its number and 32 hex digits.",
    ),
]


@app.command()
def show(*, reader: Reader = None, wait: Wait = 60, as_json: Json = False) -> None:
    """Show who may do what with the files of the tag on the reader, and what is closed.

    Nothing is changed, and no attempt is spent. It counts as one tap.
    """
    link = open_reader(reader)
    try:
        await_tag(link, wait)
        seen = run(observe(), link)
    finally:
        link.close()
    files = [_record(number, one) for number, one in seen.settings.items()]
    uid = None if seen.uid is None else str(seen.uid)
    tell({"uid": uid, "files": files}, _table(seen, files), as_json=as_json)


@app.command()
def adopt(
    *,
    keys: KeysFile = None,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Prove the keys of the tag on the reader, and put them into the vault.

    Nothing on the tag changes; each key is tried once. Then "provision" and "reset" work
    as on any tag. A key without a line in the file is the one that NXP delivers, zeros;
    without --keys all are asked for.
    """
    with ExitStack() as closing:
        opened = closing.enter_context(open_vault(vault, key_file, passphrase_file))
        given = _asked() if keys is None else _DELIVERED | _read_keys(keys)
        bench = closing.enter_context(bench_of(opened, reader, wait=wait, enrol="later"))
        known = engine.adopt(bench, given)
    versions = [slot[-1].version for slot in known.slots]
    record = {"uid": str(known.uid), "key_versions": versions}
    tell(record, f"✓ {known.uid}  its five keys are in the vault", as_json=as_json)


@app.command("set")
def set_rights(
    file: Annotated[FileName, typer.Argument(metavar="cc|ndef|proprietary")],
    *,
    read: Read = None,
    write: Write = None,
    read_write: ReadWrite = None,
    change: Change = None,
    allow_irreversible: AllowIrreversible = False,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Change the access rights of a file, with the keys that the vault has of the tag.

    Rights that are not named stay as they are. "repair" gives a tag of this vault its own
    rights back.
    """
    given = _given(read=read, write=write, read_write=read_write, change=change)
    if given.get("change") is NEVER and not allow_irreversible:
        _require_meant(file)
    with ExitStack() as closing:
        opened = closing.enter_context(open_vault(vault, key_file, passphrase_file))
        bench = closing.enter_context(bench_of(opened, reader, wait=wait, enrol="later"))
        present = run(observe(), bench.link).settings[file.number]
        access = _changed(file, present, given)
        settings = engine.set_rights(bench, file.number, access)
    record = _record(file.number, settings)
    tell(record, _line(record), as_json=as_json)


@app.command("change-key")
def change_key(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, max=4)],
    *,
    keys: KeysFile = None,
    version_byte: Annotated[
        int, typer.Option(min=0, max=255, help="What the tag is to tell as its version.")
    ] = 0,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Change one key to a value of yours, for a tag that goes to another tool.

    The new key is in the file, or asked for. The vault keeps it; until the tag has
    answered, it keeps the old one too.
    """
    with ExitStack() as closing:
        opened = closing.enter_context(open_vault(vault, key_file, passphrase_file))
        new = _typed_key(number) if keys is None else _one_of(keys, number)
        bench = closing.enter_context(bench_of(opened, reader, wait=wait, enrol="later"))
        known = engine.change_one_key(bench, number, SlotKey(new, version_byte))
    record = {"uid": str(known.uid), "key": number, "version": version_byte}
    tell(record, f"✓ {known.uid}  key {number} changed, and proven", as_json=as_json)


def _given(**named: str | None) -> dict[str, Condition]:
    given = {name: text for name, text in named.items() if text is not None}
    for name, text in given.items():
        if text not in _CONDITIONS:
            raise SetupError(
                f"--{name.replace('_', '-')} {text!r} is no right",
                "A right is a key number from 0 to 4, free, or never.",
            )
    if not given:
        raise SetupError("no right was named", "Say --read, --write, --read-write or --change.")
    return {name: _CONDITIONS[text] for name, text in given.items()}


def _require_meant(file: FileName) -> None:
    say(f"! Change of the {FILE_NAMES[file.number]} file would be closed for good: nobody, with")
    say("  whatever key, could ever provision or reset this tag again.")
    if not confirm("Close it for ever?", unasked="--allow-irreversible"):
        raise RefusedError("nothing was done")


def _changed(
    file: FileName, present: FileSettings | None, given: Mapping[str, Condition]
) -> AccessRights:
    if present is not None:
        return replace(present.access, **given)
    if len(given) < 4:
        raise SetupError(
            f"the present rights of the {FILE_NAMES[file.number]} file are none that a tag should "
            "have, so none of them can stay",
            "Name all four.",
        )
    return AccessRights(**given)


# ---- keys -----------------------------------------------------------------------------------


def _read_keys(path: Path) -> dict[int, Key]:
    """Read a file of keys, by number."""
    keys: dict[int, Key] = {}
    for place, line in enumerate(_lines(path), 1):
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        # Not a word of the line itself: it may be a key.
        if found is None or (number := int(found[1])) in keys:
            raise SetupError(
                f"line {place} of the keys file {path} is no key, or one that was given before",
                "Write a number from 0 to 4, a space, and 32 hex digits; # begins a remark.",
            )
        keys[number] = Key.from_hex(found[2])
    return keys


def _one_of(path: Path, number: int) -> Key:
    key = _read_keys(path).get(number)
    if key is None:
        raise SetupError(
            f"the keys file {path} has no line for key {number}",
            "A new key is never guessed: write it down, zeros too.",
        )
    return key


def _lines(path: Path) -> list[str]:
    text = read_private(path, "keys file").decode(errors="replace")
    return [line.strip() for line in text.splitlines()]


def _asked() -> dict[int, Key]:
    return {number: _typed_key(number) for number in range(5)}


def _typed_key(number: int) -> Key:
    if not can_ask():
        raise SetupError(f"nobody is there to type key {number}", "Name a file with --keys.")
    text = ask_secret(f"Key {number}, 32 hex digits; nothing for zeros").strip()
    if text and not re.fullmatch("[0-9A-Fa-f]{32}", text, re.ASCII):
        raise SetupError(f"what was typed for key {number} is no key", "A key has 32 hex digits.")
    return Key.from_hex(text) if text else FACTORY_KEY.key


# ---- output ---------------------------------------------------------------------------------


def _record(number: int, settings: FileSettings | None) -> dict[str, object]:
    access = None if settings is None else settings.access
    rights = {
        name: None if access is None else condition_text(getattr(access, name))
        for name in ("read", "write", "read_write", "change")
    }
    closed = None if access is None else closed_text(number, access)
    return {"file": FILE_NAMES[number], **rights, "closed": closed}


def _table(seen: Observation, files: list[dict[str, object]]) -> str:
    head = f"{seen.uid or 'UID hidden by random IDs'}"
    columns = {name: name.replace("_", "-") for name in ("read", "write", "read_write", "change")}
    lines = [head, _line({"file": "file", **columns}), *map(_line, files)]
    return "\n".join(lines + [f"! {one['closed']}" for one in files if one["closed"]])


def _line(record: Mapping[str, object]) -> str:
    names = ("file", "read", "write", "read_write", "change")
    return "".join(f"{record[name] or '??':12}" for name in names).rstrip()
