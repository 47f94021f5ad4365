"""Readers on USB that nfcpy opens itself: what holds them, and who may."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from ntag424_provisioning.doctor._files import system_files
from ntag424_provisioning.doctor._finding import Finding, State
from ntag424_provisioning.doctor._machine import Machine, as_root, doctor_fix, user
from ntag424_provisioning.links import AttachedReader

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
