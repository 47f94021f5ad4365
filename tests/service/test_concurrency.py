"""Two worker processes, many clients at once: one tap is one session."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from ntag424 import Uid
from tests.service.asking import BELIEVING, Answer, Wire
from tests.service.running import serving

#: One service for all tests here: starting it costs more than most of them.
pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("two worker processes")]

CLIENTS = 64
LANES = 16


@pytest.fixture(scope="module")
def installation(prepared, tmp_path_factory):
    return prepared.copied_to(tmp_path_factory.mktemp("concurrency") / "made", **BELIEVING)


@pytest.fixture(scope="module")
def service(installation):
    with serving(installation, workers=2) as service:
        yield service


@pytest.fixture
async def uid(anyio_backend, installation):
    """Enrol a new tag."""
    uid = Uid(b"\x04" + secrets.token_bytes(6))
    await installation.enrol(uid)
    return uid


@pytest.fixture
async def wires(anyio_backend, service):
    """Open 64 connections: 32 are served by one process and 32 by the other."""
    one, other = service.worker_pids
    async with AsyncExitStack() as stack:
        opened = []
        for waiting, serving_one in ((one, other), (other, one)):
            # A stopped process accepts no connection, so the other one gets them all.
            os.kill(waiting, signal.SIGSTOP)
            try:
                for _ in range(CLIENTS // 2):
                    wire = await Wire.open(service.port, as_proxy=True)
                    stack.push_async_callback(wire.aclose)
                    assert (await wire.ask("GET", "/livez")).status == 200
                    opened.append(wire)
                assert sockets(serving_one) >= CLIENTS // 2
            finally:
                os.kill(waiting, signal.SIGCONT)
        yield opened


def sockets(pid):
    """Count the sockets that a process holds."""
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.startswith("socket:") for link in links)


@dataclass(frozen=True)
class Call:
    """One request as its client saw it."""

    started: float
    ended: float
    answer: Answer

    @property
    def accepted_counter(self):
        return self.answer.members["counter"] if self.answer.status == 200 else None


async def call(wire, url, nonce=None):
    started = time.monotonic()
    answer = await wire.post_tap(url, nonce)
    return Call(started, time.monotonic(), answer)


async def at_once(wires, requests):
    """Send every request on a connection of its own, all at once."""
    return await asyncio.gather(
        *(call(wire, *request) for wire, request in zip(wires, requests, strict=False))
    )


@pytest.mark.parametrize("with_nonces", [False, True], ids=["no nonce", "a nonce each"])
async def test_of_64_copies_of_a_tap_exactly_one_earns_a_session(
    installation, uid, wires, with_nonces
):
    phone = installation.tag(uid)
    rounds = []
    for _ in patiently(rounds, 100):
        url = phone.tap()
        copies = [(url, secrets.token_hex(16) if with_nonces else None) for _ in wires]
        calls = await at_once(wires, copies)
        statuses = sorted(made.answer.status for made in calls)
        assert statuses.count(200) <= 1
        if not in_trouble(calls):
            rounds.append(statuses)
    assert rounds == [[200] + [409] * (CLIENTS - 1)] * 100


def patiently(rounds, wanted):
    """Go on until *rounds* has so many; as many again may have been in trouble meanwhile."""
    for _ in range(2 * wanted):
        if len(rounds) == wanted:
            return
        yield
    pytest.fail(f"only {len(rounds)} of {2 * wanted} rounds went without trouble")


def in_trouble(calls):
    """Whether the store missed its deadline, as it may on a busy machine: then the tap is lost."""
    return any(made.answer.status == 503 for made in calls)


async def test_counters_are_accepted_in_rising_order_and_the_highest_is_kept(
    installation, uid, wires
):
    phone = installation.tag(uid)
    shuffled = random.Random(424)
    rounds = []
    async with installation.ledger() as beside:
        for _ in patiently(rounds, 100):
            urls = [phone.tap() for _ in wires]
            shuffled.shuffle(urls)
            calls = await in_lanes(wires[:: CLIENTS // LANES], urls)
            assert {made.answer.status for made in calls} <= {200, 409, 503}
            assert in_the_wrong_order(calls) == []
            kept = (await beside.find(uid)).counter
            if not in_trouble(calls):
                rounds.append(kept)
                assert kept == phone.tag.read_counter
            assert kept >= max((made.accepted_counter or 0) for made in calls)


async def in_lanes(wires, urls):
    """Send *urls* over a few connections: side by side, but one after the other on each."""

    async def lane(wire, share):
        return [await call(wire, url) for url in share]

    shares = [urls[number :: len(wires)] for number in range(len(wires))]
    lanes = await asyncio.gather(*map(lane, wires, shares))
    return [made for calls in lanes for made in calls]


def in_the_wrong_order(calls):
    """Give the pairs of accepted taps of which the later had no higher counter."""
    accepted = [made for made in calls if made.answer.status == 200]
    found = []
    for one, other in combinations(accepted, 2):
        for first, second in ((one, other), (other, one)):
            in_turn = first.ended < second.started
            equal = first.accepted_counter == second.accepted_counter
            if equal or (in_turn and first.accepted_counter > second.accepted_counter):
                found.append((first, second))
    return found


async def test_the_order_check_finds_a_counter_that_goes_back():
    answers = [Answer(200, {}, b'{"counter": %d}' % counter) for counter in (7, 6)]
    calls = [Call(time, time + 0.5, answer) for time, answer in enumerate(answers)]
    assert in_the_wrong_order(calls) == [tuple(calls)]


async def test_one_request_sent_16_times_at_once_is_one_session(installation, uid, wires):
    phone = installation.tag(uid)
    some = wires[:: CLIENTS // 16]
    sessions = []
    for _ in patiently(sessions, 25):
        request = (phone.tap(), secrets.token_hex(16))
        calls = await at_once(some, [request] * 16)
        late = await call(some[0], request[0], secrets.token_hex(16))
        if in_trouble([*calls, late]):
            continue
        answers = {(made.answer.status, made.answer.body) for made in calls}
        sessions.append(answers)
        assert {status for status, _ in answers} == {200}
        assert late.answer.status == 409
    assert {len(answers) for answers in sessions} == {1}
    assert len(set.union(*sessions)) == 25
