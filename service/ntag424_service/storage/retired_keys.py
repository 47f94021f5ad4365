"""A key version that was retired stays so: an older keyring file must not bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from ntag424 import Keyring, KeyState
from ntag424_service.errors import SettingsError
from ntag424_service.settings import Settings, variable
from ntag424_service.storage.witness import open_witness


def remember_retired(settings: Settings, store_id: str, keyrings: Mapping[str, Keyring]) -> None:
    """Refuse keyrings that accept what was retired, and remember what they retire.

    *keyrings* are by the setting that names their file. What this machine saw retired is in
    its witness; `NTAG424_ACCEPT_AGAIN` lists what is accepted again on purpose.

    Raises:
        SettingsError: a version was retired, and is accepted now.

    """
    with closing(open_witness(settings, store_id)) as witness:
        forgiven = frozenset(settings.accept_again)
        for setting, keyring in keyrings.items():
            back = sorted(_accepted(keyring) & witness.retired - forgiven)
            if back:
                raise SettingsError(
                    setting,
                    f"accepts key version {back[0]}, which was retired: it may be an older file",
                    "Put the present file back; to accept the version on purpose, name it in "
                    f"{variable('accept_again')} for as long.",
                )
        witness.observe_retired(
            ordinal for keyring in keyrings.values() for ordinal in _retired(keyring)
        )


def _accepted(keyring: Keyring) -> set[int]:
    return {version.ordinal for version in keyring if version.state is not KeyState.RETIRED}


def _retired(keyring: Keyring) -> set[int]:
    return {version.ordinal for version in keyring if version.state is KeyState.RETIRED}
