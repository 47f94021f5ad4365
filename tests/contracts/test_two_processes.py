"""Service nodes act as one: of 64 clients of two processes, one has the tap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.contracts import client_process
from tests.contracts.client_process import NOW, UID
from tests.contracts.conftest import PATIENT, STORE_ID

pytestmark = pytest.mark.anyio

CLIENTS, ROUNDS = 64, 200
ROOT = Path(__file__).parents[2]


@contextmanager
def clients(url, number):
    """Run a share of the clients."""
    command = [sys.executable, client_process.__file__, url, STORE_ID, str(number)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def redeem_everywhere(processes, counter):
    """Let all clients of all processes redeem one tap; count what they were told."""
    for process in processes:
        process.stdin.write(f"{counter}\n")
    for process in processes:
        process.stdin.flush()
    told = (Counter(json.loads(process.stdout.readline())) for process in processes)
    return sum(told, Counter())


async def test_of_64_clients_of_two_processes_exactly_one_has_the_tap(deployment):
    store = await deployment.new_store(STORE_ID)
    ledger = store.open(STORE_ID, deadline=PATIENT)
    await ledger.enrol(UID, NOW, 0)
    await ledger.aclose()
    with ExitStack() as stack:
        processes = [stack.enter_context(clients(deployment.last, CLIENTS // 2)) for _ in "ab"]
        rounds = [redeem_everywhere(processes, counter) for counter in range(1, ROUNDS + 1)]
    assert rounds == [Counter(Accepted=1, Replayed=CLIENTS - 1)] * ROUNDS
