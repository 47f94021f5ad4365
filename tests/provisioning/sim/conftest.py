"""A shelf with one blank tag, alice."""

from __future__ import annotations

import pytest
from ntag424_provisioning.sim import Shelf

from tests.provisioning.sim.shelves import UID


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "sim")
    shelf.make("alice", UID, with_tamper_loop=False)
    return shelf
