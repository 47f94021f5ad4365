"""Where this machine remembers how far the ledger was: see `ntag424.replay.Witness`."""

from __future__ import annotations

from pathlib import Path

from ntag424.errors import LedgerMismatchError
from ntag424.replay import Witness
from ntag424_service.errors import SettingsError
from ntag424_service.settings import Settings, required, variable

_SETTING = variable("witness_file")
_MISSING = "there is no such file, so nobody can tell whether the ledger is the present one"
_MISSING_HINT = (
    "Run `ntag424-service recover`, also if only this file was deleted; a ledger of an earlier "
    "release, which never had one, takes `ntag424-service migrate`."
)


def witness_path(settings: Settings) -> Path:
    """Return where the file is, or is to be.

    Raises:
        SettingsError: neither it nor the identity file is named.

    """
    if settings.witness_file is not None:
        return settings.witness_file
    identity = required(settings, "identity_file", settings.identity_file)
    return identity.with_name(f"{identity.name}.witness")


def open_witness(settings: Settings, store_id: str) -> Witness:
    """Open the file of the ledger called *store_id*.

    Raises:
        SettingsError: it is missing, of another ledger, or cannot be used.

    """
    try:
        return Witness.open(witness_path(settings), store_id)
    except FileNotFoundError:
        raise SettingsError(_SETTING, _MISSING, _MISSING_HINT) from None
    except LedgerMismatchError as error:
        raise SettingsError(_SETTING, str(error), error.hint) from None
    except OSError as error:
        raise _unusable(error) from None


def make_witness(settings: Settings, store_id: str) -> bool:
    """Make the file, unless there is one; true if it was made.

    Raises:
        SettingsError: it cannot be written.

    """
    try:
        Witness.create(witness_path(settings), store_id)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unusable(error) from None
    return True


def _unusable(error: OSError) -> SettingsError:
    return SettingsError(
        _SETTING,
        f"cannot be used ({error.strerror})",
        "Name a file in a folder that this user may write to.",
    )
