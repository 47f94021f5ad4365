"""Readers on USB as Linux shows them, on a machine made up."""

from __future__ import annotations

import pytest
from ntag424_provisioning.links import attached_readers, ccid_readers
from ntag424_provisioning.links._candidates import without_known

from tests.provisioning.links.bus import plug

ACR122U, RC_S380, OTHER = "072f:2200", "054c:06c1", "1d6b:0002"


def test_a_reader_that_nfcpy_drives_is_found(tmp_path):
    plug(tmp_path, RC_S380, bus=2, device=17)
    (found,) = attached_readers(tmp_path)
    assert (found.reader.usb_id, found.path) == (RC_S380, "usb:002:017")


def test_other_devices_are_no_readers(tmp_path):
    plug(tmp_path, OTHER)
    assert attached_readers(tmp_path) == []


def test_a_device_that_is_unplugged_at_the_moment_is_none(tmp_path):
    (plug(tmp_path, RC_S380) / "devnum").unlink()
    assert attached_readers(tmp_path) == []


def test_a_machine_without_usb_has_no_readers(tmp_path):
    assert attached_readers(tmp_path / "nowhere") == []


def test_who_claims_a_reader_is_told_once(tmp_path):
    plug(tmp_path, RC_S380, driver="port100", interfaces=2)
    assert attached_readers(tmp_path)[0].drivers == ("port100",)


def test_a_reader_that_nobody_claims_has_no_driver(tmp_path):
    plug(tmp_path, RC_S380)
    assert attached_readers(tmp_path)[0].drivers == ()


def test_readers_for_pcscd_are_told_by_their_interface(tmp_path):
    plug(tmp_path, OTHER, interface_class="0b", product="Reader 3000")
    plug(tmp_path, RC_S380, interface_class="ff", device=3)
    assert ccid_readers(tmp_path) == ["Reader 3000"]


def test_a_reader_for_pcscd_without_a_name_is_told_by_its_place(tmp_path):
    folder = plug(tmp_path, OTHER, interface_class="0b")
    assert ccid_readers(tmp_path) == [folder.name]


# ---- the reader that is driven by both ------------------------------------------------------


@pytest.fixture
def attached(tmp_path):
    plug(tmp_path, ACR122U, device=2)
    plug(tmp_path, RC_S380, device=3)
    return attached_readers(tmp_path)


PATHS = ["usb:001:002", "usb:001:003"]


def test_a_reader_that_pcscd_knows_is_no_candidate_twice(attached):
    names = ["ACS ACR122U PICC Interface 00 00"]
    assert without_known(PATHS, names, attached) == ["usb:001:003"]


def test_a_reader_that_pcscd_does_not_know_is_left_to_nfcpy(attached):
    assert without_known(PATHS, ["ACS ACR1252U 00 00"], attached) == PATHS
