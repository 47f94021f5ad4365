"""Over PC/SC: which reader is used, and what each of its refusals means for a command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ntag424.apdu import Status
from ntag424.errors import (
    NoTagError,
    ReaderBusyError,
    ReaderChoiceError,
    ReaderRefusedError,
    ReaderServiceError,
    TagChangedError,
    TransportError,
)
from ntag424.readers import PcscReader, pcsc_readers
from ntag424.readers._scard import connect_error, transmit_error
from ntag424.testing.doors import Loss, VirtualCard
from tests.readers.cards import GET_VERSION, UID, FixedCard, RecordingCard
from tests.readers.conftest import needs
from tests.readers.private_pcscd import NAME, READERS, PrivatePcscd

pytestmark = pytest.mark.xdist_group("pcscd")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(pcsc_place):
    return pcsc_place


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


# ---- which reader ---------------------------------------------------------------------------


def test_all_readers_are_named(pcscd):
    assert pcsc_readers() == list(READERS)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_opens_by_its_whole_name(pcscd, name):
    with PcscReader.open(name) as reader:
        assert reader.name == name


def test_a_reader_opens_by_what_only_its_name_contains_in_any_case(pcscd):
    with PcscReader.open("bENCH 00 01") as reader:
        assert reader.name == READERS[1]


def test_a_name_that_fits_several_readers_opens_none(pcscd):
    with pytest.raises(ReaderChoiceError) as caught:
        PcscReader.open("bench")
    assert caught.value.candidates == READERS


def test_a_name_that_fits_no_reader_is_answered_with_those_there_are(pcscd):
    with pytest.raises(ReaderChoiceError) as caught:
        PcscReader.open("ACR1252")
    assert caught.value.candidates == READERS


@pytest.mark.parametrize("name", ["bench", "ACR1252"])
def test_the_readers_one_can_choose_from_are_in_the_text(pcscd, name):
    with pytest.raises(ReaderChoiceError, match=f"'{NAME} 00 00', '{NAME} 00 01'"):
        PcscReader.open(name)


# ---- whose reader ---------------------------------------------------------------------------


def test_while_a_tag_is_connected_nobody_else_gets_it(reader, place):
    with place.open() as second, pytest.raises(ReaderBusyError):
        second.reconnect()


def test_a_lost_tag_is_kept_from_others_until_it_is_recognised(reader, place):
    place.lose(Loss.COMMAND)
    lost(reader)
    with place.open() as second, pytest.raises(ReaderBusyError):
        second.reconnect()


def test_a_reader_that_was_closed_is_free_for_others(reader, place):
    reader.close()
    with place.open() as second:
        assert second.wait_for_tag(5) == UID


# ---- which tag ------------------------------------------------------------------------------


def test_a_reader_that_tells_no_uid_has_none(place, card):
    place.insert(card, tells_uid=False)
    with place.open() as reader:
        assert reader.wait_for_tag(5) is None


def test_without_a_uid_a_tag_works_until_it_is_lost(place, card):
    place.insert(card, tells_uid=False)
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert reader.transmit(GET_VERSION).status == Status.ADDITIONAL_FRAME


def test_without_a_uid_a_lost_tag_is_not_recognised(place, card):
    place.insert(card, tells_uid=False)
    with place.open() as reader:
        reader.wait_for_tag(5)
        with pytest.raises(TagChangedError):
            reader.reconnect()


def test_a_tag_that_comes_while_one_waits_is_connected(place, card):
    with place.open() as reader:
        # pcscd notices it at its next look, up to 400 ms from now.
        place.lay_down(card)
        assert reader.wait_for_tag(5) == UID


# ---- what became of the command -------------------------------------------------------------


@pytest.mark.parametrize("loss", Loss)
def test_contact_lost_in_mid_exchange_is_reported_as_not_transacted(reader, place, loss):
    place.lose(loss)
    assert "0x80100016" in str(lost(reader))


@pytest.mark.parametrize("loss", Loss)
def test_an_empty_answer_leaves_the_outcome_open(reader, place, loss):
    place.lose(loss, abort=False)
    error = lost(reader)
    assert error.outcome_unknown, error


def test_an_answer_too_short_for_a_status_leaves_the_outcome_open(place):
    place.insert(FixedCard(b"\x90"))
    with place.open() as reader:
        reader.wait_for_tag(5)
        assert lost(reader).outcome_unknown


def test_a_tag_that_is_gone_before_pcscd_noticed_leaves_the_outcome_open(reader, place):
    place.take_away()
    assert lost(reader).outcome_unknown


def test_a_tag_that_pcscd_knows_is_gone_did_not_execute(reader, place):
    place.remove()
    assert not lost(reader).outcome_unknown


def test_a_tag_that_was_back_before_one_asked_did_not_execute(reader, place, card):
    place.remove()
    place.insert(card)
    assert not lost(reader).outcome_unknown


@pytest.mark.parametrize("code", [0x80100068, 0x80100069])
def test_pcscds_own_refusals_are_certain(code):
    assert not transmit_error(code, "").outcome_unknown


@pytest.mark.parametrize(
    "code",
    [0x80100001, 0x8010000C, 0x80100013, 0x80100016, 0x80100017, 0x8010001D, 0x8010002F],
)
def test_what_may_come_from_the_reader_is_not_certain(code):
    assert transmit_error(code, "").outcome_unknown


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x80100009, ReaderChoiceError),
        (0x80100017, ReaderChoiceError),
        (0x8010002E, ReaderChoiceError),
        (0x8010000B, ReaderBusyError),
        (0x8010000C, NoTagError),
        (0x80100066, NoTagError),
        (0x80100067, NoTagError),
        (0x80100069, NoTagError),
        (0x8010001D, ReaderServiceError),
        (0x8010001E, ReaderServiceError),
        (0x80100013, ReaderRefusedError),
        (0x80100027, ReaderRefusedError),
        (0x8010006A, ReaderRefusedError),
        (0x8010000F, TransportError),
    ],
)
def test_a_refusal_to_connect_is_told_by_its_kind(code, kind):
    assert type(connect_error(code, "", "some reader")) is kind


def test_a_refusal_to_connect_leaves_no_command_open():
    assert not connect_error(0x8010000F, "").outcome_unknown


# ---- no pcscd -------------------------------------------------------------------------------


def program(*arguments, socket):
    """Start a program of its own: a process looks for pcscd's socket only once."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.readers.pcsc_program", *arguments],
        cwd=ROOT,
        env=os.environ | {"PCSCLITE_CSOCK_NAME": socket},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_pcscd_one_is_told_to_start_it():
    needs("smartcard.scard")
    told, errors = program("list", socket="/nonexistent/comm").communicate()
    assert told == "ReaderServiceError\n", errors


def test_a_pcscd_that_ends_leaves_the_outcome_open(pcscd):
    with PrivatePcscd() as daemon, VirtualCard(RecordingCard(), daemon.port):
        daemon.wait_for_card(READERS[0], present=True)
        with program("transmit", READERS[0], socket=daemon.path) as process:
            assert process.stdout.readline() == "connected\n"
            daemon.stop()
            told, errors = process.communicate("go\n")
    assert told == "TransportError outcome_unknown=True\n", errors


@pytest.mark.parametrize("hidden", ["smartcard", "smartcard.scard"])
def test_without_pyscard_one_is_told_what_to_install(hidden):
    code = (
        f"import sys; sys.modules[{hidden!r}] = None; from ntag424 import errors, readers\n"
        "try: readers.pcsc_readers()\n"
        "except errors.ReaderDriverMissingError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    for part in (
        b"apt-get install pcscd libccid libpcsclite-dev gcc python3-dev",
        b"pip install 'ntag424[pcsc]'",
    ):
        assert part in done.stdout


def test_importing_the_readers_imports_no_driver():
    code = "import sys, ntag424.readers; print({'smartcard', 'nfc', 'usb1'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    assert done.stdout == b"set()\n"


# ---- the door -------------------------------------------------------------------------------


def test_no_answer_waits_for_a_delayed_acknowledgement(reader):
    # Linux delays one by 40 ms; without a delay an answer takes far below 1 ms.
    assert min(seconds(reader) for _ in range(20)) < 0.02


def seconds(reader):
    start = time.perf_counter()
    reader.transmit(GET_VERSION)
    return time.perf_counter() - start
