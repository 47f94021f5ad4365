"""One chip with power: its memory, and all that it forgets when it leaves the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._file_system import MASTER_FILE, TagFile
from ntag424.testing.simulated_tag._memory import AppKey, Memory
from ntag424.testing.simulated_tag._open_points import OpenPoints
from ntag424.testing.simulated_tag._read_runs import Run
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._secure_messaging import Session

_RANDOM_ID, _RANDOM_ID_LENGTH = b"\x08", 4


class OpenCommand(Protocol):
    """A command of several frames, between two of them."""

    def resume(self, card: Card, frame: CommandApdu, /) -> ResponseApdu:
        """Answer the next frame.

        Raises:
            RefusedError: the command fails here.
        """
        ...


@dataclass(frozen=True, slots=True)
class RandomSource:
    """Where the tag's randomness comes from: *source* gives as many bytes as it is asked for."""

    source: Callable[[int], bytes]

    def __call__(self, count: int) -> bytes:
        """Draw *count* bytes.

        Raises:
            ValueError: the source gave another number of them.
        """
        drawn = self.source(count)
        if len(drawn) != count:
            raise ValueError(f"random_bytes({count}) gave {len(drawn)} bytes")
        return drawn


class Card:
    """What every command works on.

    *memory* stays; *selection*, *session*, *open_command* and *run* go with the power.
    """

    def __init__(
        self, memory: Memory, random_bytes: Callable[[int], bytes], open_points: OpenPoints
    ) -> None:
        self.memory = memory
        self.draw = RandomSource(random_bytes)
        self.open_points = open_points
        self.activate()

    def activate(self) -> None:
        """Come into the field: the MF is current, nobody is authenticated, no run is open."""
        self.selection = MASTER_FILE
        self.session: Session | None = None
        self.open_command: OpenCommand | None = None
        self.run: Run | None = None
        self._loop_is_measured = False
        if self.memory.tamper is not None:
            self.memory = replace(self.memory, tamper=self.memory.tamper.activated())
        self.anticollision_uid = self.memory.uid
        if self.memory.random_id:
            self.anticollision_uid = _RANDOM_ID + self.draw(_RANDOM_ID_LENGTH - 1)

    def abandon(self) -> None:
        """Drop what an error ends: the session, and a command of several frames."""
        self.session = None
        self.open_command = None

    def notice_contact(self) -> None:
        """Measure the tamper loop, if this is the first command of the activation."""
        if not self._loop_is_measured:
            self.measure_loop()
            self._loop_is_measured = True

    def measure_loop(self) -> bytes:
        """Measure and give TTPermStatus || TTCurrStatus, 2 bytes; none without TagTamper."""
        if self.memory.tamper is None:
            return b""
        measured = self.memory.tamper.measured()
        self.memory = replace(self.memory, tamper=measured)
        return measured.status

    @property
    def key_number(self) -> int | None:
        """The number of the key that is authenticated, if one is."""
        return None if self.session is None else self.session.key_number

    def require_application(self) -> None:
        """Refuse what is unknown at the MF.

        Raises:
            RefusedError: the MF is current.
        """
        if not self.selection.in_application:
            raise RefusedError(Status.PERMISSION_DENIED)

    def file(self, number: int) -> TagFile:
        """Give file *number*.

        Raises:
            RefusedError: there is none.
        """
        if number not in self.memory.files:
            raise RefusedError(Status.FILE_NOT_FOUND)
        return self.memory.files[number]

    def write(self, number: int, offset: int, content: bytes) -> None:
        """Overwrite a part of file *number*, which must exist and hold it."""
        file = self.file(number)
        changed = file.content[:offset] + content + file.content[offset + len(content) :]
        written = TagFile(changed, file.raw_settings, file.settings)
        self.memory = self.memory.with_file(number, written)

    def key(self, number: int) -> AppKey:
        """Give key *number*.

        Raises:
            RefusedError: there is none.
        """
        if number >= len(self.memory.keys):
            raise RefusedError(Status.NO_SUCH_KEY)
        return self.memory.keys[number]
