"""The commands `readers`, `doctor` and `sim` as a program of their own, and `open`.

libpcsclite looks only once where pcscd is, so what asks PC/SC runs in another process.
With `serve` the program runs one command after the other, which is faster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ntag424_provisioning.cli import doctor as doctor_command
from ntag424_provisioning.cli import sim
from ntag424_provisioning.cli.frame import group, report, say
from ntag424_provisioning.cli.reader_option import Reader, open_reader
from ntag424_provisioning.cli.readers import readers
from ntag424_provisioning.doctor import Machine
from typer.testing import CliRunner

from ntag424.errors import Ntag424Error

#: Where nobody listens.
NO_PCSCD = "/nonexistent/pcscd.comm"


def open_it(reader: Reader = None):
    """Open a reader, and say which it was."""
    with closing(open_reader(reader)) as link:
        say(repr(link))


def application():
    app = group("The commands under test.")
    app.add_typer(sim.app, name="sim")
    app.command()(doctor_command.doctor)
    app.command()(readers)
    app.command("open")(open_it)
    return app


def main():
    if sys.argv[1:] == ["serve"]:
        serve()
    if folder := os.environ.get("MACHINE"):
        doctor_command._MACHINE = machine_in(Path(folder))
    try:
        application()()
    except Ntag424Error as error:
        sys.exit(report(error, debug=False))


def machine_in(folder):
    """Make a machine whose folders are all in *folder*, whether they are there or not."""
    return Machine(
        usb_devices=folder / "devices",
        usb_nodes=folder / "nodes",
        udev_rules=folder / "rules.d",
        modprobe=folder / "modprobe.d",
        systemd=folder / "systemd",
    )


# ---- one command after the other ------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments, machine=None, **environment):
    """Run a command in this process; nobody is there to answer."""
    with replaced(vars(doctor_command), _MACHINE=machine_in(Path(machine or "/nonexistent"))):
        done = CliRunner().invoke(application(), arguments, env=environment)
    if isinstance(error := done.exception, Ntag424Error):
        told = f"error: {error}\nhint: {error.hint}\n"
        return Done(int(report(error, debug=False)), done.stdout, done.stderr + told)
    if error is not None and not isinstance(error, SystemExit):
        raise error
    return Done(done.exit_code, done.stdout, done.stderr)


@contextmanager
def replaced(members, **others):
    """Have *others* in the place of what *members* has by these names."""
    before = {name: members[name] for name in others if name in members}
    members.update(others)
    try:
        yield
    finally:
        for name in others:
            del members[name]
        members.update(before)


def serve():
    answers = sys.stdout
    for line in sys.stdin:
        asked = json.loads(line)
        with replaced(sys.modules, **dict.fromkeys(asked["hidden"])):
            done = run(*asked["arguments"], **asked["more"])
        print(json.dumps(vars(done)), file=answers, flush=True)
    sys.exit()


class Program:
    """The program, with its pcscd at *socket*, if there is one."""

    def __init__(self, socket=NO_PCSCD):
        self._process = subprocess.Popen(
            command("serve"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(socket),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def run(self, *arguments, hidden=(), **more):
        """Run a command, without the modules that are *hidden*."""
        asked = {"arguments": arguments, "hidden": hidden, "more": more}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return Done(**json.loads(self._process.stdout.readline()))


def without_rights():
    """Give what makes a command one of somebody who may not open everything, as root may."""
    bound = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    return bound if os.geteuid() == 0 else ()


def command(*arguments):
    return [sys.executable, "-m", "tests.provisioning.links.program", *arguments]


def environment(socket=NO_PCSCD, **more):
    return os.environ | {"PCSCLITE_CSOCK_NAME": str(socket), **more}


if __name__ == "__main__":
    main()
