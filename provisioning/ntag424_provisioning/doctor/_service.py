"""Why pcscd does not serve this user."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
from enum import Enum, auto, unique
from pathlib import Path

from ntag424_provisioning.doctor._finding import Finding, State
from ntag424_provisioning.doctor._machine import Machine, as_root, user

_SOCKET = Path("/run/pcscd/pcscd.comm")
_SYSTEM_PATH = ":/usr/sbin:/sbin"
_POLKIT_FILE = "/etc/polkit-1/rules.d/70-ntag424.rules"
#: Seconds; pcscd lets its client speak first, but hangs up at once on whom it refuses.
_PATIENCE = 0.5


@unique
class _Peer(Enum):
    """Who is at the other end of a socket."""

    NOBODY = auto()
    HANGS_UP = auto()
    LISTENS = auto()


def examine_service(machine: Machine, what: str) -> Finding:
    """Say why there is no service, which is what libpcsclite has just said."""
    path = Path(os.environ.get("PCSCLITE_CSOCK_NAME") or _SOCKET)
    if not path.exists():
        return _not_running(machine, what, path)
    match _peer(path):
        case _Peer.HANGS_UP:
            return refused_by_polkit(what)
        case _Peer.NOBODY:
            cause = f"pcscd is not running: nobody answers at its socket {path}."
        case _Peer.LISTENS:
            cause = f"pcscd listens at {path}, but does not understand libpcsclite's version."
    return Finding(what, State.FAULT, cause, _start(machine, "restart pcscd.socket"))


def refused_by_polkit(what: str) -> Finding:
    """Say that pcscd does not serve this user, and how to make it."""
    where = " This is a session over ssh." if os.environ.get("SSH_CONNECTION") else ""
    cause = f"pcscd refuses this user: polkit lets only those who sit at the machine.{where}"
    rule = (
        "polkit.addRule(function(action, subject) {"
        ' if (action.id.indexOf("org.debian.pcsc-lite.access_") == 0'
        f" && subject.user == {json.dumps(user())})"
        " { return polkit.Result.YES; } });"
    )
    line = f"echo {shlex.quote(rule)} | {as_root('tee ' + _POLKIT_FILE)}"
    return Finding(what, State.FAULT, cause, (line,))


def _not_running(machine: Machine, what: str, path: Path) -> Finding:
    if not shutil.which("pcscd", path=os.environ.get("PATH", os.defpath) + _SYSTEM_PATH):
        install = as_root("apt-get install pcscd libccid")
        return Finding(what, State.FAULT, "pcscd is not installed.", (install,))
    cause = f"pcscd is not running: there is no socket {path}."
    return Finding(what, State.FAULT, cause, _start(machine, "enable --now pcscd.socket"))


def _start(machine: Machine, job: str) -> tuple[str]:
    return (as_root(f"systemctl {job}" if machine.systemd.is_dir() else "pcscd"),)


def _peer(path: Path) -> _Peer:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PATIENCE)
        try:
            client.connect(str(path))
            client.recv(1)
        except TimeoutError:
            return _Peer.LISTENS
        except ConnectionResetError:
            return _Peer.HANGS_UP
        except OSError:
            return _Peer.NOBODY
        return _Peer.HANGS_UP
