"""One server process: killed, frozen and started again by handle, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest

from tests.servers.ports import HeldPort
from tests.servers.spawning import spawn
from tests.servers.waiting import PATIENCE_SECONDS, wait_until

REDIS_SERVER = os.environ.get("NTAG424_TEST_REDIS_SERVER", "redis-server")

#: In memory where that is to be had: nothing that is promised here hangs on a slow disk.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

_SECONDS_TO_STOP = 10


def needs_program(program: str, packages: str) -> None:
    """Skip the test where *program* is missing; fail it where everything has to be there."""
    missing = [name for name in (program, "setpriv") if shutil.which(name) is None]
    if missing:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"no {' and no '.join(missing)}: apt-get install {packages} util-linux")


def needs_redis() -> None:
    """Skip the test where there is no redis-server; fail it in CI."""
    needs_program(REDIS_SERVER, "redis-server redis-sentinel")


class Server:
    """A server with a port, a log and a folder; subclasses say what to run, and when it is up.

    Without *folder* it has a fresh one that `stop` removes. It dies with the tests, even
    with tests that are killed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own_folder = TemporaryDirectory(dir=PLACE, prefix="ntag424-") if not folder else None
        self.folder = folder or Path(self._own_folder.name)
        self._held = HeldPort()
        self.port = self._held.number
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self) -> Sequence[str]:
        """Return the command line of a server that stays in the foreground."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether the server does what it is for."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None, "never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything the server said since the first start."""
        return self._log_file.read_text(errors="replace")

    def start(self) -> Self:
        """Start the server and wait until it is ready."""
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """Start the server without waiting for it, so that several can start at once."""
        assert not self.is_running, "runs already"
        self._process = spawn(self.command(), self.folder, self._log_file)

    def wait_until_ready(self) -> None:
        try:
            wait_until(self._is_ready_or_dead, f"{type(self).__name__} is ready")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the server at once, with all its children and no chance to tidy up."""
        if self.is_running:
            self._signal(signal.SIGKILL)
            self._process.wait(PATIENCE_SECONDS)

    def freeze(self) -> None:
        """Let the server do nothing more, with all its connections open, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask the server to end, frozen or not; kill it where that takes too long."""
        if not self.is_running:
            return
        self._process.terminate()
        self.thaw()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def recover(self) -> None:
        """Let the server run, whether it was frozen or has ended."""
        if self.is_running:
            self.thaw()
        else:
            self.start()

    def restart(self) -> None:
        """Start the server again, on its port and with its data, whether it runs or was killed."""
        self.terminate()
        self.start()

    def stop(self) -> None:
        """End the server for good and let its port and its folder go."""
        self.terminate()
        self._dispose()

    def discard(self) -> None:
        """Do as `stop` does, for a server whose last words are of no interest."""
        self.kill()
        self._dispose()

    def _dispose(self) -> None:
        self._held.release()
        if self._own_folder is not None:
            self._own_folder.cleanup()

    @property
    def _log_file(self) -> Path:
        return self.folder / "server.log"

    def _is_ready_or_dead(self) -> bool:
        assert self.is_running, f"{type(self).__name__} ended:\n{self.log[-2000:]}"
        return self.is_ready()

    def _signal(self, number: signal.Signals) -> None:
        """Reach the children too: all of the process group."""
        os.killpg(self.pid, number)
