"""The service is killed under load: what it has told a client stays true."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest

from ntag424 import Uid
from tests.service.asking import BELIEVING, Wire
from tests.service.running import Service

pytestmark = pytest.mark.anyio

CLIENTS = 16
ATTEMPTS = 10
GONE = (OSError, asyncio.IncompleteReadError)


class Person:
    """Somebody with a tag, who taps again as soon as there is an answer."""

    def __init__(self, installation, uid):
        self.uid = uid
        self.phone = installation.tag(uid)
        #: URL and nonce of the tap whose answer has not come.
        self.pending = None
        #: URLs that earned a session, of all lives of the service.
        self.used = []
        #: Counter to the sessions that were told for it.
        self.sessions = defaultdict(set)

    async def tap(self, wire):
        self.pending = (self.phone.tap(), secrets.token_hex(16))
        await self.send(wire)

    async def send(self, wire):
        url, nonce = self.pending
        for _ in range(ATTEMPTS):
            answer = await wire.post_tap(url, nonce)
            if answer.status != 503:  # what a busy machine says; then ask again, as the page does
                break
        assert answer.status == 200, answer.body
        self.sessions[answer.members["counter"]].add(answer.members["session"])
        self.used.append(url)
        self.pending = None


async def tap_until_killed(service, people, kill_after):
    """Let everybody tap; kill the service after so many sessions."""
    earned = 0

    async def keep_tapping(person, wire):
        nonlocal earned
        try:
            while True:
                await person.tap(wire)
                earned += 1
                if earned == kill_after:
                    service.kill()
        except GONE:
            wire.abort()

    wires = [await Wire.open(service.port, as_proxy=True) for _ in people]
    await asyncio.gather(*(keep_tapping(*pair) for pair in zip(people, wires, strict=True)))


async def send_again_what_was_not_answered(service, people):
    async with AsyncExitStack() as stack:
        for person in people:
            wire = await Wire.open(service.port, as_proxy=True)
            stack.push_async_callback(wire.aclose)
            if person.pending is not None:
                await person.send(wire)


async def statuses_of(service, urls):
    """Post used taps once more, as somebody who found them."""
    wire = await Wire.open(service.port, as_proxy=True)
    answers = [await wire.post_tap(url, secrets.token_hex(16)) for url in urls]
    await wire.aclose()
    return {answer.status for answer in answers} - {503}


@pytest.mark.parametrize(
    ("kills", "workers"), [(10, 1), (8, 1), (2, 2)], ids=["10", "8", "2, of two workers"]
)
async def test_what_was_told_before_a_kill_stays_true(prepared, tmp_path, request, kills, workers):
    installation = prepared.copied_to(tmp_path / "installation", **BELIEVING)
    people = [
        Person(installation, Uid(b"\x04DIED" + number.to_bytes(2, "big")))
        for number in range(CLIENTS)
    ]
    await installation.enrol(*(person.uid for person in people))
    chance = random.Random(request.node.name)
    for life in range(kills + 1):
        service = Service(installation.settings, workers=workers)
        try:
            # Answers that the kill swallowed are given to whoever asks with the same nonce.
            await send_again_what_was_not_answered(service, people)
            used = [url for person in people for url in person.used]
            assert await statuses_of(service, used) <= {409}
            if life < kills:
                await tap_until_killed(service, people, kill_after=chance.randrange(20, 200))
        finally:
            service.kill()
    sessions = [told for person in people for told in person.sessions.values()]
    assert len(sessions) == len(used)
    assert {len(told) for told in sessions} == {1}
