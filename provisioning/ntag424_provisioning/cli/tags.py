"""`ntag424 tags`: what the vault knows of each tag, without its keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ntag424 import Uid
from ntag424_provisioning.cli.frame import Json, group, tell
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.model import KnownTag

app = group("Look at what the vault knows of each tag; no command here shows a key.")


def _uid(text: str) -> Uid:
    try:
        return Uid.from_hex(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


UidArgument = Annotated[Uid, typer.Argument(parser=_uid, metavar="UID", help="14 hex digits.")]


@app.command("list")
def list_tags(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """List all tags, in the order in which they were first seen."""
    with open_vault(vault, key_file, passphrase_file) as opened:
        for known in opened.tags():
            tell(_record(known), _line(known), as_json=as_json)


@app.command()
def show(
    uid: UidArgument,
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Show one tag: its life, its keys' versions, and what was under way."""
    with open_vault(vault, key_file, passphrase_file) as opened:
        known = opened.find(uid)
    if known is None:
        raise SetupError(f"the vault knows no tag {uid}", 'See "ntag424 tags list".')
    tell(_details(known), _sentences(known), as_json=as_json)


def _record(known: KnownTag) -> dict[str, object]:
    life = known.generation
    return {
        "uid": str(known.uid),
        "stage": known.stage.value,
        "key_version": None if life is None else life.key_version,
        "epoch": None if life is None else life.epoch,
        "counter": known.counter,
        "label": known.label,
        "changed_at": known.changed_at,
    }


def _details(known: KnownTag) -> dict[str, object]:
    profile = None if known.goal is None else known.goal.profile
    return {
        **_record(known),
        "template": None if profile is None else profile.template.text,
        "under_way": known.about,
        "attempts": list(known.attempts),
        # Of each slot, the version bytes of the keys that may be in it.
        "slots": [[key.version for key in slot] for slot in known.slots],
    }


def _line(known: KnownTag) -> str:
    text = (
        f"{known.uid}  {known.stage.value:7}  {_life(known):>7}  {known.counter:8}  "
        f"{_day(known)}  {known.label}"
    )
    return text.rstrip()


def _sentences(known: KnownTag) -> str:
    details = _details(known)
    lines = [
        f"tag        {known.uid}",
        f"stage      {known.stage.value}",
        f"life       {_life(known)}",
        f"counter    {known.counter}",
        f"changed    {_day(known)}",
    ]
    lines += [
        f"{name.replace('_', ' '):11}{details[name]}"
        for name in ("label", "template", "under_way")
        if details[name]
    ]
    for number, (slot, attempts) in enumerate(zip(known.slots, known.attempts, strict=True)):
        versions = " or ".join(str(key.version) for key in slot)
        failed = f", {attempts} attempts without success" if attempts else ""
        lines.append(f"key {number}      version {versions}{failed}")
    return "\n".join(lines)


def _life(known: KnownTag) -> str:
    life = known.generation
    return "-" if life is None else f"{life.key_version}.{life.epoch}"


def _day(known: KnownTag) -> str:
    return datetime.fromtimestamp(known.changed_at, UTC).date().isoformat()
