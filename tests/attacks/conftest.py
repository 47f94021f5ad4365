"""What the attacks share: a real service in a process of its own, with one tag to tap."""

from __future__ import annotations

import asyncio

import pytest

from ntag424 import Uid
from tests.attacks.memory import Memory
from tests.service.conftest import anyio_backend, installation, prepared
from tests.service.running import serving

__all__ = ["anyio_backend", "installation", "prepared"]

UID = Uid.from_hex("04DE5F1EACC040")


@pytest.fixture
def attacked(installation):
    """An installation in which one tag is enrolled."""
    asyncio.run(installation.enrol(UID))
    return installation


@pytest.fixture
def service(attacked):
    with serving(attacked) as service:
        yield service


@pytest.fixture
def memory(service):
    """The memory of the service, from the moment in which it is ready."""
    return Memory(service.worker_pids[0])
