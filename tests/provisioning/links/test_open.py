"""From a name to a reader, with nfcpy and with simulated tags."""

from __future__ import annotations

import logging
from contextlib import closing

import pytest
from ntag424_provisioning.links import NfcpyName, SimulatedName, open_link, parse_reader
from ntag424_provisioning.links._quiet import silence_nfcpy
from ntag424_provisioning.sim import Shelf

from ntag424.errors import NoTagError, ReaderChoiceError
from ntag424.session import Session
from tests.readers.cards import UID, simulated_tag


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def logger_as_before():
    logger = logging.getLogger("nfc")
    before = (logger.level, logger.propagate)
    yield
    logger.setLevel(before[0])
    logger.propagate = before[1]


@pytest.fixture
def field(patient_place):
    """Give a field of nfcpy's with a tag in it."""
    patient_place.insert(simulated_tag())
    return parse_reader(patient_place.air.path)


def test_a_tag_in_the_field_of_nfcpy_is_reached(field):
    with closing(open_link(field)) as link:
        link.wait_for_tag(5)
        assert Session(link).version().uid == UID


def test_a_reader_asks_who_it_is_told_to_ask(field):
    with closing(open_link(field, identify=lambda reader: b"me")) as link:
        assert link.wait_for_tag(5) == b"me"


def test_a_usb_reader_that_is_not_there_is_missed():
    pytest.importorskip("nfc.clf")
    with pytest.raises(ReaderChoiceError):
        open_link(NfcpyName("usb:255:255"))


def made(*names):
    shelf = Shelf()
    for number, name in enumerate(names):
        shelf.make(name, bytes(6) + bytes([number]), with_tamper_loop=False)


def test_a_simulated_tag_is_reached():
    made("alice")
    with closing(open_link(SimulatedName("alice"))) as link:
        link.wait_for_tag(0)
        assert Session(link).version().is_ntag424


def test_a_simulated_tag_by_its_name_stays_on_its_reader():
    made("alice")
    with closing(open_link(SimulatedName("alice"))) as link:
        link.wait_for_tag(0)
        link.release_tag()
        assert link.wait_for_tag(0)[-1] == 0


def test_a_pattern_is_a_tray():
    made("a-1", "b", "a-2")
    with closing(open_link(SimulatedName("a-*"))) as link:
        link.wait_for_tag(0)
        link.release_tag()
        assert link.wait_for_tag(0)[-1] == 2


def test_a_pattern_that_fits_one_tag_is_a_tray_too():
    made("a-1")
    with closing(open_link(SimulatedName("a-*"))) as link:
        link.wait_for_tag(0)
        link.release_tag()
        with pytest.raises(NoTagError):
            link.wait_for_tag(0)


@pytest.mark.parametrize("name", ["bob", "b*"])
def test_a_simulated_tag_that_is_not_there_is_missed_at_once(name):
    made("alice")
    with pytest.raises(NoTagError, match="simulated") as caught:
        open_link(SimulatedName(name))
    assert "sim new" in caught.value.hint


# ---- what nfcpy says ------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, logging.DEBUG, logging.ERROR, logging.CRITICAL])
def test_nothing_that_nfcpy_logs_is_heard(level, caplog):
    caplog.set_level(1)
    silence_nfcpy()
    logging.getLogger("nfc.clf.transport").log(level, ">>> 90C40000")
    assert caplog.records == []


def test_an_apdu_is_not_even_written_down_for_the_log(field, caplog):
    caplog.set_level(1)
    with closing(open_link(field)) as link:
        link.wait_for_tag(5)
        Session(link).version()
    assert [record for record in caplog.records if record.name.startswith("nfc")] == []


def test_nfcpy_stays_silent_if_somebody_lets_it_pass_its_records_on(caplog):
    caplog.set_level(1)
    silence_nfcpy()
    logging.getLogger("nfc").propagate = True
    logging.getLogger("nfc.clf").critical("lost")
    assert caplog.records == []


def test_what_a_part_of_nfcpy_says_goes_no_further_than_nfcpy():
    silence_nfcpy()
    assert not logging.getLogger("nfc").propagate
