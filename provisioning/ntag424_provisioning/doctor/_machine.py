"""Where this machine has what is looked at, and how its administrator is asked."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ntag424_provisioning.links import USB_DEVICES

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
