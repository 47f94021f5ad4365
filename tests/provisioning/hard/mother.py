"""A program that has the command line loaded and, for every line it reads, forks one of it.

So a command costs no start of a Python, and hundreds of them can be killed. Each child is a
process of its own: it runs `ntag424`'s `main`, with mishaps arranged for it beforehand.
There are no threads here, as a fork takes none along.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import threading
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import typer
from ntag424_provisioning.cli import main as program

from tests.provisioning.hard.houses import enrolling_at, make_ledger
from tests.provisioning.hard.mishaps import arrange


def serve():
    """Run one command line per line of stdin, and say on stdout what became of it."""
    requests = sys.stdin
    rehearse()
    for line in requests:
        print(json.dumps(born(**json.loads(line))), flush=True)  # noqa: T201


def rehearse():
    """Load and build here what every child would load and build when it first needs it."""
    program.cli = typer.main.get_command(program.cli)
    provision = ("provision", "--url", "https://id.example.com/t", "--reader", "sim:a")
    with tempfile.TemporaryDirectory() as folder:
        make_ledger(Path(folder))
        os.environ |= {
            "NTAG424_HOME": folder,
            "NTAG424_KEY_FILE": f"{folder}/key",
            "NTAG424_ENROL": enrolling_at(Path(folder)),
        }
        spoken("keys", "init")
        spoken("keys", "backup", "--confirm", stdin=spoken("keys", "backup"))
        spoken("sim", "new", "a")
        spoken(*provision, "--any-chip")
        assert "nothing to do" in spoken(*provision, "--any-chip", "--wait", "0")
    del os.environ["NTAG424_ENROL"]
    assert threading.active_count() == 1
    # A child that looked for garbage would have every page copied.
    gc.collect()
    gc.disable()
    gc.freeze()


def spoken(*arguments, stdin=""):
    """Run a command in this process, and return what it printed."""
    sys.argv, sys.stdin = ["ntag424", *arguments], StringIO(stdin)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()), suppress(SystemExit):
        program.main()
    return out.getvalue()


def born(arguments, environment, stdin, mishaps):
    """Fork a child, wait for its end, and return its exit code and what it said."""
    given, out, err = (os.memfd_create(name) for name in ("stdin", "stdout", "stderr"))
    os.write(given, stdin.encode())
    os.lseek(given, 0, os.SEEK_SET)
    child = os.fork()
    if child == 0:
        for number, descriptor in enumerate((given, out, err)):
            os.dup2(descriptor, number)
        live(arguments, environment, mishaps)
    _, status = os.waitpid(child, 0)
    os.close(given)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "stdout": content(out), "stderr": content(err)}


def live(arguments, environment, mishaps):
    """Be `ntag424`, to the end of the process."""
    code = 1
    try:
        os.environ.update(environment)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.argv = ["ntag424", *arguments]
        arrange(mishaps)
        program.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - as Python itself does at the end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def content(descriptor):
    """Return what was written to a file in memory, and drop it."""
    text = Path(f"/proc/self/fd/{descriptor}").read_text("utf-8", "replace")
    os.close(descriptor)
    return text


if __name__ == "__main__":
    serve()
