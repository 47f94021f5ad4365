"""Processes: they end together, and one that cannot start ends the service with a reason."""

from __future__ import annotations

import fcntl
import os
import signal
import sys

import pytest

from tests.service.asking import Wire
from tests.service.running import Service, free_port, run_command, run_program, serving

pytestmark = pytest.mark.anyio

#: What a worker that is to be found out prints when it has nobody to stop it.
DEAF = """
import multiprocessing, signal
from ntag424_service.server import workers

if __name__ == "__main__":
    workers._LAST_SECONDS = 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gone = multiprocessing.get_context("spawn").Process(target=int)
    gone.start()
    workers._stop_after(gone)
    print("lives on")
"""

#: Asks a worker that is stopped, and then killed, whether it is well.
SILENT = """
import os, signal, threading
import uvicorn
from uvicorn.supervisors.multiprocess import Process
from ntag424_service.server.workers import _Supervisor

def kill(supervisor, pid):
    supervisor.should_exit.set()
    os.kill(pid, signal.SIGKILL)

if __name__ == "__main__":
    config = uvicorn.Config("ntag424_service.server.asgi:build", timeout_worker_healthcheck=86400)
    supervisor = _Supervisor(config, [])
    worker = Process(config, [])
    supervisor.processes.append(worker)
    worker.start()
    os.kill(worker.pid, signal.SIGSTOP)
    threading.Timer(1, kill, (supervisor, worker.pid)).start()
    supervisor.keep_subprocess_alive()
    print(worker.exitcode)
"""


def last_lines(stderr):
    """Give what the command ends with, and how often it says so."""
    lines = stderr.splitlines()
    said = [line for line in lines if line.startswith(("error: ", "hint: "))]
    assert said == lines[-2:]
    assert "Traceback" not in stderr
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers_stop_with_a_parent_that_is_asked_to(installation, number):
    service = Service(installation.settings, workers=2)
    assert service.end_by(number) == 0
    assert str(service.stderr).count("Application shutdown complete") == 2
    assert [path.name for path in installation.folder.glob("ledger.db*")] == ["ledger.db"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_of_one_process_stops_when_it_is_asked_to(installation, number):
    service = Service(installation.settings)
    assert service.end_by(number) in (0, -number)
    assert str(service.stderr).count("Application shutdown complete") == 1
    assert "Traceback" not in str(service.stderr)


def test_a_worker_that_does_not_stop_by_itself_is_ended():
    done = run_program([sys.executable, "-c", DEAF], settings={})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_the_answer_of_a_worker_that_died_is_not_waited_for():
    done = run_program([sys.executable, "-c", SILENT], settings={})
    assert (done.returncode, done.stdout) == (0, f"{-signal.SIGKILL}\n")


async def test_a_worker_that_dies_is_replaced(installation):
    with serving(installation, workers=2) as service:
        os.kill(service.worker_pids[0], signal.SIGKILL)
        service.stderr.wait_for("Application startup complete", times=3)
        wire = await Wire.open(service.port)
        assert (await wire.ask("GET", "/readyz")).status == 200
        await wire.aclose()


def lost(path):
    path.unlink()


def changed(path):
    path.write_text("something else")


@pytest.mark.parametrize(
    ("name", "harm"), [("identity_file", lost), ("keyring_file", changed), ("store", lost)]
)
def test_a_worker_that_cannot_be_replaced_ends_the_service(installation, name, harm):
    service = Service(installation.settings, workers=2)
    harm(getattr(installation, name))
    os.kill(service.worker_pids[0], signal.SIGKILL)
    assert service.wait() == 2
    error, _ = last_lines(str(service.stderr))
    assert error.startswith(f"error: NTAG424_{name.upper()}: ")


def test_workers_that_cannot_start_at_first_end_the_service(installation):
    """The identity file is one that the parent alone can open: a descriptor of its own."""
    with installation.identity_file.open() as file:
        number = fcntl.fcntl(file, fcntl.F_DUPFD, 200)
        settings = {
            "NTAG424_IDENTITY_FILE": f"/proc/self/fd/{number}",
            "NTAG424_WITNESS_FILE": f"{installation.identity_file}.witness",
            "NTAG424_PORT": str(free_port()),
            "NTAG424_WORKERS": "2",
        }
        try:
            done = run_command(
                "serve", settings=installation.settings | settings, pass_fds=(number,)
            )
        finally:
            os.close(number)
    assert done.returncode == 2
    error, _ = last_lines(done.stderr)
    assert error.startswith("error: NTAG424_IDENTITY_FILE: cannot be read")
