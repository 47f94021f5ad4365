"""A simulated tag that was taken off the shelf, and is on a reader."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ntag424.errors import TransportError
from ntag424_provisioning.sim._kept_tag import KeptTag
from ntag424_provisioning.sim._lock import TagLock
from ntag424_provisioning.sim._tear import Tear


class TakenTag:
    """A `ntag424.testing.doors.Card`, for this program alone until it is put back.

    Its *lock* is held; the tag is in the file *path*, and its tear, if any, in *tear_path*.

    Raises:
        OSError, ValueError: a file cannot be read, or holds something else.

    """

    def __init__(self, lock: TagLock, path: Path, tear_path: Path) -> None:
        self._lock = lock
        self._path = path
        self._tear_path = tear_path
        #: The tag itself, for a phone to read.
        self.tag = KeptTag.at(path)
        self._tear = Tear.read(tear_path)
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.put_back()

    @property
    def anticollision_uid(self) -> bytes:
        """What a reader sees as UID."""
        return self.tag.anticollision_uid

    def exchange(self, octets: bytes) -> bytes:
        """Answer one APDU; what it changed is on disk.

        Raises:
            TransportError: the tag was to be torn away here, or cannot be written.

        """
        index, self._sent = self._sent, self._sent + 1
        try:
            if self._tear is None or self._tear.at != index:
                return self.tag.exchange(octets)
            self._tear_away(self._tear, octets)
        except OSError as error:
            raise self._unwritten(error) from error
        raise TransportError(f"contact was lost at command {index}", outcome_unknown=True)

    def power_cycle(self) -> None:
        """Leave the field and come back.

        Raises:
            TransportError: the tag cannot be written.

        """
        try:
            self.tag.power_cycle()
        except OSError as error:
            raise self._unwritten(error) from error

    def put_back(self) -> None:
        """Let others have it; a second time does nothing."""
        self._lock.release()

    def _tear_away(self, tear: Tear, octets: bytes) -> None:
        self._tear = None
        self._tear_path.unlink(missing_ok=True)
        if tear.executed:
            self.tag.exchange(octets)

    def _unwritten(self, error: OSError) -> TransportError:
        # What the file says is what the tag is: anything else would be lost with us.
        with suppress(OSError, ValueError):
            self.tag = KeptTag.at(self._path)
        text = f"the simulated tag {self._path.stem!r} cannot be written: {error.strerror}"
        return TransportError(text, outcome_unknown=True)
