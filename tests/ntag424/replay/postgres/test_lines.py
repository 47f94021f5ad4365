"""Ways to the server other than a plain connection over loopback."""

from __future__ import annotations

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.replay import Accepted, EnrolmentPolicy, Grant
from ntag424.replay.postgres import PostgresStore
from tests.ntag424.replay.postgres.speaking import STORE_ID, opened, tap
from tests.servers.certificates import Certificates
from tests.servers.postgres import SecuredPostgresServer, needs_postgres

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

OPEN = EnrolmentPolicy.OPEN


@pytest.fixture(scope="module")
def secured():
    needs_postgres()
    with SecuredPostgresServer() as server:
        yield server


@pytest.fixture(params=["TLS and a password", "a socket"])
def way(request):
    """Return a server, and the URL of a ledger in it."""
    schema = request.getfixturevalue("schema")
    if request.param == "a socket":
        server = request.getfixturevalue("server")
        place = f"host={server.folder}&port={server.port}&user=postgres"
        return server, f"postgresql:///postgres?{place}&schema={schema}"
    server = request.getfixturevalue("secured")
    return server, server.url(schema)


@pytest.fixture
async def ledger(way):
    _, url = way
    place = PostgresStore.at(url)
    await place.init(store_id=STORE_ID)
    async with opened(place) as ledger:
        yield ledger


async def test_taps_are_accepted_every_way(ledger):
    verdict = await ledger.redeem(tap(1), grant=Grant(b"g" * 32, 300), policy=OPEN)
    assert isinstance(verdict, Accepted)


async def test_one_connection_serves_for_many_taps(way, ledger):
    server, _ = way
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ntag424' ORDER BY pid"
    await ledger.check()
    before = server.ask(query)
    for counter in range(1, 10):
        await ledger.redeem(tap(counter), policy=OPEN)
    assert server.ask(query) == before


async def test_a_server_that_hangs_is_waited_for_no_way(way, ledger):
    server, _ = way
    await ledger.check()
    server.freeze()
    try:
        with pytest.raises(LedgerUnavailableError):
            await ledger.redeem(tap(1), policy=OPEN)
    finally:
        server.thaw()
    assert await ledger.redeem(tap(2), policy=OPEN) == Accepted()


async def test_a_server_that_came_back_is_used_every_way(way, ledger):
    server, _ = way
    await ledger.check()
    server.kill()
    server.start()
    assert await ledger.redeem(tap(1), policy=OPEN) == Accepted()


async def test_a_server_that_cannot_prove_who_it_is_is_not_used(secured, tmp_path):
    others = Certificates.make(tmp_path).authority
    url = secured.url().replace(str(secured.certificates.authority), str(others))
    with pytest.raises(LedgerUnavailableError, match="certificate verify failed"):
        await PostgresStore.at(url).init()


async def test_without_tls_the_server_lets_nobody_in(secured):
    url = secured.url().replace("verify-full", "disable")
    with pytest.raises(LedgerUnavailableError, match="no encryption"):
        await PostgresStore.at(url).init()


async def test_a_wrong_password_is_not_told(secured, tmp_path):
    passfile = tmp_path / "passwords"
    passfile.touch(0o600)
    passfile.write_text("*:*:*:ledger:hunter2\n")
    url = secured.url().replace(str(secured.passfile), str(passfile))
    with pytest.raises(LedgerUnavailableError, match="password authentication failed") as failure:
        await PostgresStore.at(url).init()
    assert "hunter2" not in str(failure.value)
