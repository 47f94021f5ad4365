"""Over nfcpy: what it repairs by itself, what it loses, and which reader it opens."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntag424.apdu import Status
from ntag424.errors import (
    NoTagError,
    ReaderBusyError,
    ReaderChoiceError,
    ReaderRefusedError,
    TransportError,
)
from ntag424.readers import NfcpyReader, nfcpy_readers
from ntag424.readers._nfc import _open_error
from tests.readers.cards import GET_VERSION, READ_ALL, SELECT_APPLICATION, FixedCard
from tests.readers.conftest import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(nfcpy_place):
    return nfcpy_place


@pytest.fixture
def reader(place, card):
    place.insert(card)
    with place.open() as reader:
        reader.wait_for_tag(5)
        yield reader


def lost(reader):
    with pytest.raises(TransportError) as caught:
        reader.transmit(GET_VERSION)
    return caught.value


# ---- what nfcpy repairs ---------------------------------------------------------------------


def test_an_answer_lost_once_is_asked_for_again(reader, place):
    place.air.drop_answers(1)
    assert reader.transmit(GET_VERSION).status == Status.ADDITIONAL_FRAME


def test_a_command_whose_answer_was_lost_once_is_executed_once(reader, place, card):
    place.air.drop_answers(1)
    reader.transmit(GET_VERSION)
    assert card.commands == [bytes(GET_VERSION)]


def test_a_command_lost_once_is_executed_once(reader, place, card):
    place.air.drop_commands(1)
    reader.transmit(GET_VERSION)
    assert card.commands == [bytes(GET_VERSION)]


def test_a_part_of_a_long_answer_lost_once_is_asked_for_again(reader, place):
    reader.transmit(SELECT_APPLICATION)
    place.air.drop_answers(1)
    assert reader.transmit(READ_ALL).data == bytes(range(256))


def test_a_tag_that_asks_for_more_time_gets_it(patient_place, card):
    patient_place.insert(card, wtx=lambda command: 2)
    with patient_place.open() as reader:
        reader.wait_for_tag(5)
        assert reader.transmit(GET_VERSION).status == Status.ADDITIONAL_FRAME


# ---- what nfcpy loses -----------------------------------------------------------------------


def test_contact_lost_while_the_tag_takes_more_time_leaves_the_outcome_open(place, card):
    place.insert(card, wtx=lambda command: place.remove() or 2)
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert "TimeoutError" in str(error := lost(reader)), error
        assert error.outcome_unknown


@pytest.mark.parametrize("size", [0, 1])
def test_an_answer_too_short_for_a_status_leaves_the_outcome_open(place, size):
    place.insert(FixedCard(bytes(size)))
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert lost(reader).outcome_unknown


def test_an_answer_too_long_for_a_short_apdu_leaves_the_outcome_open(place):
    place.insert(FixedCard(bytes(259)))
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert lost(reader).outcome_unknown


def test_after_a_search_that_found_nothing_no_command_is_sent(reader, place, card):
    place.remove()
    with pytest.raises(NoTagError):
        reader.reconnect()
    assert not lost(reader).outcome_unknown


def test_a_tag_lost_while_it_is_activated_is_no_tag(place, card):
    place.insert(card)
    with place.open() as reader:
        # SENS, SDD and SEL twice, and then RATS is not answered.
        place.air.picc = _Deaf(place.air.picc)
        with pytest.raises(NoTagError):
            reader.reconnect()


class _Deaf:
    """A tag that does not answer RATS."""

    def __init__(self, picc):
        self._picc = picc

    def frame(self, octets):
        return None if octets[0] == 0xE0 else self._picc.frame(octets)

    def field_off(self):
        self._picc.field_off()


# ---- which reader ---------------------------------------------------------------------------


def test_a_usb_device_that_is_not_there_is_no_reader():
    needs("nfc.clf")
    with pytest.raises(ReaderChoiceError):
        NfcpyReader.open("usb:250:120")


def test_a_serial_port_that_is_not_there_is_no_reader():
    needs("nfc.clf")
    with pytest.raises(ReaderChoiceError):
        NfcpyReader.open("tty:USB77:pn532")


def test_any_usb_reader_is_none_where_there_is_none():
    needs("nfc.clf")
    if nfcpy_readers():
        pytest.skip("there is one")
    with pytest.raises(ReaderChoiceError):
        NfcpyReader.open("usb")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENODEV, ReaderChoiceError),
        (errno.EACCES, ReaderRefusedError),
        (errno.EPERM, ReaderRefusedError),
        (errno.EBUSY, ReaderBusyError),
        (errno.EIO, TransportError),
    ],
)
def test_a_reader_that_does_not_open_says_why(number, kind):
    assert type(_open_error(OSError(number, os.strerror(number)), "usb:001:002")) is kind


# ---- no driver ------------------------------------------------------------------------------

HIDE_NFCPY = "import sys; sys.modules['nfc'] = None\n"
HIDE_LIBUSB = """
import ctypes, ctypes.util
class Hidden(ctypes.CDLL):
    def __init__(self, name, *rest, **options):
        if name and "usb" in name:
            raise OSError(name)
        super().__init__(name, *rest, **options)
ctypes.CDLL, ctypes.util.find_library = Hidden, lambda name: None
"""


@pytest.mark.parametrize("hide", [HIDE_NFCPY, HIDE_LIBUSB], ids=["nfcpy", "libusb"])
@pytest.mark.parametrize("path", ["usb", "usb:001:002"])
def test_without_a_driver_one_is_told_what_to_install(hide, path):
    needs("nfc.clf")
    code = hide + (
        "from ntag424 import errors, readers\n"
        f"try: readers.NfcpyReader.open({path!r})\n"
        "except errors.ReaderDriverMissingError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    assert b"apt-get install libusb-1.0-0 && pip install 'ntag424[nfcpy]'" in done.stdout
