"""A real terminal for a real command: a pty that is read until something appears on it."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

#: Far above anything that is waited for: what does not come by then, never comes.
PATIENCE = 60
NTAG424 = (sys.executable, "-m", "ntag424_provisioning")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][A-Z0-9]?|\x1b\][^\a]*\a")
_HOME = "\x1b[H"
# Whoever opens a terminal first in a session of its own, is sent its Ctrl-C.
_OWN_THIS_TERMINAL = """\
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """Runs a command on a terminal of its own, of *rows* and *columns*, until it is closed."""

    def __init__(self, *command, rows=24, columns=80, **environment):
        self._master, slave = pty.openpty()
        self._raw = ""
        self._seen = 0
        self.resize(rows, columns)
        # Whatever would overrule the size and kind of this terminal.
        foreign = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI")
        inherited = {name: value for name, value in os.environ.items() if name not in foreign}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_THIS_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=inherited | {"TERM": "xterm-256color"} | environment,
            start_new_session=True,
        )
        os.close(slave)

    @classmethod
    def ntag424(cls, *arguments, **more):
        """Run `ntag424`."""
        return cls(*NTAG424, *map(str, arguments), **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- what is on it --------------------------------------------------------------------------

    @property
    def raw(self):
        """All that was ever written, with colours and movements."""
        return self._raw

    @property
    def pid(self):
        return self._process.pid

    @property
    def text(self):
        """All that was ever written, without colours and movements."""
        return _plain(self._raw)

    @property
    def screen(self):
        """The lines of the last whole screen that was drawn from the top."""
        drawn = self._raw.split(_HOME)
        return [_plain(line) for line in drawn[-2 if len(drawn) > 2 else -1].split("\n")]

    def until(self, *texts):
        """Read until *texts* have appeared, one after the other, since the last that was found."""
        for text in texts:
            self._read_until(lambda text=text: text in self.text[self._seen :], repr(text))
            self._seen = self.text.index(text, self._seen) + len(text)
        return self.text

    def until_screen(self, is_so):
        """Read until *is_so* says yes to the lines of the screen."""
        self._read_until(lambda: is_so(self.screen), "such a screen")
        return self.screen

    # ---- what is done to it ---------------------------------------------------------------------

    def send(self, keys):
        """Press keys."""
        os.write(self._master, keys.encode())

    def interrupt(self):
        """Press Ctrl-C."""
        self.send("\x03")

    def resize(self, rows, columns):
        """Change the size, as a window manager does; the kernel tells the program."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def modes(self):
        """Whether lines are edited, and keys shown, as in a shell."""
        local = termios.tcgetattr(self._master)[3]
        return bool(local & termios.ICANON), bool(local & termios.ECHO)

    # ---- its end --------------------------------------------------------------------------------

    def wait(self):
        """Read until the command ends, and return its exit code."""
        self._read_until(lambda: self._process.poll() is not None, "the end")
        self._drain()
        return self._process.returncode

    def close(self):
        """End the command, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def _read_until(self, is_there, what):
        deadline = time.monotonic() + PATIENCE
        while not is_there():
            if not self._read(0.1) and self._process.poll() is not None and not is_there():
                raise AssertionError(f"{what} never came; it ended with:\n{self.text[-2000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come:\n{self.text[-2000:]}")

    def _drain(self):
        while self._read(0):
            pass

    def _read(self, seconds):
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            octets = os.read(self._master, 1 << 16)
        except OSError as error:
            # The other side is closed: nobody will write any more.
            if error.errno != errno.EIO:
                raise
            octets = b""
        self._raw += octets.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(octets)


def _plain(text):
    return _ESCAPE.sub("", text)
