"""When the read counter steps, and what a run of reads delivers (NT4H2421Gx §9.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._file_system import RefusedError
from ntag424.testing.simulated_tag._sdm import Identity, mirrored
from ntag424.testing.simulated_tag._sdm_model import Sdm

_MAX_COUNTER = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class _Run:
    """Reads of one kind without a break: one counter, one padding, so one content."""

    kind: tuple[int, int, bytes]
    content: bytes


class ReadRuns:
    """SDMReadCtr and the run that is open, if one is.

    Raises:
        ValueError: *read_counter* does not fit 24 bits or lies above the limit of *sdm*.
    """

    def __init__(self, identity: Identity, sdm: Sdm | None, read_counter: int) -> None:
        if not 0 <= read_counter <= _MAX_COUNTER:
            raise ValueError(f"SDMReadCtr has 24 bits, {read_counter} does not fit")
        limit = None if sdm is None else sdm.counter_limit
        if limit is not None and read_counter > limit:
            raise ValueError(f"SDMReadCtr {read_counter} cannot be above SDMReadCtrLimit {limit}")
        self._identity = identity
        self._run: _Run | None = None
        #: How many runs were counted so far.
        self.read_counter = read_counter

    def end(self) -> None:
        """Make the next read a first read."""
        self._run = None

    def end_unless_continued_by(self, command: CommandApdu) -> None:
        """End the run if *command* is anything but another read of its kind."""
        if self._run is not None and self._run.kind != _kind(command):
            self._run = None

    def delivered(self, file: bytes, sdm: Sdm, command: CommandApdu) -> bytes:
        """Give *file* with its mirrors; open a run, and count it, if none is open.

        Raises:
            RefusedError: the counter is used up; the status is a native command's.
        """
        if self._run is None:
            if sdm.counts:
                self._count(sdm.counter_limit)
            content = mirrored(file, sdm, self._identity, self.read_counter)
            self._run = _Run(_kind(command), content)
        return self._run.content

    def _count(self, limit: int | None) -> None:
        # A limit of FFFFFF means none, so the overflow is what stops the tag there.
        if self.read_counter == _MAX_COUNTER:
            raise RefusedError(Status.INTEGRITY_ERROR)
        if self.read_counter == limit:
            raise RefusedError(Status.PERMISSION_DENIED)
        self.read_counter += 1


def _kind(command: CommandApdu) -> tuple[int, int, bytes]:
    """Tell reads apart that do not share a counter: by command, and ReadData by file.

    ISOReadBinary names no file, but selecting another one ends the run anyway.
    """
    return command.cla, command.ins, command.data[:1]
