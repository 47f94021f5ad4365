"""The commands that work on a vault, in this process and at a terminal of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from unittest import mock

import typer
from ntag424_provisioning.cli.frame import report

from ntag424.errors import Ntag424Error

PATIENCE_SECONDS = 60
# A new session has no terminal until it takes one; passwords are read from there.
_PROGRAM = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from importlib import import_module
from ntag424.errors import Ntag424Error
from ntag424_provisioning.cli.frame import report
try:
    import_module("ntag424_provisioning.cli." + sys.argv.pop(1)).app()
except Ntag424Error as error:
    sys.exit(report(error, debug=False))
"""


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def records(self):
        return [json.loads(line) for line in self.stdout.splitlines()]


@cache
def command(app):
    """Build the commands of a group once: that takes longer than most of them run."""
    return typer.main.get_command(app)


class Desk:
    """Somebody who works with one vault."""

    def __init__(self, home):
        self.home = home

    @property
    def environment(self):
        return {"NTAG424_HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state")}

    @property
    def vault(self):
        return self.home / "vault.db"

    def run(self, app, *arguments, typed="", **environment):
        """Run a command with nobody at the keyboard; *typed* is on its stdin."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.environment, **environment}),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = self._code(app, arguments)
        return Run(code, out.getvalue(), err.getvalue())

    @staticmethod
    def _code(app, arguments):
        try:
            command(app).main(list(map(str, arguments)), prog_name="ntag424")
        except Ntag424Error as error:
            return int(report(error, debug=False))
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    def at_terminal(self, module, *arguments, answers=(), stdout=None, **environment):
        """Run a command at a terminal: after each prompt, its answer; see `Typed`."""
        environment = {**self.environment, **environment}
        typed = Typed((module, *arguments), stdout, environment)
        return typed.answering(answers)


class Typed:
    """A command at a terminal of its own. What is shown there is one text."""

    def __init__(self, arguments, stdout, environment):
        self._screen, terminal = pty.openpty()
        paths = os.pathsep.join(path for path in sys.path if path)
        kept = {name: value for name, value in os.environ.items() if "NTAG424" not in name}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
            env={**kept, "PYTHONPATH": paths, **environment},
            stdin=terminal,
            stdout=terminal if stdout is None else stdout,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self.shown = ""

    def answering(self, answers):
        """Wait for each prompt and type its answer; return exit code and what was shown."""
        try:
            for prompt, answer in answers:
                self._read_until(prompt)
                self.shown = ""
                os.write(self._screen, f"{answer}\n".encode())
            self._read_until(None)
            return Run(self.process.wait(PATIENCE_SECONDS), self.shown.replace("\r\n", "\n"), "")
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._screen)

    def _read_until(self, prompt):
        while prompt is None or prompt not in self.shown:
            ready, _, _ = select.select([self._screen], [], [], PATIENCE_SECONDS)
            piece = b""
            with suppress(OSError):  # how Linux says that nobody has the terminal open any more
                piece = os.read(self._screen, 65536) if ready else b""
            if not piece:
                assert prompt is None, self.shown
                return
            self.shown += piece.decode(errors="replace")
