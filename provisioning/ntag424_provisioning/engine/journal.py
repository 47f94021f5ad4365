"""What the engine asks of whoever keeps its journal."""

from __future__ import annotations

from typing import Protocol

from ntag424 import Uid
from ntag424_provisioning.model import KnownTag


class Journal(Protocol):
    """Remembers what is known of every tag; the vault is one.

    The latest record of a tag is the journal of what is being done to it.
    """

    def find(self, uid: Uid) -> KnownTag | None:
        """Return what was last put down of this tag."""
        ...

    def put(self, known: KnownTag) -> None:
        """Put *known* down, sealed, and on disk on return.

        Raises:
            VaultError: it could not be; the record from before still stands.

        """
        ...

    def require_writable(self) -> None:
        """Prove by writing that something can be put down now.

        Raises:
            VaultError: it cannot.

        """
        ...
