"""A text file to which whole lines are added, each on disk before the next thing happens.

It lists people's tags, so it is made for one user; one that is there keeps its mode.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.private_files import sync_folder


class DurableLines:
    """An open file, for this program alone until it is closed.

    Raises:
        SetupError: it cannot be opened, or another program has it.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            sync_folder(path.parent)
        except OSError as error:
            raise SetupError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            text = f"another station writes to {path}"
            raise SetupError(text, "End it, or name another file.") from None

    def recover(self) -> list[str]:
        """Cut off a last line that was not finished, and return all others.

        Raises:
            SetupError: the file is no text, or cannot be read.

        """
        try:
            content = self._content()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                os.ftruncate(self._descriptor, len(whole))
            os.lseek(self._descriptor, 0, os.SEEK_END)
            return whole.decode("utf-8").split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"{self.path} cannot be read: {error}") from error

    def add(self, line: str) -> None:
        """Write one line; it is on disk on return.

        Raises:
            SetupError: it could not be written; the file is as it was, as far as that
                can be.

        """
        place = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            octets = line.encode("utf-8")
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
            os.fsync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, place)
            raise SetupError(
                f"{self.path} cannot be written: {error.strerror}",
                "Make room, and start the station again: it goes on where it stopped.",
            ) from error

    def clear(self) -> None:
        """Remove all lines, if that can be: whoever reads them later finds them out of date."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def close_or_remove(self) -> None:
        """Let others have it, if there is something in it."""
        if os.fstat(self._descriptor).st_size == 0:
            self.path.unlink(missing_ok=True)
        self.close()

    def _content(self) -> bytes:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        pieces = []
        while piece := os.read(self._descriptor, 1 << 20):
            pieces.append(piece)
        return b"".join(pieces)
