"""What the tests of the PostgreSQL ledger speak of."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import Grant, TagState
from ntag424.sdm import CountedTap

UID = Uid.from_hex("04A1B2C3D4E5F6")
OTHER = Uid.from_hex("04A1B2C3D4E5F7")
NOW, NEXT = Generation(1, 2), Generation(1, 3)
NONCE = b"\x01" * 16
GRANT = Grant(b"g" * 32, 300)
STORE_ID = "5e" * 16
#: No machine is so busy that an answer takes longer.
PATIENT = 60.0

CALLS = [
    pytest.param(lambda ledger: ledger.redeem(tap(1)), id="redeem"),
    pytest.param(lambda ledger: ledger.enrol(UID, NEXT, 0), id="enrol"),
    pytest.param(lambda ledger: ledger.set_state(UID, TagState.SUSPENDED), id="set_state"),
    pytest.param(lambda ledger: ledger.find(UID), id="find"),
    pytest.param(lambda ledger: ledger.grant(GRANT.digest), id="grant"),
    pytest.param(lambda ledger: ledger.revoke(GRANT.digest), id="revoke"),
    pytest.param(lambda ledger: ledger.check(), id="check"),
]


def tap(counter, uid=UID):
    return CountedTap(uid, NOW, counter)


@asynccontextmanager
async def opened(store, store_id=STORE_ID, clock=None, witness=None, deadline=PATIENT):
    ledger = store.open(store_id, clock=clock, witness=witness, deadline=deadline)
    try:
        yield ledger
    finally:
        await ledger.aclose()


def with_settings(url, **settings):
    """Return the URL that has these set for its connections."""
    escaped = {name: value.replace(" ", r"\ ") for name, value in settings.items()}
    options = " ".join(f"-c {name}={value}" for name, value in escaped.items())
    return f"{url}&options={quote(options)}"


async def until_raised(error, call):
    """Ask until *error* is the answer, and return it."""
    async with asyncio.timeout(30):
        while True:
            try:
                await call()
            except error as raised:
                return raised
            await asyncio.sleep(0.01)


async def until_answered(call):
    """Ask until there is an answer."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await call()
            except LedgerUnavailableError:
                await asyncio.sleep(0.01)


async def until_waiting(database, count=1):
    """Return once so many wait for a lock."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while database.execute(query).fetchone() != (count,):
        await asyncio.sleep(0.01)
