"""Starting a process that cannot outlive us, not even when we are killed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: To the kernel a process is orphaned when the thread ends that started it. This thread
#: lives as long as we do, whichever thread wants a server.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter-of-servers")


def spawn(command: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Run *command* in *folder*, in a process group of its own; what it says goes to *log*."""
    return _STARTER.submit(_spawn, command, folder, log).result()


def _spawn(command: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
