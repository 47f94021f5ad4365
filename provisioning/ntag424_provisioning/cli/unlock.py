"""How every command that needs the vault is told where it is and what opens it.

Secrets come from a hidden prompt or from files, never from the command line or from the
environment: other users can see both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ntag424_provisioning.cli.frame import ask_secret, can_ask, say
from ntag424_provisioning.errors import SetupError, VaultError
from ntag424_provisioning.places import home
from ntag424_provisioning.private_files import require_own_folder
from ntag424_provisioning.vault import (
    LEAST_CHARACTERS,
    KeyFile,
    Lock,
    Passphrase,
    Unlock,
    Vault,
    read_private,
)

VaultPath = Annotated[
    Path | None,
    typer.Option("--vault", help="The vault. Default: vault.db in $NTAG424_HOME."),
]
KeyFilePath = Annotated[
    Path | None,
    typer.Option("--key-file", envvar="NTAG424_KEY_FILE", help="The file that opens the vault."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="NTAG424_PASSPHRASE_FILE",
        help="A file, mode 600, whose first line is the passphrase of the vault.",
    ),
]

_NOBODY = (
    "Name a file with --key-file or --passphrase-file, or with NTAG424_KEY_FILE or "
    "NTAG424_PASSPHRASE_FILE."
)


def vault_path(named: Path | None) -> Path:
    """Return where the vault is, or is to be."""
    return home() / "vault.db" if named is None else named


def open_vault(vault: Path | None, key_file: Path | None, passphrase_file: Path | None) -> Vault:
    """Open the vault by what the options say, or by the passphrase that is typed.

    Raises:
        VaultError: it is missing, or damaged, or was given the wrong secret.
        SetupError: it takes something that was not given, and nobody can be asked.

    """
    path = vault_path(vault)
    lock = Vault.lock_of(path)
    opened = Vault.open(path, _unlock(lock, key_file, passphrase_file))
    _warn(opened)
    return opened


def _warn(vault: Vault) -> None:
    if vault.is_new_here:
        say("note: this vault was not used here before; make sure that it is the newest copy")
    for trouble in (vault.doubt, _folder_trouble(vault.path.parent)):
        if trouble is not None:
            say(f"warning: {trouble}")
            say(f"hint: {trouble.hint}")


def _folder_trouble(folder: Path) -> VaultError | None:
    try:
        require_own_folder(folder)
    except VaultError as trouble:
        return trouble
    return None


def new_unlock(key_file: Path | None, passphrase_file: Path | None) -> Unlock:
    """Return what a new vault will open with; a passphrase is typed twice.

    Raises:
        SetupError: too much was given, or nothing and nobody can be asked.

    """
    if key_file is not None and passphrase_file is not None:
        text = "a vault opens with a key file or with a passphrase, not with both"
        raise SetupError(text, "Leave one of the two options out.")
    if key_file is not None:
        return KeyFile(key_file)
    if passphrase_file is not None:
        return _from_file(passphrase_file)
    _require_somebody("a new vault needs a passphrase or a key file")
    question = f"Passphrase for the new vault, {LEAST_CHARACTERS} characters or more"
    return _passphrase(_typed(question, again="The same again"))


def _unlock(lock: Lock, key_file: Path | None, passphrase_file: Path | None) -> Unlock:
    match lock:
        case Lock.KEY_FILE if key_file is not None:
            return KeyFile(key_file)
        case Lock.KEY_FILE:
            text = "this vault opens with a key file"
            raise SetupError(text, "Name it: --key-file, or NTAG424_KEY_FILE.")
        case Lock.PASSPHRASE if passphrase_file is not None:
            return _from_file(passphrase_file)
        case Lock.PASSPHRASE:
            _require_somebody("this vault opens with a passphrase")
            return _passphrase(_typed("Passphrase of the vault"))


def _from_file(path: Path) -> Passphrase:
    lines = read_private(path, "passphrase file").splitlines()
    try:
        return _passphrase(lines[0].decode() if lines else "")
    except UnicodeDecodeError:
        hint = "Its first line is the passphrase, in UTF-8."
        raise VaultError(f"the passphrase file {path} is no text", hint) from None


def _passphrase(text: str) -> Passphrase:
    try:
        return Passphrase(text)
    except ValueError as error:
        hint = "Give all of it; for a new vault, several words are easy to keep."
        raise VaultError(str(error), hint) from None


def _typed(question: str, *, again: str | None = None) -> str:
    text = ask_secret(question)
    if again is not None and ask_secret(again) != text:
        raise SetupError("the two are not the same", "Nothing was made; start over.")
    return text


def _require_somebody(what: str) -> None:
    if not can_ask():
        raise SetupError(f"{what}, and nobody is there to type one", _NOBODY)
