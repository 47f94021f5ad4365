"""The real service: its files made by `init`, its processes started and stopped by handle."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ntag424_service.storage.identity import Identity
from ntag424_service.storage.keyring_file import read_keyring

from ntag424 import Generation, Keyring, Uid, UrlTemplate
from ntag424.replay import TagLedger, store_at
from ntag424.testing import TapSource, tap_source

COMMAND = (sys.executable, "-m", "ntag424_service")
TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"
#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
_FIRST = Generation(key_version=1, epoch=1)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Give a child *settings* and none of ours."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NTAG424_") or name == "NTAG424_CRYPTO"
    }
    return inherited | {"PYTHONUNBUFFERED": "1"} | dict(settings)


def run_command(
    *arguments: str,
    settings: Mapping[str, str],
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `ntag424-service` to its end."""
    return run_program([*COMMAND, *arguments], settings=settings, cwd=cwd, pass_fds=pass_fds)


def run_program(
    command: Sequence[str],
    *,
    settings: Mapping[str, str],
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with *settings* and none of ours."""
    return subprocess.run(
        command,
        env=environment(settings),
        cwd=cwd,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with ledger, identity file and keyring file."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, **extra: str) -> Self:
        """Let the real `init` make the files, and the ledger wherever *extra* has it."""
        made = cls(folder, extra)
        done = run_command("init", "--new-keyring", settings=made.settings)
        assert done.returncode == 0, done.stderr
        return made

    def copied_to(self, folder: Path, **extra: str) -> Installation:
        """Make a twin with settings of its own; the service must not be running."""
        shutil.copytree(self.folder, folder)
        return Installation(folder, extra)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "NTAG424_TEMPLATE": TEMPLATE,
            "NTAG424_STORE": f"sqlite:///{self.store}",
            "NTAG424_IDENTITY_FILE": str(self.identity_file),
            "NTAG424_KEYRING_FILE": str(self.keyring_file),
            **self.extra,
        }

    @property
    def store(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def identity_file(self) -> Path:
        return self.folder / "identity.json"

    @property
    def keyring_file(self) -> Path:
        return self.folder / "keyring.toml"

    @property
    def identity(self) -> Identity:
        return Identity.read("identity", self.identity_file.read_text())

    @property
    def keyring(self) -> Keyring:
        return read_keyring("keyring", self.keyring_file.read_text(), allow_zero_keys=False)

    def tag(self, uid: Uid, *, read_counter: int = 0) -> TapSource:
        """Write a simulated tag as this installation would."""
        scheme = self.keyring.active.scheme
        template = UrlTemplate(TEMPLATE)
        return tap_source(template, scheme, uid, generation=_FIRST, read_counter=read_counter)

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[TagLedger]:
        """Open the ledger beside the service, as another process would."""
        ledger = store_at(self.settings["NTAG424_STORE"]).open(self.identity.store_id)
        try:
            yield ledger
        finally:
            await ledger.aclose()

    async def enrol(self, *uids: Uid) -> None:
        async with self.ledger() as ledger:
            for uid in uids:
                await ledger.enrol(uid, _FIRST, 0)


class Service:
    """`ntag424-service serve`, ready, in a process group of its own."""

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        workers: int = 1,
        port: int | None = None,
        descriptors: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self._reaped = False
        values = {**settings, "NTAG424_PORT": str(self.port), "NTAG424_WORKERS": str(workers)}
        self._process = subprocess.Popen(
            [*_limited(descriptors), *COMMAND, "serve"],
            env=environment(values),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout, self.stderr = _Lines(self._process.stdout), _Lines(self._process.stderr)
        try:
            self.stderr.wait_for("Uvicorn running on")
            self.stderr.wait_for("Application startup complete", times=workers)
        except BaseException:
            self.kill()
            raise

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker_pids(self) -> list[int]:
        """The processes that serve, as they named themselves when they started."""
        named = [line for line in self.stderr.lines if "Started server process" in line]
        return [int(line.partition("[")[2].partition("]")[0]) for line in named]

    def kill(self) -> None:
        """Kill every process of the service at once, without a chance to tidy up."""
        if not self._reaped:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._reap()

    def stop(self) -> int:
        """Ask the service to stop and return its exit code."""
        return self.end_by(signal.SIGTERM)

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal to the process that was started, to no worker; return its exit code.

        All processes of the service have ended then, or the test fails.
        """
        if not self._reaped:
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until no process of the service is left, and return the first one's exit code."""
        if not self._reaped:
            self._reap()
        return self._process.returncode

    def _reap(self) -> None:
        self._process.wait(PATIENCE_SECONDS)
        self._reaped = True
        if not (self.stdout.join() and self.stderr.join()):
            os.killpg(self._process.pid, signal.SIGKILL)
            raise AssertionError(f"workers outlived the service:\n{self.stderr}")


class _Lines:
    """Lines of a stream, taken as they come, so that nobody has to poll for them."""

    def __init__(self, stream) -> None:
        self.lines: list[str] = []
        self._stream = stream
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return "".join(self.lines)

    def wait_for(self, text: str, *, times: int = 1) -> None:
        """Return once *times* lines had *text* in them."""

        def seen() -> bool:
            return sum(text in line for line in self.lines) >= times

        with self._changed:
            self._changed.wait_for(lambda: seen() or self._ended, PATIENCE_SECONDS)
            assert seen(), f"no {text!r} in:\n{self}"

    def join(self) -> bool:
        """Wait for the end of the stream, which comes with the end of all its writers."""
        self._thread.join(PATIENCE_SECONDS)
        if self._thread.is_alive():
            return False
        self._stream.close()
        return True

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def serving(
    installation: Installation, *, workers: int = 1, descriptors: int | None = None
) -> Iterator[Service]:
    """Start the service and stop it again; kill it if the test could not finish.

    It may have so many *descriptors*, or as many as this process.
    """
    service = Service(installation.settings, workers=workers, descriptors=descriptors)
    try:
        yield service
    except BaseException:
        service.kill()
        raise
    service.stop()


def _limited(descriptors: int | None) -> tuple[str, ...]:
    return () if descriptors is None else ("prlimit", f"--nofile={descriptors}:{descriptors}")


def free_port() -> int:
    """Name a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
