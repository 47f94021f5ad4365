"""Why PC/SC or nfcpy lead to no reader, each cause brought about for real."""

from __future__ import annotations

import json

import pytest
from ntag424_provisioning.doctor import State, _drivers
from ntag424_provisioning.doctor._drivers import Way, refused_by_polkit
from ntag424_provisioning.doctor._examine import _graded
from ntag424_provisioning.doctor._findings import Finding

from ntag424.readers._scard import connect_error
from tests.provisioning.links.bus import plug
from tests.provisioning.links.daemons import hanging_up
from tests.provisioning.links.program import Program


def findings(program, **options):
    """Run `doctor --json` and give its findings by what they are of."""
    done = program.run("doctor", "--json", **options)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3, done
    return {finding["what"]: finding for finding in told}


@pytest.fixture(scope="module")
def lonely():
    """Give the program where there is no pcscd."""
    pytest.importorskip("smartcard.scard")
    with Program() as program:
        yield program


def fixes(finding):
    return [fix.removeprefix("sudo ") for fix in finding["fixes"]]


def test_where_there_is_no_service_pcsc_has_a_fault(lonely):
    found = findings(lonely)["PC/SC"]
    assert (found["state"], found["cause"].startswith("pcscd is not ")) == ("fault", True)


def test_where_the_service_hangs_up_this_user_is_refused(tmp_path):
    pytest.importorskip("smartcard.scard")
    with hanging_up(tmp_path) as socket, Program(socket) as program:
        found = findings(program)["PC/SC"]
    assert found["cause"].startswith("pcscd refuses this user: polkit")


@pytest.mark.parametrize("code", [0x80100013, 0x80100027, 0x8010006A])
def test_what_pcscd_says_when_it_refuses_is_put_down_to_polkit(machine, monkeypatch, code):
    def refuse():
        raise connect_error(code, "Access denied.")

    monkeypatch.setattr(_drivers, "pcsc_readers", refuse)
    assert _drivers.examine_pcsc(machine).finding == refused_by_polkit("PC/SC")


def test_without_pyscard_its_packages_are_named(lonely):
    found = findings(lonely, hidden=["smartcard.scard"])["PC/SC"]
    system, python = fixes(found)
    assert found["cause"].startswith("It is not installed: ")
    assert system.startswith("apt-get install pcscd libccid libpcsclite-dev gcc")
    assert python == "pip install 'ntag424[pcsc]'"


def test_without_nfcpy_its_packages_are_named(lonely):
    found = findings(lonely, hidden=["nfc.clf"])["nfcpy"]
    assert fixes(found) == ["apt-get install libusb-1.0-0", "pip install 'ntag424[nfcpy]'"]


def test_without_a_reader_the_simulated_ones_are_named(lonely):
    found = findings(lonely)["readers"]
    assert (found["state"], "sim:NAME" in found["cause"]) == ("fault", True)


def test_a_reader_that_pcscd_should_know_is_named(machine, monkeypatch):
    plug(machine.usb_devices, "1fd3:cc1d", interface_class="0b", product="Reader 3000")
    monkeypatch.setattr(_drivers, "pcsc_readers", list)
    found = _drivers.examine_pcsc(machine).finding
    assert found.cause.endswith("the reader that is connected: Reader 3000.")
    assert fixes(found.record()) == ["apt-get install libccid"]


# ---- how bad it is --------------------------------------------------------------------------

BROKEN = Way(Finding("a", State.FAULT, "It is broken."))
EMPTY = Way(Finding("b", State.OK, "It works."))
GOOD = Way(Finding("b", State.OK, "It works."), ("reader",))


def test_a_broken_way_is_a_fault_while_no_other_leads_to_a_reader():
    assert [finding.state for finding in _graded(BROKEN, EMPTY)] == [State.FAULT, State.OK]


def test_a_broken_way_is_a_warning_if_another_leads_to_a_reader():
    assert [finding.state for finding in _graded(BROKEN, GOOD)] == [State.WARNING, State.OK]
