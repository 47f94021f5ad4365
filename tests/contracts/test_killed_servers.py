"""A server is killed while clients redeem: whatever was told, a tap earns one session."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from contextlib import AsyncExitStack

import pytest

from ntag424.model import Generation, Uid
from ntag424.replay import Accepted, Grant, Repeated, place_of
from ntag424.sdm import CountedTap
from tests.contracts.conftest import EACH, STORE_ID
from tests.contracts.history import Recorder, violations

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")
NOW = Generation(1, 2)
CLIENTS, NODES = 64, 2
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
#: Where several servers must find each other again, a round takes seconds.
ROUNDS = 40
ROUNDS_WITH_MANY_SERVERS = 40 if NIGHTLY else 4
#: A SQLite ledger has no server; its processes are killed in tests/ntag424/replay.
SERVED = [each for each in EACH if each.values != ("sqlite",)]


class Client:
    """Somebody who asks again, with the same nonce, until the ledger answers."""

    def __init__(self, recorder, ledger):
        self._recorder = recorder
        self._ledger = ledger
        self.nonce = secrets.token_bytes(16)
        self.grant = Grant(place_of(STORE_ID, UID) + self.nonce + bytes(14), 300)

    async def redeem(self, tap):
        """Return whether it earned a session."""
        arguments = {"nonce": self.nonce, "grant": self.grant}
        while (verdict := await self._recorder.redeem(self._ledger, tap, **arguments)) is None:
            await asyncio.sleep(0.01)  # the server is down, and nothing tells when it is up
        return isinstance(verdict, Accepted | Repeated)


async def crash_after(calls, number, deployment):
    """Let *number* of the calls be answered, then kill the server."""
    waiting = set(calls)
    while len(waiting) > len(calls) - number:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(deployment.crash)


async def play_round(deployment, recorder, ledgers, counter, answered):
    """Let all clients redeem one tap while the server is killed; count the sessions."""
    clients = [Client(recorder, ledgers[number % NODES]) for number in range(CLIENTS)]
    tap = CountedTap(UID, NOW, counter)
    calls = [asyncio.ensure_future(client.redeem(tap)) for client in clients]
    await crash_after(calls, answered, deployment)
    return sum(await asyncio.gather(*calls))


def rounds_on(deployment):
    return ROUNDS if deployment.is_one_server else ROUNDS_WITH_MANY_SERVERS


@pytest.mark.parametrize("deployment", SERVED, indirect=True)
async def test_a_killed_server_gives_no_tap_to_two_clients(deployment, request):
    chance = random.Random(request.node.name)
    store, recorder = await deployment.new_store(STORE_ID), Recorder()
    async with AsyncExitStack() as stack:
        ledgers = [store.open(STORE_ID) for _ in range(NODES)]
        for ledger in ledgers:
            stack.push_async_callback(ledger.aclose)
        await ledgers[0].enrol(UID, NOW, 0)
        sessions = [
            await play_round(deployment, recorder, ledgers, counter, chance.randrange(CLIENTS))
            for counter in range(1, rounds_on(deployment) + 1)
        ]
    assert max(sessions) == 1
    assert violations(recorder.history) == []
