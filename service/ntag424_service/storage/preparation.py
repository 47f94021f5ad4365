"""`init` and `enrolment-credential`: the one way stores and credentials come into being."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from ntag424.errors import LedgerError
from ntag424.replay import LedgerStore
from ntag424_service.errors import SettingsError
from ntag424_service.private_files import write_private_file
from ntag424_service.settings import Settings, variable
from ntag424_service.storage.identity import Identity
from ntag424_service.storage.stores import find_store, read_identity, unusable
from ntag424_service.storage.witness import make_witness, witness_path
from ntag424_service.tags.names import DigestNames, PlainNames

_KEYRING = """\
# Master keys. Whoever reads this file can make taps of every tag: keep it at mode 600
# and keep a copy offline, for without it no tag can be provisioned or verified again.
[[version]]
ordinal = 1
state = "active"
scheme = "an10922"
master_key = "{key}"
"""


def initialise(
    settings: Settings, *, new_keyring: bool, uid_digests: bool = False
) -> Iterator[str]:
    """Make what is asked for, and say after each file that it is there.

    Raises:
        SettingsError: a setting is missing, a file exists, or a place cannot be written.

    """
    store = find_store(settings)
    identity_file = _free_place(variable("identity_file"), settings.identity_file)
    keyring_file = None
    if new_keyring:
        keyring_file = _free_place(variable("keyring_file"), settings.keyring_file)
    _free_place(variable("witness_file"), witness_path(settings))
    store_id = _make_store(store)
    names = DigestNames(secrets.token_bytes(32)) if uid_digests else PlainNames()
    identity = Identity.new(store_id, names=names)
    _write(variable("identity_file"), identity_file, identity.text())
    make_witness(settings, store_id)
    yield f"{variable('store')}: ledger {store_id} made"
    yield f"{variable('identity_file')}: identity written"
    yield f"{variable('witness_file')}: witness made"
    if keyring_file is not None:
        keyring = _KEYRING.format(key=secrets.token_hex(16).upper())
        _write(variable("keyring_file"), keyring_file, keyring)
        yield f"{variable('keyring_file')}: keyring written, one version; make a backup now"


def migrate_store(settings: Settings) -> Iterator[str]:
    """Bring store and witness of an older release up to date, and say what was done.

    Raises:
        SettingsError: a setting is missing, or a place cannot be written.
        LedgerError: the store cannot be migrated.

    """
    steps = asyncio.run(find_store(settings).migrate())
    yield f"migrations applied: {steps}"
    # A ledger that needed no step is of a release that makes the witness with it.
    if steps and make_witness(settings, read_identity(settings).store_id):
        yield f"{variable('witness_file')}: witness made; it knows the ledger from now on"


def draw_credential(settings: Settings, out: Path) -> Iterator[str]:
    """Draw an enrolment credential into *out*, and put down its digest for the service.

    Raises:
        SettingsError: a setting is missing, a file exists, or a place cannot be written.

    """
    setting = variable("enrolment_credential_file")
    digest_file = _free_place(setting, settings.enrolment_credential_file)
    credential = secrets.token_urlsafe(32)
    _write("--out", _free_place("--out", out), credential + "\n")
    try:
        _write(setting, digest_file, hashlib.sha256(credential.encode()).hexdigest() + "\n")
    except SettingsError:
        out.unlink()  # nobody would accept it
        raise
    yield f"{setting}: digest written; the service takes it when it starts"
    yield "--out: credential written; move it to where tags are written, and keep no copy here"


def _free_place(name: str, path: Path | None) -> Path:
    if path is None:
        raise SettingsError(name, "is not set", "Name the file that shall be made.")
    if path.exists() or not path.parent.is_dir():
        raise SettingsError(
            name,
            "names a file that exists, or a folder that does not",
            "Nothing is ever overwritten: move the old file away, or make the folder.",
        )
    return path


def _make_store(store: LedgerStore) -> str:
    try:
        return asyncio.run(store.init())
    except LedgerError as error:
        raise unusable(error) from None


def _write(name: str, path: Path, text: str) -> None:
    try:
        write_private_file(path, text)
    except OSError as error:
        raise SettingsError(
            name,
            f"cannot be written ({error.strerror})",
            "Check the folder and who may write to it.",
        ) from None
