"""What every `LedgerStore` and `LedgerArchive` promises; knows of no store."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from ntag424_service.operations.move import move

from ntag424.errors import LedgerError, LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import (
    Accepted,
    Grant,
    Phase,
    Replayed,
    TagRecord,
    TagState,
    place_of,
    store_at,
)
from ntag424.sdm import CountedTap
from tests.contracts.conftest import EACH, PATIENT, STORE_ID

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")
OLD, NOW, NEXT = Generation(1, 1), Generation(1, 2), Generation(1, 3)
RECORD = TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=True)
NOT_SERVING = [Phase.FILLING, Phase.LEAVING, Phase.SEALED]


def tap(counter, generation=NOW):
    return CountedTap(UID, generation, counter)


def grant(counter):
    return Grant(place_of(STORE_ID, UID) + bytes([counter]) * 30, 300)


@pytest.fixture
def place(deployment):
    """A place where nothing is yet."""
    return store_at(deployment.url())


@pytest.fixture
async def archive(anyio_backend, place):
    await place.init(store_id=STORE_ID, phase=Phase.FILLING)
    archive = await place.archive(STORE_ID)
    yield archive
    await archive.aclose()


@pytest.fixture
async def open_ledger(anyio_backend, place):
    opened = []

    def open_ledger():
        opened.append(place.open(STORE_ID, deadline=PATIENT))
        return opened[-1]

    yield open_ledger
    for ledger in opened:
        await ledger.aclose()


def numbered(number):
    return Uid(b"\x04" + number.to_bytes(6, "big"))


async def records_of(archive):
    return [record async for page in archive.records() for record in page]


# --- making


async def test_a_new_ledger_has_an_id_of_its_own(place):
    store_id = await place.init()
    assert len(bytes.fromhex(store_id)) == 16


async def test_a_ledger_is_made_under_the_id_that_is_given(place):
    assert await place.init(store_id=STORE_ID) == STORE_ID


async def test_a_ledger_is_never_made_where_one_is(place):
    await place.init()
    with pytest.raises(LedgerMismatchError):
        await place.init()


async def test_a_ledger_that_is_up_to_date_needs_no_step(place):
    await place.init()
    assert await place.migrate() == 0


async def test_where_there_is_no_ledger_none_is_opened(open_ledger):
    with pytest.raises(LedgerError):
        await open_ledger().check()


async def test_the_ledger_of_another_service_is_not_opened(place, open_ledger):
    await place.init()
    with pytest.raises(LedgerError):
        await open_ledger().check()


async def test_where_there_is_no_ledger_there_is_no_archive(place):
    with pytest.raises(LedgerMismatchError):
        await place.archive(STORE_ID)


# --- phases


@pytest.mark.parametrize("phase", Phase)
async def test_an_archive_tells_the_phase(archive, phase):
    await archive.enter(phase)
    assert await archive.phase() is phase


@pytest.mark.parametrize("phase", NOT_SERVING)
async def test_a_ledger_that_does_not_serve_is_not_opened(archive, open_ledger, phase):
    await archive.enter(phase)
    with pytest.raises(LedgerError):
        await open_ledger().check()


@pytest.mark.parametrize("phase", NOT_SERVING)
async def test_whoever_has_the_ledger_open_obeys_at_once(archive, open_ledger, phase):
    await archive.merge([RECORD])
    await archive.enter(Phase.SERVING)
    ledger = open_ledger()
    await ledger.redeem(tap(8), grant=grant(8))
    await archive.enter(phase)
    calls = [
        lambda: ledger.redeem(tap(9)),
        lambda: ledger.enrol(UID, NEXT, 0),
        lambda: ledger.set_state(UID, TagState.SUSPENDED),
        lambda: ledger.find(UID),
        lambda: ledger.grant(grant(8).digest),
        lambda: ledger.revoke(grant(8).digest),
        ledger.check,
    ]
    refused = []
    for call in calls:
        try:
            await call()
        except LedgerUnavailableError:
            refused.append(call)
    assert refused == calls


async def test_a_ledger_that_serves_again_goes_on(archive, open_ledger):
    await archive.merge([RECORD])
    await archive.enter(Phase.SERVING)
    ledger = open_ledger()
    await ledger.redeem(tap(8))
    await archive.enter(Phase.SEALED)
    await archive.enter(Phase.SERVING)
    assert [await ledger.redeem(tap(counter)) for counter in (8, 9)] == [Replayed(), Accepted()]


# --- records


async def test_a_new_ledger_has_no_records(archive):
    assert (await archive.count(), await records_of(archive)) == (0, [])


async def test_records_come_out_as_they_went_in(archive):
    kinds = product(TagState, [True, False])
    records = {
        replace(RECORD, uid=numbered(number), state=state, enrolled=enrolled)
        for number, (state, enrolled) in enumerate(kinds)
    }
    await archive.merge(list(records))
    assert set(await records_of(archive)) == records


async def test_every_record_comes_out_once(archive):
    records = {replace(RECORD, uid=numbered(number), counter=number) for number in range(3000)}
    await archive.merge(list(records))
    out = await records_of(archive)
    assert (len(out), set(out)) == (3000, records)


async def test_what_taps_left_comes_out(archive, open_ledger):
    await archive.enter(Phase.SERVING)
    ledger = open_ledger()
    await ledger.enrol(UID, NOW, 0)
    await ledger.redeem(tap(9))
    await ledger.set_state(UID, TagState.SUSPENDED)
    assert await records_of(archive) == [replace(RECORD, counter=9, state=TagState.SUSPENDED)]


#: What two records of a tag say besides `RECORD`, and what is to stay of them.
MERGED = [
    ({}, {}, {}),
    ({"counter": 7}, {"counter": 9}, {"counter": 9}),
    ({"counter": 9}, {"counter": 7}, {"counter": 9}),
    (
        {"generation": NOW, "counter": 9},
        {"generation": NEXT, "counter": 1, "enrolled": False},
        {"generation": NEXT, "counter": 1, "enrolled": False},
    ),
    (
        {"generation": NOW, "counter": 1},
        {"generation": OLD, "counter": 9, "state": TagState.ERASED},
        {"generation": NOW, "counter": 1},
    ),
    (
        {"state": TagState.ACTIVE},
        {"state": TagState.SUSPENDED},
        {"state": TagState.SUSPENDED},
    ),
    ({"state": TagState.ERASED}, {"state": TagState.SUSPENDED}, {"state": TagState.ERASED}),
    ({"enrolled": False}, {"enrolled": True}, {"enrolled": True}),
    ({"enrolled": True}, {"enrolled": False}, {"enrolled": True}),
]


async def test_of_two_records_of_a_tag_what_knows_more_stays(archive):
    first, second, merged = (
        [
            replace(RECORD, uid=numbered(number), **case[which])
            for number, case in enumerate(MERGED)
        ]
        for which in range(3)
    )
    await archive.merge(first)
    await archive.merge(second)
    assert set(await records_of(archive)) == set(merged)


async def test_a_session_from_before_a_move_does_not_come_back(archive, open_ledger):
    await archive.merge([RECORD])
    await archive.enter(Phase.SERVING)
    ledger = open_ledger()
    await ledger.redeem(tap(8), grant=grant(8))
    for phase in (Phase.SEALED, Phase.FILLING):
        await archive.enter(phase)
    await archive.merge([replace(RECORD, counter=8)])
    await archive.enter(Phase.SERVING)
    assert await ledger.grant(grant(8).digest) is None


# --- moving


@pytest.mark.parametrize(
    "deployment", [each for each in EACH if "sqlite" not in each.values], indirect=True
)
async def test_a_ledger_moves_from_sqlite_and_back(deployment, deployments):
    here = store_at(deployments.get("sqlite").url())
    there = store_at(deployment.url())
    await here.init(store_id=STORE_ID)
    await redeem_at(here, tap(1), enrol=True)
    await move(here, there, STORE_ID, lambda _: None)
    on_the_way = [await redeem_at(there, tap(counter)) for counter in (1, 2)]
    await move(there, here, STORE_ID, lambda _: None)
    back = [await redeem_at(here, tap(counter)) for counter in (2, 3)]
    assert (on_the_way, back) == ([Replayed(), Accepted()],) * 2


async def redeem_at(store, one, *, enrol=False):
    """Redeem a tap where the ledger is now."""
    ledger = store.open(STORE_ID, deadline=PATIENT)
    try:
        if enrol:
            await ledger.enrol(UID, NOW, 0)
        return await ledger.redeem(one)
    finally:
        await ledger.aclose()
