"""When the read counter steps, and what a run of reads delivers (NT4H2421Gx §9.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._sdm_model import Sdm

_MAX_COUNTER = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Run:
    """Reads of one kind without a break: one counter, one padding, so one content."""

    kind: tuple[int, int, bytes]
    content: bytes

    def is_continued_by(self, command: CommandApdu) -> bool:
        """Tell whether *command* is another read of this kind."""
        return self.kind == kind_of(command)


def kind_of(command: CommandApdu) -> tuple[int, int, bytes]:
    """Tell reads apart that do not share a counter: by command, and ReadData by file.

    ISOReadBinary names no file, but selecting another one ends the run anyway.
    """
    return command.cla, command.ins, command.data[:1]


def next_count(read_counter: int, sdm: Sdm) -> int:
    """Give the count of a first read after *read_counter*.

    Raises:
        RefusedError: the counter is used up; the status is a native command's.
    """
    if not sdm.counts:
        return read_counter
    # A limit of FFFFFF means none, so the overflow is what stops the tag there.
    if read_counter == _MAX_COUNTER:
        raise RefusedError(Status.INTEGRITY_ERROR)
    if sdm.counter_limit is not None and read_counter >= sdm.counter_limit:
        raise RefusedError(Status.PERMISSION_DENIED)
    return read_counter + 1
