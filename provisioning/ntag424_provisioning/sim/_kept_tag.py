"""A simulated tag whose memory is a file, as that of a chip is its silicon."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.testing import SimulatedTag


class KeptTag(SimulatedTag):
    """A simulated tag of which no answer is heard before what it changed is on disk.

    So a program that is killed, at any moment, leaves what it would leave of a chip. All
    methods raise OSError where the file cannot be written; the tag is then to be dropped.
    """

    @classmethod
    def at(cls, path: Path) -> Self:
        """Take the tag in the file at *path*.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not a saved tag.

        """
        tag = cls.load(path)
        tag.keep_at(path)
        return tag

    def keep_at(self, path: Path) -> None:
        """Write to *path* from now on, where this tag is saved already."""
        self._path = path
        self._saved = self._card.memory

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Answer *command*, see `SimulatedTag.transmit`."""
        answer = super().transmit(command)
        self._keep()
        return answer

    def exchange(self, octets: bytes) -> bytes:
        """Answer whatever comes over the air, see `SimulatedTag.exchange`."""
        answer = super().exchange(octets)
        self._keep()
        return answer

    def power_cycle(self) -> None:
        """Leave the field and come back."""
        super().power_cycle()
        self._keep()

    def _keep(self) -> None:
        # The memory is one frozen value, replaced by what changes it.
        memory = self._card.memory
        if memory != self._saved:
            self.save(self._path)
            self._saved = memory
