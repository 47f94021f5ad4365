"""What was looked at, how it is, what would help, and where this machine has it."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from pathlib import Path

from ntag424_provisioning.links import USB_DEVICES


@unique
class State(StrEnum):
    """How something is."""

    OK = "ok"
    #: Work is possible, perhaps not all of it.
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    #: One sentence.
    cause: str
    #: Command lines that help, in this order.
    fixes: tuple[str, ...] = ()
    #: Whether `ntag424 doctor --fix` is one of them.
    fixable: bool = False

    def softened(self) -> Finding:
        """Make a fault a warning: something else does the same work."""
        return replace(self, state=State.WARNING) if self.state is State.FAULT else self

    def record(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "state": self.state.value,
            "cause": self.cause,
            "fixes": list(self.fixes),
            "fixable": self.fixable,
        }


_PROGRAM = "ntag424"


@dataclass(frozen=True, slots=True)
class Machine:
    """Folders of the machine; others only for trying out."""

    usb_devices: Path = USB_DEVICES
    #: One file for each device, in a folder for each bus.
    usb_nodes: Path = Path("/dev/bus/usb")
    udev_rules: Path = Path("/etc/udev/rules.d")
    modprobe: Path = Path("/etc/modprobe.d")
    #: It is there where systemd runs the machine.
    systemd: Path = Path("/run/systemd/system")


def as_root(command: str) -> str:
    """Spell a command line that needs the administrator's rights."""
    return command if os.geteuid() == 0 else f"sudo {command}"


def doctor_fix() -> str:
    """Spell the command line that starts this very program to mend what it can."""
    # sudo has a PATH of its own, on which this program need not be.
    started = Path(sys.argv[0])
    if started.name == _PROGRAM:
        return as_root(f"{shlex.quote(str(started.absolute()))} doctor --fix")
    return as_root(f"{shlex.quote(sys.executable)} -m ntag424_provisioning doctor --fix")


def user() -> str:
    """Name who runs this program; by number where the machine has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
