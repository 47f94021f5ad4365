"""A vault of each test's own."""

from __future__ import annotations

import pytest

from ntag424 import KeyState
from tests.provisioning.vault.furniture import Place, master, stored


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    version = stored(1, master(1), KeyState.ACTIVE)
    return Place(tmp_path_factory.mktemp("prepared")).made(version)


@pytest.fixture
def place(prepared, tmp_path):
    """A vault with one key version, closed."""
    return prepared.twin(tmp_path)


@pytest.fixture
def vault(place):
    with place.open() as vault:
        yield vault
