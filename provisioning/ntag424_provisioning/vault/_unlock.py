"""What opens a vault: a passphrase that somebody knows, or a key file that somebody has."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import TypeAlias

from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.private_files import read_private, write_private

#: Fewer characters than this can be guessed from a stolen file.
LEAST_CHARACTERS = 12
_KEY_TEXT = re.compile(rb"[0-9A-Fa-f]{64}\n?")


@unique
class Lock(StrEnum):
    """What a vault asks for."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a word, not a secret
    KEY_FILE = "key file"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """At least twelve characters, the same on every keyboard."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.text) < LEAST_CHARACTERS:
            raise ValueError(f"a passphrase has at least {LEAST_CHARACTERS} characters")

    def __bytes__(self) -> bytes:
        # Keyboards differ in how they compose accents.
        return unicodedata.normalize("NFC", self.text).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file of 32 random bytes in hex, mode 0600."""

    path: Path

    def draw(self) -> None:
        """Make the file; never over an old one.

        Raises:
            VaultError: it exists, or cannot be written.

        """
        write_private(self.path, secrets.token_hex(32) + "\n")

    def read(self) -> bytes:
        """Return the 32 bytes.

        Raises:
            VaultError: the file is missing, malformed, or open to others.

        """
        text = read_private(self.path, "key file")
        if not _KEY_TEXT.fullmatch(text):
            hint = "It holds 64 hex digits; check which file was named."
            raise VaultError(f"the key file {self.path} is malformed", hint)
        return bytes.fromhex(text.decode("ascii"))


Unlock: TypeAlias = Passphrase | KeyFile
