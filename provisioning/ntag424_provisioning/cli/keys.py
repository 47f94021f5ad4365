"""`ntag424 keys`: the master keys, from drawing them to retiring them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from ntag424 import KeyState
from ntag424_provisioning.cli.frame import Json, ask, can_ask, confirm, group, say, tell
from ntag424_provisioning.cli.profile_option import InsecureHttp, read_template
from ntag424_provisioning.cli.unlock import (
    KeyFilePath,
    PassphraseFile,
    VaultPath,
    new_unlock,
    open_vault,
    vault_path,
)
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.vault import (
    MasterKeys,
    Sheet,
    StoredVersion,
    Vault,
    Versions,
    keyring_toml,
    read_keys,
    require_free,
    svg_qr,
    terminal_qr,
    write_private,
)
from ntag424_provisioning.vault import recover as recover_generation

app = group("Draw master keys, back them up, restore, rotate, retire and recover them.")

_BACK_UP = 'Print a recovery sheet now: "ntag424 keys backup".'
_CONFIRM = 'Once it is on paper: "ntag424 keys backup --confirm".'


@unique
class OwnScheme(StrEnum):
    """Schemes that keys are drawn for."""

    AN10922 = "an10922"
    HKDF = "hkdf"


@unique
class Format(StrEnum):
    """How keys are shown."""

    TEXT = "text"
    SERVICE = "service"


_SheetFile = Annotated[Path, typer.Argument(metavar="FILE|-", allow_dash=True)]


@app.command()
def init(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    scheme: Annotated[OwnScheme, typer.Option(help="How tags' keys are derived.")] = (
        OwnScheme.AN10922
    ),
    as_json: Json = False,
) -> None:
    """Make the vault, with a master key; with --key-file that file is made too."""
    path = vault_path(vault)
    require_free(path)
    unlock = new_unlock(key_file, passphrase_file)
    keys = MasterKeys.draw(scheme.value)
    first = StoredVersion(1, KeyState.ACTIVE, keys, int(time.time()))
    with Vault.create(path, unlock, (first,)) as made:
        record = {"vault": made.vault_id, "path": str(made.path), **_record(first)}
        tell(record, f"{made.path} made\n{_line(first)}", as_json=as_json)
    say(_BACK_UP)


@app.command()
def show(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    form: Annotated[
        Format, typer.Option("--format", help="service: the keyring file of ntag424-service.")
    ] = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option(help="Write the keyring file, mode 600; never over another.")
    ] = None,
    show_keys: Annotated[
        bool, typer.Option("--show-keys", help="Show the keys too, on a terminal.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the key versions; keys are shown on a terminal only, and only if asked for."""
    if show_keys or (form is Format.SERVICE and out is None):
        _require_eyes(show_keys=show_keys)
    if form is Format.TEXT and out is not None:
        raise SetupError("--out writes keyring files only", "Say --format service too.")
    with open_vault(vault, key_file, passphrase_file) as opened:
        versions = opened.versions()
    if out is not None:
        write_private(out, keyring_toml(versions))
        tell({"file": str(out)}, f"{out} written", as_json=as_json)
    elif form is Format.SERVICE:
        text = keyring_toml(versions)
        tell({"keyring": text}, text, as_json=as_json)
    else:
        for version in versions:
            _show(version, show_keys=show_keys, as_json=as_json)


@app.command()
def backup(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    svg: Annotated[
        Path | None, typer.Option(help="Write the QR code as an image, mode 600, instead.")
    ] = None,
    is_printed: Annotated[
        bool, typer.Option("--confirm", help="Prove that the sheet is on paper.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the recovery sheet with all keys: "ntag424 keys backup | lp"."""
    if is_printed and svg is not None:
        raise SetupError("--confirm prints nothing", "Leave --svg out.")
    with open_vault(vault, key_file, passphrase_file) as opened:
        opened.keyring()
        if is_printed:
            _confirm_backup(opened, as_json=as_json)
            return
        sheet = Sheet(opened.vault_id, opened.versions())
    if svg is not None:
        write_private(svg, svg_qr(sheet))
        tell({"file": str(svg)}, f"{svg} written", as_json=as_json)
    else:
        text = sheet.text(int(time.time()))
        drawing = f"\n{terminal_qr(sheet)}" if sys.stdout.isatty() else ""
        tell({"sheet": text, "qr": sheet.qr_text()}, text + drawing, as_json=as_json)
    say(_CONFIRM)


def _confirm_backup(vault: Vault, *, as_json: bool) -> None:
    typed = ask("Check code on the sheet") if can_ask() else sys.stdin.read()
    # A scanned sheet proves as much as its code does.
    is_sheet = typed.lstrip().upper().startswith(("SHEET ", "* "))
    vault.confirm_backup(Sheet.read(typed).check_code if is_sheet else typed)
    tell({"vault": vault.vault_id, "backup": "confirmed"}, "backup confirmed", as_json=as_json)


@app.command()
def restore(
    file: _SheetFile,
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Take keys into a vault: from a recovery sheet, its QR code, or a service's keyring file.

    Without a vault one is made. Versions that are there already are left alone.
    """
    found = _read_keys(file)
    path = vault_path(vault)
    if os.path.lexists(path):
        with open_vault(vault, key_file, passphrase_file) as opened:
            before = {version.ordinal for version in opened.versions()}
            versions = opened.restore(found)
    else:
        before = set()
        with Vault.create(path, new_unlock(key_file, passphrase_file), found) as made:
            versions = made.versions()
    for version in versions:
        is_new = version.ordinal not in before
        text = f"{_line(version)}  {'restored' if is_new else 'was there'}"
        tell({**_record(version), "restored": is_new}, text, as_json=as_json)
    say("The keys stand in the clear where they were read from: delete it if nobody needs it.")


@app.command("accept-restored")
def accept_restored(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Go on with an older copy of the vault; until then every command that writes is refused.

    What was written since is found out from the tags. Whatever newer copy turns up later is
    refused in its turn.
    """
    with open_vault(vault, key_file, passphrase_file) as opened:
        is_due = opened.doubt is not None
        question = "Is there no newer copy, and shall this one be used from now on?"
        if is_due:
            if not yes and not confirm(question, unasked="--yes"):
                raise RefusedError("nothing was changed", "Put the newest copy of the vault back.")
            opened.accept_restored()
        text = "accepted" if is_due else "nothing to accept: this is the newest that was used here"
        tell({"vault": opened.vault_id, "accepted": is_due}, text, as_json=as_json)
    if is_due:
        say('If keys were drawn since, take them in first: "ntag424 keys restore" with the sheet.')


@app.command()
def rotate(
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    scheme: Annotated[
        OwnScheme | None, typer.Option(help="Default: as the active version.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw a new master key for tags from now on; the former one is still accepted."""
    with open_vault(vault, key_file, passphrase_file) as opened:
        made = opened.rotate(_next_keys(opened.versions(), scheme))
        keyring = opened.keyring()
    tell(_record(made), _line(made), as_json=as_json)
    say(_BACK_UP)
    say('Give the service its new keyring file: "ntag424 keys show --format service".')
    try:
        _ = keyring.candidates
    except ValueError as error:
        say(f"warning: {error}")


@app.command()
def retire(
    ordinal: Annotated[int, typer.Argument(min=1, max=255)],
    *,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Even if tags live under it.")] = False,
    as_json: Json = False,
) -> None:
    """Refuse the taps of a key version from now on; its key stays in the vault."""
    with open_vault(vault, key_file, passphrase_file) as opened:
        count = opened.tags_of(ordinal)
        is_active = opened.keyring().active.ordinal == ordinal
        question = f"Tags under key version {ordinal} that stop working: {count}. Retire it?"
        if count and not is_active and not yes and not confirm(question, unasked="--yes"):
            raise RefusedError("nothing was changed", 'Move them first: "ntag424 rotate".')
        retired = opened.set_state(ordinal, KeyState.RETIRED)
    tell(_record(retired), _line(retired), as_json=as_json)


@app.command()
def recover(
    url: Annotated[str, typer.Argument(metavar="URL|-")],
    *,
    template: Annotated[str, typer.Option(help="The template that the tag was written with.")],
    insecure_http: InsecureHttp = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Take the keys from a typed sheet, not from the vault.")
    ] = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Find key version and epoch of a tag from a URL of its own, whatever that says of them."""
    parsed = read_template(template, option="--template", insecure_http=insecure_http)
    if sheet is None:
        with open_vault(vault, key_file, passphrase_file) as opened:
            versions = opened.versions()
    else:
        versions = _read_keys(sheet)
    for one in _lines(url):
        tap = recover_generation(one, parsed, versions)
        record = {
            "uid": str(tap.uid),
            "key_version": tap.key_version,
            "epoch": tap.epoch,
            "counter": tap.read_counter,
            "mode": tap.mode.value,
        }
        text = "tag {uid}: key version {key_version}, epoch {epoch}, counter {counter}, {mode}"
        tell(record, text.format(**record), as_json=as_json)


def _require_eyes(*, show_keys: bool) -> None:
    hint = "Say --show-keys on a terminal, or --format service --out FILE."
    if not show_keys:
        raise RefusedError("this would show keys", hint)
    if not sys.stdout.isatty():
        raise RefusedError("keys are shown on a terminal only", hint)


def _show(version: StoredVersion, *, show_keys: bool, as_json: bool) -> None:
    members = version.keys.members() if show_keys else {}
    lines = (_line(version), *(f"     {name} {value}" for name, value in members.items()))
    tell({**_record(version), **members}, "\n".join(lines), as_json=as_json)


def _next_keys(versions: Versions, scheme: OwnScheme | None) -> MasterKeys:
    if scheme is not None:
        return MasterKeys.draw(scheme.value)
    active = [version.keys for version in versions if version.state is KeyState.ACTIVE]
    return active[0].redrawn() if active else MasterKeys.draw(OwnScheme.AN10922.value)


def _record(version: StoredVersion) -> dict[str, object]:
    return {
        "key_version": version.ordinal,
        "state": version.state.value,
        "scheme": version.scheme_name,
        "created_at": version.created_at,
        "backed_up": version.is_backed_up,
        "fingerprint": version.fingerprint,
    }


def _line(version: StoredVersion) -> str:
    day = datetime.fromtimestamp(version.created_at, UTC).date().isoformat()
    safety = "backed up" if version.is_backed_up else "NOT BACKED UP"
    return (
        f"{version.ordinal:3}  {version.state.value:9}  {version.scheme_name:11}  {day}  "
        f"{version.fingerprint}  {safety}"
    )


def _read_keys(file: Path) -> Versions:
    try:
        return read_keys(sys.stdin.read() if str(file) == "-" else file.read_text("utf-8"))
    except OSError as error:
        text = f"{file} cannot be read: {error.strerror}"
        raise SetupError(text, "Check the path and who may read it.") from error
    except UnicodeDecodeError:
        hint = "Give the typed lines, or the text of the QR code."
        raise SetupError(f"{file} is no text", hint) from None


def _lines(url: str) -> Iterator[str]:
    if url != "-":
        yield url
        return
    yield from filter(None, map(str.strip, sys.stdin))
