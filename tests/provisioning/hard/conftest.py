"""What all of these tests stand on: command lines that are born fast, and a house to copy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.provisioning.hard.houses import House, Mother


@pytest.fixture(scope="module")
def mother():
    mother = Mother()
    yield mother
    mother.close()


@pytest.fixture(scope="module")
def new_house(mother, tmp_path_factory):
    """Have a vault whose keys are backed up, and a blank tag."""
    return House.build(tmp_path_factory.mktemp("house") / "new", mother.run)


@pytest.fixture
def scratch():
    """Give a folder in memory: what a killed process leaves is in memory in any case."""
    memory = Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ntag424-", dir=folder) as name:
        yield Path(name)
