"""What may be at the other end of pcscd's socket: pcscd, somebody rude, or nobody."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

from tests.readers.conftest import needs, unavailable
from tests.readers.private_pcscd import PrivatePcscd, UnavailableError


@contextmanager
def pcscd():
    """Run a pcscd for programs that the tests start; this process stays away from it."""
    needs("smartcard.scard")
    try:
        daemon = PrivatePcscd()
    except UnavailableError as error:
        unavailable(f"no pcscd: {error}")
    with daemon:
        yield daemon


@contextmanager
def left_behind(folder):
    """Give a socket that nobody listens at any more."""
    path = folder / "comm"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
    yield path


@contextmanager
def hanging_up(folder):
    """Give a socket at which everybody is hung up on, as polkit makes pcscd do."""
    path = folder / "comm"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_hang_up, args=(listener,), daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _hang_up(listener):
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        peer.close()


@contextmanager
def silent(folder):
    """Give a socket at which somebody listens, and says nothing."""
    path = folder / "comm"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path
