"""Phases, and the ledger as a whole."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay import Accepted, Phase, Replayed, TagRecord, TagState
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    GRANT,
    NONCE,
    NOW,
    OTHER,
    STORE_ID,
    UID,
    tap,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]


# --- phases


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.SEALED])
async def test_only_a_serving_ledger_is_used(store, ledger, archive, phase, call):
    await archive.enter(phase)
    with pytest.raises(LedgerUnavailableError, match="move"):
        await call(ledger)


async def test_a_ledger_that_serves_again_goes_on(ledger, archive):
    await ledger.redeem(tap(5))
    await archive.enter(Phase.SEALED)
    await archive.enter(Phase.SERVING)
    assert [await ledger.redeem(tap(n)) for n in (5, 6)] == [Replayed(), Accepted()]


async def test_a_new_ledger_may_be_there_to_be_filled(place):
    await place.init(store_id=STORE_ID, phase=Phase.FILLING)
    archive = await place.archive(STORE_ID)
    assert await archive.phase() is Phase.FILLING
    await archive.aclose()


async def test_sessions_do_not_survive_a_move_back(used, archive):
    await archive.enter(Phase.SEALED)
    await archive.enter(Phase.FILLING)
    await archive.enter(Phase.SERVING)
    assert await used.grant(GRANT.digest) is None


async def test_nothing_is_accepted_after_the_ledger_was_sealed(store, ledger, archive):
    uids = [Uid(b"\x04" + n.to_bytes(6, "big")) for n in range(32)]
    for uid in uids:
        await ledger.enrol(uid, NOW, 0)
    running = True

    async def hand_in(uid):
        for counter in count(1):
            try:
                await ledger.redeem(tap(counter, uid))
            except LedgerUnavailableError:
                if not running:
                    return

    calls = [asyncio.ensure_future(hand_in(uid)) for uid in uids]
    while min([(await ledger.find(uid)).counter for uid in uids]) < 5:
        await asyncio.sleep(0)
    await archive.enter(Phase.SEALED)
    sealed = [page async for page in archive.records()]
    running = False
    await asyncio.gather(*calls)
    assert [page async for page in archive.records()] == sealed


async def test_who_seals_waits_for_the_taps_that_are_under_way(store, archive, database):
    with database.transaction():
        database.execute(
            "SELECT set_state(%s, 0, %s, 'suspended')",
            [STORE_ID, bytes(UID)],
        )
        with pytest.raises(LedgerUnavailableError, match="lock timeout"):
            await archive.enter(Phase.SEALED)
    await archive.enter(Phase.SEALED)
    assert await archive.phase() is Phase.SEALED


# --- the ledger as a whole


async def test_all_records_are_gone_through_once(archive):
    uids = [Uid(b"\x04" + n.to_bytes(6, "big")) for n in range(2500)]
    records = [
        TagRecord(uid, NOW, n, TagState.ACTIVE, enrolled=True) for n, uid in enumerate(uids)
    ]
    for start in range(0, 2500, 500):
        await archive.merge(records[start : start + 500])
    pages = [page async for page in archive.records()]
    assert [len(page) for page in pages] == [1000, 1000, 501]
    assert [record for page in pages for record in page if record.uid != UID] == records


async def test_records_are_counted(archive):
    assert await archive.count() == 1


@pytest.mark.parametrize("first_counter", [3, 9])
async def test_a_record_given_twice_is_merged_twice(archive, first_counter):
    records = [
        TagRecord(OTHER, NOW, counter, TagState.ACTIVE, enrolled=True)
        for counter in (first_counter, 12 - first_counter)
    ]
    await archive.merge(records)
    ((_, merged),) = [sorted(page, key=lambda r: r.uid) async for page in archive.records()]
    assert merged.counter == 9


async def test_a_merge_ends_the_sessions_of_a_tag_that_is_not_active(used, archive):
    await archive.merge([TagRecord(UID, NOW, 0, TagState.SUSPENDED, enrolled=True)])
    await used.set_state(UID, TagState.ACTIVE)
    assert await used.grant(GRANT.digest) is None


async def test_a_merge_ends_repeats(used, archive):
    await archive.merge([TagRecord(UID, NOW, 5, TagState.ACTIVE, enrolled=True)])
    assert await used.redeem(tap(5), nonce=NONCE) == Replayed()


async def test_merging_nothing_changes_nothing(archive):
    await archive.merge([])
    assert await archive.count() == 1


async def test_an_archive_may_be_closed_twice(archive):
    await archive.aclose()
    assert await archive.aclose() is None
