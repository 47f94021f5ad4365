"""What a reader gets of a file, with SDM or without (NT4H2421Gx §8.2.3.3, §9.3)."""

from __future__ import annotations

from dataclasses import replace

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._file_settings import FileSettings
from ntag424.testing.simulated_tag._file_system import TagFile
from ntag424.testing.simulated_tag._read_runs import Run, kind_of, next_count
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._sdm import Identity, mirrored
from ntag424.testing.simulated_tag._sdm_model import Sdm


def require_free_read(settings: FileSettings) -> None:
    """Let pass what Read, ReadWrite or SDMFileRead opens to everybody.

    Raises:
        RefusedError: with the status of a native command.
    """
    if settings.closed_to_readers:
        raise RefusedError(Status.PERMISSION_DENIED)
    if not settings.free_to_read:
        raise RefusedError(Status.AUTHENTICATION_ERROR)


def delivered_to_anybody(card: Card, file: TagFile, command: CommandApdu) -> bytes:
    """Give the whole *file* as an unauthenticated reader gets it.

    Opens a run, and counts it, if *command* continues none.

    Raises:
        RefusedError: the counter is used up; the status is a native command's.
    """
    sdm = file.settings.sdm
    if sdm is None:
        return file.content
    if card.run is None:
        card.memory = replace(card.memory, read_counter=next_count(card.memory.read_counter, sdm))
        card.run = Run(kind_of(command), _mirrored(card, file.content, sdm))
    return card.run.content


def _mirrored(card: Card, content: bytes, sdm: Sdm) -> bytes:
    memory = card.memory
    keys = [key.value for key in memory.keys]
    identity = Identity(memory.uid, keys, card.draw, memory.suite, card.measure_loop)
    return mirrored(content, sdm, identity, memory.read_counter)
