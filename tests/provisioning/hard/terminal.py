"""A person at a terminal, with `ntag424` running in it as a program of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

from tests.provisioning.hard.houses import PATIENCE_SECONDS, child_environment

# A new session has no terminal until it takes one; passwords are read from there.
_PROGRAM = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from ntag424_provisioning.cli.main import main
main()
"""


class Terminal:
    """One run of `ntag424`; what is shown there is one text."""

    def __init__(self, *arguments, **environment):
        self._screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env=child_environment(**environment),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._screen)

    def type(self, line):
        os.write(self._screen, f"{line}\n".encode())

    def await_text(self, text):
        """Read until *text* is shown that was not asked for before."""
        seen = len(self.shown)
        while text not in self.shown[seen:]:
            assert self._read(), self.shown

    def await_end(self):
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_SECONDS)

    def _read(self):
        ready, _, _ = select.select([self._screen], [], [], PATIENCE_SECONDS)
        try:
            piece = os.read(self._screen, 65536) if ready else b""
        except OSError:  # how Linux says that nobody has the terminal open any more
            piece = b""
        self.shown += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)
