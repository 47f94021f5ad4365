"""A check asks what a tap asks: it fails whenever taps would."""

from __future__ import annotations

import asyncio

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Uid
from tests.ntag424.replay.postgres.speaking import NOW, tap

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

LOCKS = [
    *((table, "ACCESS EXCLUSIVE") for table in ("tag", "session", "store")),
    *((table, mode) for table in ("tag", "session") for mode in ("SHARE", "EXCLUSIVE")),
]


@pytest.fixture
async def enrolled(ledger):
    """A ledger that expects taps of 64 tags."""
    uids = [Uid(b"\x05" + number.to_bytes(6, "big")) for number in range(64)]
    for uid in uids:
        await ledger.enrol(uid, NOW, 0)
    ledger.uids = uids
    return ledger


@pytest.mark.parametrize(("table", "mode"), LOCKS)
async def test_a_check_fails_while_a_lock_keeps_taps_out(ledger, database, table, mode):
    await ledger.check()
    with database.transaction():
        database.execute(f"LOCK TABLE {table} IN {mode} MODE")
        with pytest.raises(LedgerUnavailableError):
            await ledger.check()
    assert await ledger.check() is None


@pytest.mark.parametrize("table", ["tag", "session"])
async def test_64_taps_fail_as_a_check_does(enrolled, database, table):
    with database.transaction():
        database.execute("LOCK TABLE tag IN SHARE MODE")
        calls = (enrolled.redeem(tap(1, uid)) for uid in enrolled.uids)
        answers = await asyncio.gather(*calls, enrolled.check(), return_exceptions=True)
    assert {type(answer) for answer in answers} == {LedgerUnavailableError}


@pytest.mark.parametrize("mode", ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE"])
async def test_a_check_passes_where_taps_do(ledger, database, mode):
    with database.transaction():
        database.execute(f"LOCK TABLE tag, session, store IN {mode} MODE")
        assert await ledger.check() is None


@pytest.mark.parametrize(("right", "table"), [("UPDATE", "tag"), ("INSERT", "session")])
async def test_a_check_fails_without_the_rights_of_a_tap(server, schema, store, right, table):
    server.ask(f"CREATE ROLE {schema} LOGIN")
    server.ask(f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        server.ask(f"GRANT ALL ON ALL {kind} IN SCHEMA {schema} TO {schema}")
    theirs = type(store).at(server.url(schema).replace("postgres@", f"{schema}@"))
    other = theirs.open("5e" * 16)
    await other.check()
    server.ask(f"REVOKE {right} ON {schema}.{table} FROM {schema}")
    with pytest.raises(LedgerUnavailableError, match="permission denied"):
        await other.check()
    await other.aclose()


async def test_checks_leave_everything_as_it_was(used, database):
    query = "SELECT (SELECT count(*) FROM tag), (SELECT count(*) FROM session), last_value FROM "
    before = database.execute(f"{query} revision").fetchall()
    for _ in range(3):
        await used.check()
    assert database.execute(f"{query} revision").fetchall() == before


async def test_checks_do_not_wait_for_each_other(ledger, database):
    with database.transaction():
        database.execute("SELECT FROM store FOR UPDATE")
        assert await ledger.check() is None
