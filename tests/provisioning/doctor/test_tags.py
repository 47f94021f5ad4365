"""What lies on a reader: nothing, the right chip, or another one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ntag424_provisioning.doctor import State, examine
from ntag424_provisioning.doctor._examine import examine_tag
from ntag424_provisioning.links import NfcpyName, SimulatedName
from ntag424_provisioning.sim import Shelf

from ntag424.testing import SimulatedTag
from tests.readers.cards import UID, FixedCard, simulated_tag


class OtherChip:
    """A chip that tells another version, in the frames of NXP's."""

    anticollision_uid = UID

    def __init__(self, hardware):
        uid_and_production = UID + bytes(7) + bytes.fromhex("9100")
        self._frames = [hardware + b"\x91\xaf", hardware + b"\x91\xaf", uid_and_production]
        self._left = list(self._frames)

    def exchange(self, octets):
        return self._left.pop(0)

    def power_cycle(self):
        self._left = list(self._frames)


DESFIRE = bytes.fromhex("04010112001605")
MIFARE_PLUS = bytes.fromhex("04020111001604")


@pytest.fixture
def on_reader(patient_place):
    """Lay a card into nfcpy's field and examine it."""

    def examined(card, **options):
        patient_place.insert(card, **options)
        return examine_tag(NfcpyName(patient_place.air.path))

    return examined


def test_an_ntag_424_is_all_right(on_reader):
    finding = on_reader(simulated_tag())
    assert (finding.state, finding.cause) == (State.OK, "It is an NTAG 424 DNA.")


def test_a_tag_tamper_is_told_apart(on_reader):
    finding = on_reader(SimulatedTag.blank(UID, tamper=b"II"))
    assert (finding.state, finding.cause) == (State.OK, "It is an NTAG 424 DNA TagTamper.")


def test_a_tag_with_random_id_is_all_right_too(on_reader):
    tag = SimulatedTag.blank(UID)
    tag._card.memory = replace(tag._card.memory, random_id=True)
    assert on_reader(tag).state is State.OK


@pytest.mark.parametrize("hardware", [DESFIRE, MIFARE_PLUS], ids=["DESFire", "Plus"])
def test_another_chip_of_nxp_is_named_by_its_version(on_reader, hardware):
    finding = on_reader(OtherChip(hardware))
    assert finding.state is State.FAULT
    assert f"not an NTAG 424 DNA: {hardware.hex().upper()}" in finding.cause


@pytest.mark.parametrize("answer", ["6D00", "6E00", "917E", "9000"])
def test_a_card_that_knows_no_get_version_is_another_chip(on_reader, answer):
    finding = on_reader(FixedCard(bytes.fromhex(answer)))
    assert finding.state is State.FAULT
    assert finding.cause.startswith("It does not answer as an NTAG 424 DNA")


def test_a_card_that_says_nothing_is_no_broken_reader(nfcpy_place):
    nfcpy_place.insert(FixedCard(b""))
    nfcpy_place.open().close()
    finding = examine_tag(NfcpyName(nfcpy_place.air.path))
    assert finding.cause.startswith("It does not answer as an NTAG 424 DNA")


def test_a_reader_without_a_tag_is_a_warning(patient_place):
    patient_place.remove()
    finding = examine_tag(NfcpyName(patient_place.air.path))
    assert (finding.state, finding.cause.startswith("There is none")) == (State.WARNING, True)


def test_a_reader_that_is_not_there_cannot_be_used():
    pytest.importorskip("nfc.clf")
    finding = examine_tag(NfcpyName("usb:255:255"))
    assert finding.state is State.FAULT
    assert finding.cause.startswith("The reader cannot be used: nfcpy finds no reader")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path))
    shelf = Shelf()
    shelf.make("alice", UID, with_tamper_loop=False)
    return shelf


def test_a_simulated_reader_needs_no_driver(machine, shelf):
    (finding,) = examine(machine, SimulatedName("alice"))
    assert finding.state is State.OK


def test_a_simulated_reader_that_is_not_there_is_a_fault(machine, shelf):
    (finding,) = examine(machine, SimulatedName("bob"))
    assert (finding.state, "no simulated tag 'bob'" in finding.cause) == (State.FAULT, True)


def test_a_reader_that_another_program_holds_is_said_to_be_so(machine, shelf):
    with shelf.take("alice"):
        (finding,) = examine(machine, SimulatedName("alice"))
    assert (finding.state, "another program holds" in finding.cause) == (State.FAULT, True)


def test_of_a_reader_of_nfcpy_driver_bus_and_tag_are_examined(machine, patient_place):
    patient_place.insert(simulated_tag())
    path = patient_place.air.path
    findings = examine(machine, NfcpyName(path))
    assert [finding.what for finding in findings] == [
        "nfcpy",
        "udev rules",
        "modprobe list",
        f"tag on {path}",
    ]
