"""Worker processes: each ends with its parent, and says why it could not start."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from ntag424_service.errors import SettingsError
from ntag424_service.server.asgi import build
from ntag424_service.server.listening import announce
from ntag424_service.settings import variable

#: What requests under way are given when the service is asked to stop.
GRACEFUL_SECONDS = 5
#: How long a worker may be silent, as it is while it starts: many at once take turns.
SILENT_SECONDS = 60
#: After this, a worker without a parent no longer waits for itself.
_LAST_SECONDS = 2 * GRACEFUL_SECONDS


class Worker:
    """Builds the application in a process of its own: an application factory for uvicorn.

    It is pickled on its way there. A worker that cannot start leaves with the exit code
    after which uvicorn starts no other, and sends the reason to its parent.
    """

    def __init__(self, reasons: Connection) -> None:
        self._reasons = reasons

    def __call__(self) -> FastAPI:
        """Build the application from the environment and the files that it names."""
        _end_with_parent()
        try:
            return build()
        except SettingsError as error:
            logging.getLogger("uvicorn.error").error("%s", error)  # noqa: TRY400  no traceback
            self._reasons.send((error.setting, error.message, error.hint))
            # At once: while an interpreter is taken down, it could be taken for hung and killed.
            os._exit(STARTUP_FAILURE)


def run_workers(
    configure: Callable[[Worker], uvicorn.Config], listeners: list[socket.socket]
) -> None:
    """Keep as many workers serving as *configure* says, until asked to stop.

    A worker that dies is replaced. If one cannot start, now or later, all are stopped.

    Raises:
        SettingsError: why a worker could not start.

    """
    reasons, tell = multiprocessing.Pipe(duplex=False)
    with reasons, tell:
        supervisor = _Supervisor(configure(Worker(tell)), sockets=listeners)
        announce(listeners)
        supervisor.run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
            raise _last_of(reasons)


class _Supervisor(Multiprocess):
    """Does not wait for the answer of a worker that died before it could give one."""

    def keep_subprocess_alive(self) -> None:
        """Replace what died or is silent, once every worker alone holds its end of its pipe."""
        for worker in self.processes:
            worker.child_conn.close()
        super().keep_subprocess_alive()


def _last_of(reasons: Connection) -> SettingsError:
    """Return the newest reason: older ones may be of workers that were not needed."""
    error = SettingsError(
        variable("workers"), "a worker could not start", "The lines above say why."
    )
    while reasons.poll():
        setting, message, hint = reasons.recv()
        error = SettingsError(setting, message, hint)
    return error


def _end_with_parent() -> None:
    """Stop this process as soon as the one that started it is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_after, args=(parent,), daemon=True).start()


def _stop_after(parent: BaseProcess) -> None:
    # Its end of a pipe that no other process holds: closed even after SIGKILL.
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_SECONDS)
    os._exit(1)
