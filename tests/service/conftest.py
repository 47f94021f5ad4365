"""What the tests of the service share."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import pytest
import structlog
from ntag424_service.operations.log import configure_logging

from tests.service.house import PRESENT_GENERATION, UID, build_house
from tests.service.running import Installation


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _quiet_logs():
    """Tap lines of in-process services go nowhere; the real service's are read elsewhere."""
    configure_logging(logging.CRITICAL)
    yield
    structlog.reset_defaults()


@pytest.fixture
async def open_house(anyio_backend, tmp_path_factory):
    """Open any number of services, each on a ledger of its own."""
    async with AsyncExitStack() as stack:

        def build(**options):
            house = build_house(tmp_path_factory.mktemp("house"), **options)
            stack.push_async_callback(house.ledger.aclose)
            return house

        yield build


@pytest.fixture
async def house(open_house):
    """One service with one tag enrolled."""
    house = open_house()
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    return house


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Files that the real `init` made, to be copied and not to be used."""
    return Installation.make(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def installation(prepared, tmp_path):
    return prepared.copied_to(tmp_path / "installation")
