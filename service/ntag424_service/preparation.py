"""`init`: the one way a store comes into being."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from ntag424.errors import LedgerError
from ntag424.replay import SqliteLedger
from ntag424_service.assembly import store_path
from ntag424_service.errors import SettingsError
from ntag424_service.identity import Identity
from ntag424_service.private_files import write_private_file
from ntag424_service.settings import Settings, variable

_KEYRING = """\
# Master keys. Whoever reads this file can make taps of every tag: keep it at mode 600
# and keep a copy offline, for without it no tag can be provisioned or verified again.
[[version]]
ordinal = 1
state = "active"
scheme = "an10922"
master_key = "{key}"
"""


def initialise(settings: Settings, *, new_keyring: bool) -> Iterator[str]:
    """Make what is asked for, and say after each file that it is there.

    Raises:
        SettingsError: a setting is missing, a file exists, or a place cannot be written.

    """
    store = store_path(settings)
    identity_file = _free_place("identity_file", settings.identity_file)
    keyring_file = _free_place("keyring_file", settings.keyring_file) if new_keyring else None
    store_id = _make_store(store)
    _write("identity_file", identity_file, Identity.new(store_id).text())
    yield f"{variable('store')}: ledger {store_id} made"
    yield f"{variable('identity_file')}: identity written"
    if keyring_file is not None:
        _write("keyring_file", keyring_file, _KEYRING.format(key=secrets.token_hex(16).upper()))
        yield f"{variable('keyring_file')}: keyring written, one version; make a backup now"


def _free_place(field: str, path: Path | None) -> Path:
    if path is None:
        raise SettingsError(variable(field), "is not set", "Name the file that init shall make.")
    if path.exists() or not path.parent.is_dir():
        raise SettingsError(
            variable(field),
            "names a file that exists, or a folder that does not",
            "init never overwrites; move the old file away, or make the folder.",
        )
    return path


def _make_store(path: Path) -> str:
    try:
        return SqliteLedger.init(path)
    except LedgerError as error:
        raise SettingsError(variable("store"), str(error), error.hint) from None
    except OSError as error:
        raise _unwritable("store", error) from None


def _write(field: str, path: Path, text: str) -> None:
    try:
        write_private_file(path, text)
    except OSError as error:
        raise _unwritable(field, error) from None


def _unwritable(field: str, error: OSError) -> SettingsError:
    return SettingsError(
        variable(field),
        f"cannot be written ({error.strerror})",
        "Check the folder and who may write to it.",
    )
