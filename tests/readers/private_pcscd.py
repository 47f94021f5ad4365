"""A pcscd of one's own with one virtual reader: no root, no systemd, no clash with another.

pcscd takes its socket from us, as systemd would hand it over, and sees an empty /run of
its own where the kernel allows that. So it neither finds the machine's pcscd nor
leaves anything behind.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
NAME = "NTAG Bench"
#: vpcd has two slots, on two adjacent ports.
READERS = (f"{NAME} 00 00", f"{NAME} 00 01")

# Not everybody's PATH has it.
_PCSCD = shutil.which("pcscd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")

_READY = "daemon ready"
_INSERTED, _REMOVED = "Card inserted into", "Card Removed From"
_SECONDS = 10
_ATTEMPTS = 5

# bash, because dash cannot duplicate a descriptor above 9. Should the tests be killed, pcscd
# ends with them.
_RUN = (
    "exec 3<&{fd}; export LISTEN_FDS=1 LISTEN_PID=$$; "
    "exec setpriv --pdeathsig TERM {pcscd} --foreground --info {options}"
)
_PRIVATE_RUN = "mount -t tmpfs tmpfs /run || exit 97; " + _RUN


class UnavailableError(Exception):
    """No pcscd can be started here; the text says why."""


class Log:
    """What pcscd says, and waiting for it to say something."""

    def __init__(self, stream):
        self._stream = stream
        self._lines = []
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self):
        with self._news:
            return "".join(self._lines)

    def wait(self, condition):
        """Wait until *condition* holds of the lines; False if it does not come to that."""
        with self._news:
            self._news.wait_for(lambda: self._ended or condition(self._lines), _SECONDS)
            return condition(self._lines)

    def close(self):
        self._thread.join()
        self._stream.close()

    def _read(self):
        for line in self._stream:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


class PrivatePcscd:
    """One pcscd; *path* is for PCSCLITE_CSOCK_NAME, *port* for a card on the first
    of `READERS`, and the next port for one on the second.

    Raises:
        UnavailableError: it cannot be started here.
    """

    def __init__(self):
        needed = {
            "pcscd": _PCSCD,
            "vsmartcard-vpcd": DRIVER.exists(),
            "util-linux": shutil.which("unshare"),
            "bash": shutil.which("bash"),
        }
        if missing := [package for package, found in needed.items() if not found]:
            raise UnavailableError(f"not installed: {', '.join(missing)}")
        self._folder = tempfile.TemporaryDirectory(prefix="pcscd-")
        self.path = str(Path(self._folder.name, "comm"))
        self._config = Path(self._folder.name, "reader.conf.d")
        self._config.mkdir()
        try:
            self._start()
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_for_card(self, reader, *, present):
        """Wait until pcscd itself has noticed that a card came to *reader*, or went.

        SCardGetStatusChange may say "empty" earlier, and of a card that is inserted
        in between pcscd never notices anything.
        """

        def noticed(lines):
            came, went = (
                sum(f"{word} {reader}" in line for line in lines) for word in (_INSERTED, _REMOVED)
            )
            return (came > went) is present

        assert self.log.wait(noticed), self.log.text

    def stop(self):
        """End the daemon; a second time does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                # A card that owes an answer holds it up for ever.
                self._process.kill()
                self._process.wait()
        self.log.close()
        self._folder.cleanup()

    def _start(self):
        reasons = []
        for wrapper, script in _ways():
            for _ in range(_ATTEMPTS):
                self._launch(wrapper, script)
                if self.log.wait(lambda lines: any(_READY in line for line in lines)):
                    if self._listens():
                        self._settle()
                        return
                    reasons.append("its ports were taken")
                else:
                    reasons.append(f"{wrapper}: {self.log.text.strip()[-200:]}")
                self._kill()
                if reasons[-1] != "its ports were taken":
                    break
        raise UnavailableError("; ".join(reasons) or "no way to start it")

    def _launch(self, wrapper, script):
        self.port = _port_pair()
        Path(self._config, "vpcd").write_text(
            f'FRIENDLYNAME "{NAME}"\nDEVICENAME /dev/null:{self.port}\n'
            f"LIBPATH {DRIVER}\nCHANNELID 0\n"
        )
        Path(self.path).unlink(missing_ok=True)
        options = f"--config {self._config}{_without_polkit()}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(8)
            fd = listener.fileno()
            self._process = subprocess.Popen(
                [*wrapper, "bash", "-c", script.format(fd=fd, pcscd=_PCSCD, options=options)],
                pass_fds=[fd],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.log = Log(self._process.stdout)

    def _listens(self):
        return "init failed" not in self.log.text

    def _settle(self):
        """Wait until pcscd has looked at its readers once.

        It serves its first client only then. A card that this first look finds is
        announced by nothing in the log.
        """
        client = "from smartcard.System import readers; readers()"
        subprocess.run(
            [sys.executable, "-c", client],
            check=True,
            env=os.environ | {"PCSCLITE_CSOCK_NAME": self.path},
        )

    def _kill(self):
        self._process.kill()
        self._process.wait()
        self.log.close()


def _ways():
    """Give the ways to start pcscd, the most secluded first."""
    if os.geteuid() == 0:
        yield ["unshare", "-m"], _PRIVATE_RUN
    else:
        # As root of a user namespace; some kernels and containers do not allow it.
        yield ["unshare", "-rm"], _PRIVATE_RUN
        if not Path("/run/pcscd").exists():
            with contextlib.suppress(OSError):
                subprocess.run(
                    ["sudo", "-n", "mkdir", "-p", "/run/pcscd"], check=False, capture_output=True
                )
    # In the machine's own /run; fails where the machine's pcscd is running.
    yield [], _RUN


def _without_polkit():
    shown = subprocess.run([_PCSCD, "--help"], check=False, capture_output=True, text=True)
    return " --disable-polkit" if "--disable-polkit" in shown.stdout + shown.stderr else ""


def _port_pair():
    """Choose two adjacent ports that are free, below those the kernel gives to clients."""
    while True:
        port = random.randrange(20_000, 32_000, 2)
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 1)),
        ):
            return port
