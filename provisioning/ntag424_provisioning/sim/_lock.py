"""One program at a time for each simulated tag, even if the program is killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ntag424.errors import ReaderBusyError


class TagLock:
    """The right to use a simulated tag, from now to `release` or the end of the process.

    Raises:
        ReaderBusyError: somebody else has it.
        OSError: the file cannot be used.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = _locked(path)
        while not _is_still(path, descriptor):
            # The tag was removed between opening and locking, and its lock with it.
            os.close(descriptor)
            descriptor = _locked(path)
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let others use the tag; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the lock itself: there is no tag any more."""
        self._path.unlink(missing_ok=True)
        self.release()


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise
        text = f"another program holds the simulated tag {path.stem!r}"
        hint = "End the program that uses this simulated tag."
        raise ReaderBusyError(text, hint=hint) from error
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
