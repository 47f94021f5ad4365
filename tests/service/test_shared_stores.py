"""Two nodes on one store across a network: they act as one, or say that they cannot."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, ExitStack

import pytest

from ntag424 import Uid
from tests.servers.postgres import PostgresServer, needs_postgres
from tests.servers.process import needs_redis
from tests.servers.redis_server import RedisServer
from tests.service.asking import Wire
from tests.service.running import Installation, run_command, serving

#: One process for all tests here: servers and services cost more than most of them.
pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("shared stores")]

STORES = {"redis": (RedisServer, needs_redis), "postgresql": (PostgresServer, needs_postgres)}


@pytest.fixture(scope="module", params=STORES)
def server(request):
    kind, needs = STORES[request.param]
    needs()
    with kind() as server:
        yield server


def url_of(server):
    return server.url() if callable(server.url) else server.url


@pytest.fixture(scope="module")
def installation(server, tmp_path_factory):
    return Installation.make(tmp_path_factory.mktemp("node"), NTAG424_STORE=url_of(server))


@pytest.fixture(scope="module")
def nodes(installation):
    with ExitStack() as stack:
        yield [stack.enter_context(serving(installation)) for _ in range(2)]


@pytest.fixture
async def wires(anyio_backend, nodes):
    async with AsyncExitStack() as stack:
        opened = [await Wire.open(node.port) for node in nodes]
        for wire in opened:
            stack.push_async_callback(wire.aclose)
        yield opened


@pytest.fixture
async def phone(anyio_backend, installation):
    """Enrol a new tag, and tap it whenever asked."""
    uid = Uid(b"\x04" + secrets.token_bytes(6))
    await installation.enrol(uid)
    return installation.tag(uid)


async def test_a_tap_that_one_node_accepted_is_a_replay_at_the_other(wires, phone):
    url = phone.tap()
    assert [(await wire.post_tap(url)).status for wire in wires] == [200, 409]


async def test_a_request_that_reaches_both_nodes_gets_one_answer(wires, phone):
    request = (phone.tap(), secrets.token_hex(16))
    answers = [await wire.post_tap(*request) for wire in wires]
    assert answers[0].body == answers[1].body


async def test_a_session_of_one_node_is_one_at_the_other(wires, phone):
    token = (await wires[0].post_tap(phone.tap())).members["session"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await wires[1].ask("GET", "/v1/session", headers=bearer)).status == 200


async def test_while_the_server_hangs_there_is_no_session(server, wires, phone):
    server.freeze()
    try:
        statuses = {(await wire.post_tap(phone.tap())).status for wire in wires}
    finally:
        server.thaw()
    assert statuses == {503}


async def test_when_the_server_goes_on_so_do_the_nodes(server, wires, phone):
    server.freeze()
    await wires[0].post_tap(phone.tap())
    server.thaw()
    nonce, url = secrets.token_hex(16), phone.tap()
    for _ in range(100):  # what a busy machine refuses, a person tries again
        if (answer := await wires[0].post_tap(url, nonce)).status != 503:
            break
    assert answer.status == 200


async def test_a_node_that_is_not_ready_says_so(server, wires):
    server.freeze()
    try:
        assert (await wires[0].ask("GET", "/readyz")).status == 503
    finally:
        server.thaw()


def test_a_redis_that_could_forget_is_not_served_from(tmp_path):
    needs_redis()
    with RedisServer() as server:
        made = Installation.make(tmp_path, NTAG424_STORE=server.url)
        server.client().config_set("maxmemory-policy", "allkeys-lru")
        refused = run_command("serve", settings=made.settings)
    assert (refused.returncode, "CONFIG SET maxmemory-policy noeviction" in refused.stderr) == (
        2,
        True,
    )


def test_a_postgresql_that_could_forget_is_not_served_from(tmp_path):
    needs_postgres()
    with PostgresServer() as server:
        made = Installation.make(tmp_path, NTAG424_STORE=server.url())
        server.set(synchronous_commit="off")
        refused = run_command("serve", settings=made.settings)
    assert (refused.returncode, "synchronous_commit" in refused.stderr) == (2, True)
