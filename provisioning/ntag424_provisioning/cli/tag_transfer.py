"""`ntag424 tags import|export|signer`: tags come from other systems, and go to services."""

from __future__ import annotations

import time
from collections.abc import Iterable
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from ntag424 import Keyring
from ntag424_provisioning import enrolment
from ntag424_provisioning.cli.frame import Json, group, say, tell
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.imports import (
    ImportPlan,
    Origin,
    SourceOptions,
    open_source,
    plan_import,
    read_file,
    read_rows,
)
from ntag424_provisioning.model import KnownTag
from ntag424_provisioning.vault import Vault, write_private

#: These are commands of `ntag424 tags`.
app = group("Take tags in from other systems, and tell services of them.")


@unique
class Format(StrEnum):
    """How an inventory is written."""

    CSV = "csv"
    JSONL = "jsonl"


@app.command("import")
def import_tags(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the other system exported.")],
    *,
    origin: Annotated[Origin, typer.Option("--from", help="Which system that was.")],
    key_version: Annotated[
        int | None,
        typer.Option(min=1, max=255, help="sdm-backend, sentry: which one of the vault's."),
    ] = None,
    version_byte: Annotated[
        int | None,
        typer.Option(min=0, max=255, help="sdm-backend, sentry: what `inspect` shows of keys."),
    ] = None,
    decrypt_key_file: Annotated[
        Path | None, typer.Option(help="boltcard: a file with the server's AES_DECRYPT_KEY.")
    ] = None,
    uids: Annotated[
        Path | None, typer.Option(help="sentry: a file with all UIDs, for its `accounts` table.")
    ] = None,
    account_key_file: Annotated[
        Path | None, typer.Option(help="sentry: a file with the account HMAC key, likewise.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the other lines if some are bad.")
    ] = False,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Take in tags that another system wrote.

    They come with the keys that are on them now; "provision" moves them to ours. All
    lines are checked before any tag is taken in. Their counters go to a service with
    "tags export --signed", so that used taps stay used.
    """
    options = SourceOptions(key_version, version_byte, decrypt_key_file, uids, account_key_file)
    rows = read_rows(read_file(file))
    with open_vault(vault, key_file, passphrase_file) as opened:
        keyring = opened.keyring()
        plan = plan_import(rows, open_source(origin, options, keyring), opened)
        _report_bad(plan, skip_bad=skip_bad)
        if not dry_run:
            _put(plan, opened)
    _report(plan.new, keyring, "new", as_json=as_json)
    _report(plan.standing, keyring, "known", as_json=as_json)
    say(f"{'would import' if dry_run else 'imported'}: {len(plan.new)} tags")
    if origin is Origin.BOLTCARD:
        say(f"{file} still holds keys in the clear: destroy it once you need it no more")


@app.command("export")
def export_tags(
    *,
    form: Annotated[Format | None, typer.Option("--format", help="Default: csv.")] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="For `ntag424-service import`: tags in use, signed.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="A new file, mode 600, instead of standard output.")
    ] = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write all tags down, without keys."""
    if signed and form is not None:
        raise SetupError("a signed export has a form of its own", "Leave out --format.")
    with open_vault(vault, key_file, passphrase_file) as opened:
        keyring = opened.keyring()
        listed = [enrolment.ListedTag.of(known, keyring) for known in opened.tags()]
        if signed:
            text, count = _signed(listed, opened)
        else:
            write = enrolment.as_jsonl if form is Format.JSONL else enrolment.as_csv
            text, count = write(listed), len(listed)
    _write(text, out)
    say(f"exported: {count} of {len(listed)} tags")


@app.command()
def signer(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Print the public key that signed exports are known by."""
    with open_vault(vault, key_file, passphrase_file) as opened:
        pair = enrolment.Signer.of(opened)
    record = {"public_key": pair.public_key, "fingerprint": pair.fingerprint}
    tell(record, pair.public_key, as_json=as_json)


def _put(plan: ImportPlan, vault: Vault) -> None:
    vault.require_writable()
    for tag in plan.new:
        vault.put(tag)


def _report_bad(plan: ImportPlan, *, skip_bad: bool) -> None:
    for bad in plan.bad:
        say(f"{bad.place}: {bad.reason}")
    if plan.bad and not skip_bad:
        raise SetupError(
            f"{len(plan.bad)} tags cannot be imported, so none was",
            "Mend what is named above, or import the others with --skip-bad.",
        )


def _report(tags: Iterable[KnownTag], keyring: Keyring, kind: str, *, as_json: bool) -> None:
    for tag in tags:
        record = enrolment.ListedTag.of(tag, keyring).record() | {"import": kind}
        life = "-" if record["key_version"] is None else f"{record['key_version']}.0"
        text = f"{tag.uid}  {kind:5}  {life:>7}  {tag.counter:8}  {tag.label}"
        tell(record, text.rstrip(), as_json=as_json)


def _signed(listed: Iterable[enrolment.ListedTag], vault: Vault) -> tuple[str, int]:
    wanted = [tag.enrolment() for tag in listed]
    tags = [tag for tag in wanted if tag is not None]
    signed = enrolment.Signer.of(vault).sign(tags, made_at=int(time.time()))
    return f"{signed}\n", len(tags)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    write_private(out, text)
