"""The ways to a reader: PC/SC with its service, nfcpy, and USB below them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto, unique
from pathlib import Path

from ntag424.errors import (
    ReaderDriverMissingError,
    ReaderError,
    ReaderRefusedError,
    ReaderServiceError,
    TransportError,
)
from ntag424.readers import INSTALL_NFCPY, INSTALL_PCSC, nfcpy_readers, pcsc_readers
from ntag424_provisioning.doctor._files import system_files
from ntag424_provisioning.doctor._findings import (
    Finding,
    Machine,
    State,
    as_root,
    doctor_fix,
    user,
)
from ntag424_provisioning.links import AttachedReader, ccid_readers

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


_PCSC, _NFCPY = "PC/SC", "nfcpy"


@dataclass(frozen=True, slots=True)
class Way:
    """One way, with the readers it leads to."""

    finding: Finding
    readers: tuple[str, ...] = ()


def examine_pcsc(machine: Machine) -> Way:
    """Ask pcscd for its readers."""
    try:
        readers = tuple(pcsc_readers())
    except ReaderDriverMissingError as error:
        return Way(_missing(_PCSC, error, INSTALL_PCSC))
    except ReaderServiceError:
        return Way(examine_service(machine, _PCSC))
    except ReaderRefusedError:
        return Way(refused_by_polkit(_PCSC))
    except (ReaderError, TransportError) as error:
        return Way(Finding(_PCSC, State.FAULT, f"It does not work: {error}."))
    connected = ccid_readers(machine.usb_devices)
    if connected and not readers:
        return Way(_without_ccid_driver(machine, connected))
    return Way(Finding(_PCSC, State.OK, f"pcscd answers, and knows {_counted(readers)}."), readers)


def examine_nfcpy() -> Way:
    """Ask nfcpy for its readers."""
    try:
        readers = tuple(nfcpy_readers())
    except ReaderDriverMissingError as error:
        return Way(_missing(_NFCPY, error, INSTALL_NFCPY))
    return Way(Finding(_NFCPY, State.OK, f"It works, and finds {_counted(readers)}."), readers)


def _missing(what: str, error: ReaderDriverMissingError, install: str) -> Finding:
    system, _, python = install.partition(" && ")
    reason = str(error.__cause__ or error)
    return Finding(what, State.FAULT, f"It is not installed: {reason}.", (as_root(system), python))


def _without_ccid_driver(machine: Machine, connected: list[str]) -> Finding:
    cause = f"pcscd answers, but does not know the reader that is connected: {connected[0]}."
    install = as_root("apt-get install libccid")
    restart = (as_root("systemctl restart pcscd"),) if machine.systemd.is_dir() else ()
    return Finding(_PCSC, State.FAULT, cause, (install, *restart))


def _counted(readers: tuple[str, ...]) -> str:
    match len(readers):
        case 0:
            return "no reader"
        case 1:
            return "one reader"
        case many:
            return f"{many} readers"


#: What the kernel calls it when a program has claimed an interface.
_A_PROGRAM = "usbfs"
_TELL_UDEV = "udevadm trigger --subsystem-match=usb"


def examine_usb(machine: Machine, attached: AttachedReader, names: Iterable[str]) -> Finding:
    """Look for the first thing that keeps *attached* from being opened.

    *names* are those of the readers over PC/SC.
    """
    if attached.is_among(names):
        return Finding(attached.name, State.OK, "It can be used over PC/SC.")
    fine = Finding(attached.name, State.OK, f"It can be opened as {attached.path}.")
    return next(_troubles(machine, attached), fine)


def _troubles(machine: Machine, attached: AttachedReader) -> Iterator[Finding]:
    modules = [driver for driver in attached.drivers if driver != _A_PROGRAM]
    if modules:
        yield _held_by_kernel(machine, attached.name, modules[0])
    if _A_PROGRAM in attached.drivers:
        cause = "Another program, such as pcscd, holds it."
        yield Finding(attached.name, State.WARNING, cause)
    node = machine.usb_nodes / f"{attached.bus:03}" / f"{attached.device:03}"
    if not node.exists():
        cause = f"There is no {node}: where this is a container, it has to be given the device."
        yield Finding(attached.name, State.FAULT, cause, (f"docker run --device {node} ...",))
    elif not os.access(node, os.R_OK | os.W_OK):
        yield _not_for_this_user(machine, attached.name, str(node))


def _held_by_kernel(machine: Machine, name: str, module: str) -> Finding:
    now = as_root(f"modprobe --remove {module}")
    _, modprobe = system_files(machine)
    listed = f"blacklist {module}\n" in modprobe.text
    fixable = listed and not modprobe.is_installed
    for_good = (doctor_fix(),) if fixable else ()
    cause = f"The kernel driver {module} holds it."
    return Finding(name, State.FAULT, cause, (now, *for_good), fixable=fixable)


def _not_for_this_user(machine: Machine, name: str, node: str) -> Finding:
    udev_rules, _ = system_files(machine)
    cause = f"{node} is not for this user."
    if not udev_rules.is_installed:
        return Finding(name, State.FAULT, cause, (doctor_fix(),), fixable=True)
    # Who does not sit at the machine gets it through the group, from the next login on.
    join = as_root(f"usermod --append --groups plugdev {user()}")
    return Finding(name, State.FAULT, cause, (as_root(_TELL_UDEV), join))
