"""The disk that ledgers are measured on: that of `TMPDIR`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir
from time import perf_counter

from bench.report import Line

_SECONDS = 0.5
_BLOCK = bytes(256)


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """Make a folder for a while."""
    with TemporaryDirectory(prefix="ntag424-bench-") as folder:
        yield Path(folder)


def line() -> Line:
    """Say where the ledgers lie, and how often a second something can be put there for good."""
    place = gettempdir()
    return Line(
        f"ledgers lie in {place} on {_file_system(place)}; fdatasync",
        f"{_syncs_per_second():,.0f}/s",
    )


def _file_system(place: str) -> str:
    """Return the kind of the file system that is mounted nearest to *place*."""
    mounts = [text.split()[1:3] for text in Path("/proc/mounts").read_text().splitlines()]
    here = Path(place).resolve()
    kinds = {Path(point): kind for point, kind in mounts}
    return next(kinds[point] for point in (here, *here.parents) if point in kinds)


def _syncs_per_second() -> float:
    done, start = 0, perf_counter()
    with TemporaryFile() as file:
        while perf_counter() < start + _SECONDS:
            file.write(_BLOCK)
            file.flush()
            os.fdatasync(file.fileno())
            done += 1
    return done / (perf_counter() - start)
