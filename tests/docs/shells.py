"""Shells that stay as they are from one command of a page to the next, and what they print."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

#: What a page calls the port of its service; here it is a free one.
_PORT_SHOWN = "8424"
_FOREIGN = ("NTAG424", "MAKE", "MFLAGS")


def marked(page, mark):
    """Give the console blocks of *page* that stand under the comment *mark*."""
    fence = rf"^<!-- run: {mark} -->\n```console\n(.*?)^```$"
    return re.findall(fence, page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands(block):
    """Give of every command in *block* its prompt, the command, and what it is to print."""
    pieces = re.split(r"^(\w*\$) (.*)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True))


def prints(promised, printed):
    """Whether that was printed: … stands for the rest of a line, or alone for any lines."""
    lines = promised.strip("\n").split("\n")
    patterns = ["(?:.*\n)*?.*" if line == "…" else _pattern(line) for line in lines]
    return re.fullmatch("\n".join(patterns), printed.strip("\n")) is not None


def _pattern(line):
    return ".*".join(re.escape(piece) for piece in line.split("…"))


class Shells:
    """One shell for each prompt, all in one folder; ends what was started in the background."""

    def __init__(self, folder):
        self._folder = folder
        self._port = _free_port()
        self._servers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.terminate()
            server.wait()

    def run(self, prompt, command):
        """Run *command*, and return what a terminal shows of it, and its exit code."""
        state = self._folder / f".{prompt.removesuffix('$')}-shell"
        command = command.replace(_PORT_SHOWN, str(self._port))
        before = f". {state}; " if state.exists() else ""
        if command.endswith("&"):
            self._start(f"{before}exec {command.removesuffix('&')}")
            return "", 0
        after = f"code=$?; {{ export -p; echo 'code='$code; }} >{state}; exit $code"
        # All variables are kept, and `echo $?` finds what the command before it left.
        script = f"{before}set -a; (exit ${{code:-0}})\n{command}\n{after}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout.replace(str(self._port), _PORT_SHOWN), done.returncode

    def _start(self, script):
        environment = self._environment() | {"NTAG424_PORT": str(self._port)}
        log = (self._folder / "server.log").open("w")
        with log:
            self._servers.append(
                subprocess.Popen(
                    ["bash", "-c", script],
                    cwd=self._folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    @staticmethod
    def _environment():
        """Neither our own settings nor those of a make that runs the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return kept | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "80"}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
