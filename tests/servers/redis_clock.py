"""A Redis whose clock a test sets, without the machine's being set."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.process import needs_program
from tests.servers.redis_server import Option, RedisServer

_SOURCE = Path(__file__).with_name("set_clock.c")


class RedisWithClock(RedisServer):
    """A Redis that shows the machine's time, and so many seconds more as it was told."""

    def __init__(self, folder: Path | None = None, **options: Option) -> None:
        needs_program("gcc", "gcc libc6-dev")
        super().__init__(folder, **options)
        self._library = self.folder / "set_clock.so"
        build = ["gcc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE]
        subprocess.run(build, check=True)
        self._offset = self.folder / "clock"
        self._offset.touch()
        self.set_clock(seconds=0)

    def command(self) -> list[str]:
        settings = {"LD_PRELOAD": self._library, "SET_CLOCK": self._offset}
        return [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            *super().command(),
        ]

    def set_clock(self, *, seconds: int) -> None:
        """Let the clock be so much ahead of the machine's."""
        with self._offset.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little"))
