"""Which store belongs to this service, how tags are named in it, and what sessions derive from.

One small private file, made by `init` and the same on every node. It is kept apart
from the store: who copies only the sessions cannot make tokens of them.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from ntag424_service.api.strict_json import read_json
from ntag424_service.errors import SettingsError
from ntag424_service.tags.names import DigestNames, PlainNames, TagNames

_STORE_ID = re.compile("[0-9a-f]{32}")
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Identity:
    """The contents of an identity file."""

    store_id: str
    session_key: bytes = field(repr=False)
    names: TagNames = field(default_factory=PlainNames)

    @classmethod
    def new(cls, store_id: str, *, names: TagNames | None = None) -> Self:
        """Draw a session key for the store that was just made."""
        return cls(store_id, secrets.token_bytes(32), names or PlainNames())

    @classmethod
    def read(cls, setting: str, text: str) -> Self:
        """Undo `text`.

        Raises:
            SettingsError: the file was not made by `init`.

        """
        try:
            members = read_json(text.encode("utf-8"))
        except ValueError:
            members = None
        match members:
            case {"store_id": str(store_id), "session_key": str(key), **rest} if (
                _STORE_ID.fullmatch(store_id) and _KEY.fullmatch(key)
            ):
                if not rest:
                    return cls(store_id, bytes.fromhex(key))
                match rest:
                    case {"tag_name_key": str(name_key)} if len(rest) == 1 and _KEY.fullmatch(
                        name_key
                    ):
                        names = DigestNames(bytes.fromhex(name_key))
                        return cls(store_id, bytes.fromhex(key), names)
        raise SettingsError(
            setting, "is not an identity file", "It is made by `ntag424-service init`."
        )

    def text(self) -> str:
        """Return what is written to the file."""
        members = {"store_id": self.store_id, "session_key": self.session_key.hex()}
        if isinstance(self.names, DigestNames):
            members["tag_name_key"] = self.names.key.hex()
        return json.dumps(members, indent=2) + "\n"
