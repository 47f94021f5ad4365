"""Attack: the process that started the workers is killed, by the OOM killer or by hand.

Workers that go on serving hold the port, so that the service cannot be started again, and
serve for ever with keys and settings that nobody can change any more.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.service.asking import Wire
from tests.service.running import Installation, Service


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def installation(tmp_path):
    return Installation.make(tmp_path)


@pytest.mark.anyio
async def test_workers_of_a_killed_parent_stop_and_leave_the_port(installation):
    service = Service(installation.settings, workers=2)
    assert service.end_by(signal.SIGKILL) == -signal.SIGKILL
    again = Service(installation.settings, workers=2, port=service.port)
    wire = await Wire.open(again.port)
    assert (await wire.ask("GET", "/readyz")).status == 200
    await wire.aclose()
    again.stop()


def test_workers_of_a_killed_parent_tidy_up(installation):
    service = Service(installation.settings, workers=2)
    service.end_by(signal.SIGKILL)
    assert str(service.stderr).count("Application shutdown complete") == 2
    assert "Traceback" not in str(service.stderr)
    assert [path.name for path in installation.folder.glob("ledger.db*")] == ["ledger.db"]


def test_a_killed_parent_leaves_no_worker_that_was_only_starting(installation):
    service = Service(installation.settings, workers=2)
    os.kill(service.worker_pids[0], signal.SIGKILL)
    service.stderr.wait_for("died")
    # It sees to it that no process of the service is left. What a Python says whose parent
    # vanishes while it hands over the work, is Python's own affair.
    service.end_by(signal.SIGKILL)
