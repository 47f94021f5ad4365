"""What tells that a whole vault was put back: a note, outside it, of how far it had come.

It lies in the user's state folder and not beside the vault, because whoever puts a copy of
the vault's folder back would put the note back with it. It may lag behind the vault, as one
that was used on another machine does, or after a crash: then the vault is only newer than
it. It never leads: what is noted was committed before.
"""

from __future__ import annotations

import hmac
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.places import state_folder
from ntag424_provisioning.private_files import (
    make_private_folder,
    read_private,
    replace_private,
    require_own_folder,
)
from ntag424_provisioning.vault._sealer import Sealer

_LABEL = b"ntag424 vault witness v1"
_ACCEPT = 'if there is none: "ntag424 keys accept-restored".'


@dataclass(frozen=True, slots=True)
class Heard:
    """What a witness says: up to which revision it saw the vault, and when; or what is wrong."""

    revision: int | None = None
    #: UNIX time in seconds.
    at: int = 0
    trouble: VaultError | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the vault was never used here before."""
        return self.revision is None and self.trouble is None

    def doubt(self, revision: int) -> VaultError | None:
        """Say why a vault of this *revision* may not be the newest, if so."""
        if self.trouble is not None or self.revision is None or revision >= self.revision:
            return self.trouble
        day = datetime.fromtimestamp(self.at, UTC).date().isoformat()
        text = (
            f"this vault is older than the one used here last: it was written {revision} times, "
            f"and {self.revision} times by {day}"
        )
        return VaultError(text, f"Put the newest copy back; {_ACCEPT}")


class Witness:
    """The note on one vault."""

    def __init__(self, path: Path, vault_id: bytes, key: bytes) -> None:
        self.path = path
        self._vault_id = vault_id.hex().upper()
        self._key = key

    @classmethod
    def of(cls, vault_id: bytes, sealer: Sealer) -> Self:
        """Find the one of a vault that is open."""
        path = state_folder() / f"vault-{vault_id.hex().upper()}.json"
        return cls(path, vault_id, sealer.derive(_LABEL))

    @property
    def highest(self) -> int:
        """The revision that is noted; 0 if none can be read."""
        return self.hear().revision or 0

    def hear(self) -> Heard:
        """Read the note."""
        if not os.path.lexists(self.path):
            return Heard()
        try:
            text = read_private(self.path, "witness of the vault")
        except VaultError as trouble:
            return Heard(trouble=trouble)
        return self._understood(text)

    def note(self, revision: int, *, replacing: bool = False) -> None:
        """Note that the vault has come to *revision*; on disk on return.

        Nothing is written over a higher one, or over what cannot be understood, but
        *replacing* it was decided.

        Raises:
            VaultError: it cannot be written, or is not understood.

        """
        heard = self.hear()
        if not replacing:
            if heard.trouble is not None:
                raise heard.trouble
            if heard.revision is not None and heard.revision >= revision:
                return
        at = int(time.time())
        record = {"vault": self._vault_id, "revision": revision, "at": at}
        text = json.dumps({**record, "mac": self._mac(revision, at)})
        try:
            make_private_folder(self.path.parent)
            require_own_folder(self.path.parent)
            replace_private(self.path, f"{text}\n")
        except OSError as error:
            hint = "Let this user write there, or name another folder with XDG_STATE_HOME."
            text = f"the witness of the vault, {self.path}, cannot be written: {error.strerror}"
            raise VaultError(text, hint) from error

    def _understood(self, text: bytes) -> Heard:
        try:
            match json.loads(text):
                case {
                    "vault": self._vault_id,
                    "revision": int(revision),
                    "at": int(at),
                    "mac": str(mac),
                }:
                    if hmac.compare_digest(mac.encode(), self._mac(revision, at).encode()):
                        return Heard(revision, at)
        except (ValueError, OverflowError):
            pass
        trouble = f"the witness of the vault, {self.path}, is damaged or of another vault"
        return Heard(
            trouble=VaultError(trouble, f"Make sure that the vault is the newest copy; {_ACCEPT}")
        )

    def _mac(self, revision: int, at: int) -> str:
        text = f"{self._vault_id} {revision} {at}".encode()
        return hmac.digest(self._key, text, "sha256").hex().upper()
