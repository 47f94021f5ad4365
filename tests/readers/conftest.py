"""Readers without hardware: a private pcscd with a virtual reader, and nfcpy over UDP.

Where a stack cannot be had, its tests are skipped and say why; with CI=true they fail.
"""

from __future__ import annotations

import importlib
import itertools
import os

import pytest

from tests.readers.cards import RecordingCard
from tests.readers.places import PATIENT_FWI, NfcpyPlace, PcscPlace
from tests.readers.private_pcscd import PrivatePcscd, UnavailableError

_SOCKET = "PCSCLITE_CSOCK_NAME"


def unavailable(reason):
    """Skip, or fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def needs(module):
    try:
        importlib.import_module(module)
    except ImportError as error:
        unavailable(str(error))


@pytest.fixture(scope="session")
def pcscd():
    """Start a pcscd and point this process to it, once: libpcsclite looks only once."""
    needs("smartcard.scard")
    try:
        daemon = PrivatePcscd()
    except UnavailableError as error:
        unavailable(f"no pcscd: {error}")
    with daemon, pytest.MonkeyPatch.context() as environment:
        environment.setenv(_SOCKET, daemon.path)
        yield daemon


@pytest.fixture(scope="session")
def slots():
    """Give the slots in turn: pcscd looks after one while a test uses the other."""
    return itertools.cycle([0, 1])


@pytest.fixture
def pcsc_place(pcscd, slots):
    place = PcscPlace(pcscd, next(slots))
    yield place
    place.close()


@pytest.fixture
def nfcpy_place():
    needs("nfc.clf")
    place = NfcpyPlace()
    yield place
    place.close()


@pytest.fixture
def patient_place():
    """Give a field in which nfcpy is never in a hurry."""
    needs("nfc.clf")
    place = NfcpyPlace(PATIENT_FWI)
    yield place
    place.close()


@pytest.fixture
def card():
    return RecordingCard()
