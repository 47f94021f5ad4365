"""Readers on USB: what holds them, who may open them, and what helps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from ntag424_provisioning.doctor import State, install, outdated
from ntag424_provisioning.doctor._drivers import examine_usb
from ntag424_provisioning.links import attached_readers
from ntag424_provisioning.usb_readers import USB_READERS

from tests.provisioning.links.bus import plug
from tests.provisioning.links.program import machine_in, without_rights

RC_S380, ACR122U, UNCLAIMED = "054c:06c1", "072f:2200", "04e6:5593"


def node_of(machine):
    """Make the device's own file, as udev does."""
    node = machine.usb_nodes / "001" / "002"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return node


def examined(machine, usb_id=RC_S380, *, names=(), **options):
    """Plug a reader in and examine it."""
    plug(machine.usb_devices, usb_id, **options)
    (attached,) = attached_readers(machine.usb_devices)
    return examine_usb(machine, attached, names)


def with_files(machine):
    """Have our files installed, without telling udev of this machine."""
    for file in outdated(machine):
        file.path.parent.mkdir(exist_ok=True)
        file.path.write_text(file.text)
    return machine


def fixes(finding):
    """Give the fixes as anybody has them: root needs no sudo."""
    return [fix.removeprefix("sudo ") for fix in finding.fixes]


def test_a_reader_that_nothing_holds_can_be_opened(machine):
    node_of(machine)
    finding = examined(machine)
    assert (finding.state, "usb:001:002" in finding.cause) == (State.OK, True)


def test_a_finding_names_the_reader_as_people_and_lsusb_do(machine):
    node_of(machine)
    assert examined(machine).what == f"Sony RC-S380/S ({RC_S380})"


CLAIMED = [reader for reader in USB_READERS if reader.kernel_driver]


@pytest.mark.parametrize("reader", CLAIMED, ids=lambda reader: reader.usb_id)
def test_a_kernel_driver_that_holds_a_reader_is_named(machine, reader):
    finding = examined(machine, reader.usb_id, driver=reader.kernel_driver)
    assert finding.state is State.FAULT
    assert finding.cause == f"The kernel driver {reader.kernel_driver} holds it."


def test_a_kernel_driver_is_removed_now_and_for_good(machine):
    finding = examined(machine, driver="port100")
    now, for_good = fixes(finding)
    assert now == "modprobe --remove port100"
    assert for_good.endswith("doctor --fix")
    assert finding.fixable


def test_a_kernel_driver_that_is_kept_off_already_is_only_removed_now(machine):
    finding = examined(with_files(machine), driver="port100")
    assert (fixes(finding), finding.fixable) == (["modprobe --remove port100"], False)


def test_a_kernel_driver_that_nobody_expects_is_named_too(machine):
    finding = examined(machine, UNCLAIMED, driver="newdriver")
    assert (fixes(finding), finding.fixable) == (["modprobe --remove newdriver"], False)


def test_a_program_that_holds_a_reader_is_no_kernel_driver(machine):
    node_of(machine)
    finding = examined(machine, driver="usbfs")
    assert finding.state is State.WARNING
    assert finding.cause == "Another program, such as pcscd, holds it."


def test_a_reader_that_pcscd_knows_needs_nothing_else(machine):
    names = ["ACS ACR122U PICC Interface 00 00"]
    assert examined(machine, ACR122U, driver="usbfs", names=names).state is State.OK


def test_a_container_without_the_device_is_told_so(machine):
    finding = examined(machine)
    node = machine.usb_nodes / "001" / "002"
    assert finding.state is State.FAULT
    assert f"There is no {node}" in finding.cause
    assert finding.fixes == (f"docker run --device {node} ...",)


_EXAMINE = """
import json, sys
from pathlib import Path
from ntag424_provisioning.doctor._drivers import examine_usb
from ntag424_provisioning.links import attached_readers
from tests.provisioning.links.program import machine_in, without_rights
for folder in sys.argv[1:]:
    machine = machine_in(Path(folder))
    (attached,) = attached_readers(machine.usb_devices)
    print(json.dumps(examine_usb(machine, attached, ()).record()))
"""


@pytest.fixture(scope="module")
def for_others(tmp_path_factory):
    """Give what is found of a reader for others, without our files and with them.

    It is found by a program that may not open everything, as root otherwise may.
    """
    folders = [tmp_path_factory.mktemp("without"), tmp_path_factory.mktemp("with")]
    for folder in folders:
        plug(machine_in(folder).usb_devices, RC_S380)
        node_of(machine_in(folder)).chmod(0)
    with_files(machine_in(folders[1]))
    done = subprocess.run(
        [*without_rights(), sys.executable, "-c", _EXAMINE, *folders],
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_reader_for_others_takes_udev_rules(for_others):
    told, _ = for_others
    assert told["cause"].endswith("/nodes/001/002 is not for this user.")
    assert (told["state"], told["fixable"]) == ("fault", True)
    assert [fix.endswith("doctor --fix") for fix in told["fixes"]] == [True]


def test_where_the_rules_are_installed_already_the_group_helps(for_others):
    _, told = for_others
    again, join = (fix.removeprefix("sudo ") for fix in told["fixes"])
    assert again == "udevadm trigger --subsystem-match=usb"
    assert join.startswith("usermod --append --groups plugdev ")
    assert not told["fixable"]


def test_installing_makes_the_fix_unnecessary(machine, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert examined(machine, driver="port100").fixable
    install(outdated(machine))
    (attached,) = attached_readers(machine.usb_devices)
    assert not examine_usb(machine, attached, ()).fixable
