"""A service that enrols tags, on a socket of its own."""

from __future__ import annotations

import logging

import pytest
import structlog
from ntag424_service.operations.log import configure_logging

from tests.provisioning.enrolment.desk import Desk


@pytest.fixture(autouse=True)
def _quiet_logs():
    configure_logging(logging.CRITICAL)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """One for all tests, which take tags of their own."""
    with Desk.make(tmp_path_factory.mktemp("desk")).opened() as desk:
        yield desk


@pytest.fixture
def own_desk(tmp_path):
    """One that a test may break."""
    with Desk.make(tmp_path / "own").opened() as desk:
        yield desk
