"""A machine made up, in which nothing is connected and nothing installed."""

import pytest

from tests.provisioning.links.program import machine_in
from tests.readers.conftest import nfcpy_place, patient_place

__all__ = ["nfcpy_place", "patient_place"]


@pytest.fixture
def machine(tmp_path):
    return machine_in(tmp_path)
