"""Which store belongs to this service, and the key its sessions are derived with.

One small private file, made by `init` and the same on every node. It is kept apart
from the store: who copies only the sessions cannot make tokens of them.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from ntag424_service.errors import SettingsError
from ntag424_service.strict_json import read_json

_STORE_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Identity:
    """The contents of an identity file."""

    store_id: str
    session_key: bytes = field(repr=False)

    @classmethod
    def new(cls, store_id: str) -> Self:
        """Draw a session key for the store that was just made."""
        return cls(store_id, secrets.token_bytes(32))

    @classmethod
    def read(cls, setting: str, text: str) -> Self:
        """Undo `text`.

        Raises:
            SettingsError: the file was not made by `init`.

        """
        try:
            match read_json(text.encode("utf-8")):
                case {"store_id": str(store_id), "session_key": str(hex_key)}:
                    session_key = bytes.fromhex(hex_key)
                case _:
                    session_key, store_id = b"", ""
        except ValueError:
            session_key, store_id = b"", ""
        if len(session_key) != 32 or not _STORE_ID.fullmatch(store_id):
            raise SettingsError(
                setting, "is not an identity file", "It is made by `ntag424-service init`."
            )
        return cls(store_id, session_key)

    def text(self) -> str:
        """Return what is written to the file."""
        members = {"store_id": self.store_id, "session_key": self.session_key.hex()}
        return json.dumps(members, indent=2) + "\n"
