"""How much memory a process holds: what the kernel says of it."""

from __future__ import annotations

from pathlib import Path

#: An attack that is held to its bounds costs less; those of before cost hundreds.
FEW_BYTES = 20 * 1024 * 1024


class Memory:
    """Resident memory of one process, and its peak from now on."""

    def __init__(self, pid: int) -> None:
        self._process = Path("/proc", str(pid))
        self._process.joinpath("clear_refs").write_text("5")  # the peak is what is held now
        self._before = self._bytes("VmRSS")

    def growth(self) -> int:
        """Return by how many bytes the process was ever larger than in the beginning."""
        return self._bytes("VmHWM") - self._before

    def descriptors(self) -> int:
        """Count what the process has open."""
        return sum(1 for _ in self._process.joinpath("fd").iterdir())

    def _bytes(self, field: str) -> int:
        for line in self._process.joinpath("status").read_text().splitlines():
            if line.startswith(field + ":"):
                return 1024 * int(line.split()[1])
        raise AssertionError(f"no {field} of a process that has ended")
