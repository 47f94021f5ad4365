"""Whether a ledger's files are still the ones that were opened."""

from __future__ import annotations

from pathlib import Path

from ntag424.errors import LedgerMismatchError


class SameFiles:
    """The files of an open ledger, as they were when it was opened.

    SQLite goes on writing to a file that was deleted or replaced; after a restart
    everything accepted since would be fresh again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = self._on_disk()

    def require(self) -> None:
        """Return if they still lie where they lay.

        Raises:
            LedgerMismatchError: they were replaced.
            OSError: they are gone.

        """
        if self._on_disk() != self._files:
            raise LedgerMismatchError("the ledger's files were replaced while they were in use")

    def _on_disk(self) -> tuple[int, int]:
        """Tell apart the database and its write-ahead log, which holds the last taps."""
        log = self._path.with_name(f"{self._path.name}-wal")
        return self._path.stat().st_ino, log.stat().st_ino
