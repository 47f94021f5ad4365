"""Tags that are behind, a ledger in recovery, and one of the release before."""

from __future__ import annotations

import pytest

from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay import (
    Accepted,
    EnrolmentPolicy,
    Phase,
    Refused,
    Replayed,
    TagRecord,
    TagState,
)
from ntag424.replay.postgres import _schema, _store
from tests.ntag424.replay.postgres.speaking import (
    CALLS,
    GRANT,
    NEXT,
    NONCE,
    NOW,
    OTHER,
    STORE_ID,
    UID,
    opened,
    tap,
)

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("postgresql")]

RECORD = TagRecord(UID, NOW, 5, TagState.ACTIVE, enrolled=True)


@pytest.fixture
async def behind(used, archive):
    """A ledger whose tag, used up to 5, is behind."""
    await archive.mark_behind()
    return used


# --- tags that are behind


async def test_the_first_tap_of_a_tag_that_is_behind_only_sets_the_counter(behind):
    verdicts = [await behind.redeem(tap(counter)) for counter in (9, 8, 9, 10)]
    assert verdicts == [Replayed(), Replayed(), Replayed(), Accepted()]


async def test_the_first_tap_of_a_tag_that_is_behind_stores_no_session(behind, database):
    await behind.redeem(tap(9), nonce=NONCE, grant=GRANT)
    query = "SELECT counter, nonce_digest FROM tag UNION ALL SELECT counter, digest FROM session"
    assert set(database.execute(query).fetchall()) == {(9, None), (5, GRANT.digest)}


async def test_the_first_tap_of_a_tag_that_is_behind_has_no_repeat(behind):
    await behind.redeem(tap(9), nonce=NONCE)
    assert await behind.redeem(tap(9), nonce=NONCE) == Replayed()


async def test_used_taps_of_a_tag_that_is_behind_leave_it_so(behind):
    await behind.redeem(tap(4))
    assert (await behind.find(UID)).behind


async def test_taps_of_another_generation_leave_a_tag_behind(behind):
    assert await behind.redeem(tap(4, OTHER)) == Refused()
    assert (await behind.find(UID)).behind


async def test_what_was_behind_counts_as_a_change(behind, archive):
    before = await archive.revisions()
    await behind.redeem(tap(9))
    assert (await archive.revisions())[0] > before[0]


async def test_an_open_tap_of_a_higher_generation_clears_what_is_behind(behind):
    one = tap(1)
    higher = type(one)(UID, NEXT, 1)
    assert await behind.redeem(higher, policy=EnrolmentPolicy.OPEN) == Replayed()
    assert await behind.find(UID) == TagRecord(UID, NEXT, 1, TagState.ACTIVE, enrolled=False)


async def test_an_enrolment_of_a_higher_generation_clears_what_is_behind(behind):
    await behind.enrol(UID, NEXT, 0)
    assert not (await behind.find(UID)).behind


async def test_an_enrolment_that_keeps_the_generation_leaves_a_tag_behind(ledger, archive):
    await ledger.redeem(tap(1, OTHER), policy=EnrolmentPolicy.OPEN)
    await archive.mark_behind()
    await ledger.enrol(OTHER, NOW, 0)
    assert (await ledger.find(OTHER)).behind


@pytest.mark.parametrize(
    ("known", "given", "is_behind"),
    [
        ({"behind": True}, {"behind": False}, True),
        ({"behind": False}, {"behind": True}, True),
        ({"behind": True}, {"behind": False, "generation": NEXT}, False),
        ({"behind": False}, {"behind": True, "generation": NEXT}, True),
        ({"behind": False, "generation": NEXT}, {"behind": True}, False),
    ],
)
async def test_a_merge_carries_what_is_behind(archive, known, given, is_behind):
    for fields in (known, given):
        record = {"generation": NOW, "state": TagState.ACTIVE, "enrolled": True, **fields}
        await archive.merge([TagRecord(OTHER, counter=1, **record)])
    records = [record async for page in archive.records() for record in page]
    assert [record.behind for record in records if record.uid == OTHER] == [is_behind]


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(_store, "_LONG_PAGE", 10)


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("count", [8, 9, 10, 25])
async def test_all_tags_are_marked_however_many(archive, count):
    uids = [Uid(b"\xff" + number.to_bytes(6, "big")) for number in range(count)]
    await archive.merge([TagRecord(uid, NOW, 1, TagState.ACTIVE, enrolled=True) for uid in uids])
    await archive.mark_behind()
    records = [record async for page in archive.records() for record in page]
    assert [record.behind for record in records] == [True] * (count + 1)


async def test_a_merge_into_a_ledger_that_serves_never_lowers_anything(used, archive):
    await archive.merge([TagRecord(UID, NOW, 3, TagState.ACTIVE, enrolled=False)])
    await archive.merge([TagRecord(UID, NOW, 7, TagState.ACTIVE, enrolled=False)])
    assert [await used.redeem(tap(n)) for n in (4, 7, 8)] == [Replayed(), Replayed(), Accepted()]


# --- recovery


@pytest.mark.parametrize("call", CALLS)
async def test_a_ledger_in_recovery_is_not_used(ledger, archive, call):
    await archive.enter(Phase.RECOVERING)
    with pytest.raises(LedgerUnavailableError, match="recovery of it has not finished") as refused:
        await call(ledger)
    assert "recover" in refused.value.hint


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.RECOVERING])
async def test_neither_sessions_nor_nonces_survive(used, archive, phase):
    last = Uid(b"\xff" * 7)
    await used.enrol(last, NOW, 0)
    for number in range(30):
        await used.enrol(Uid(b"\x05" + number.to_bytes(6, "big")), NOW, 0)
    await used.redeem(tap(5, last), nonce=NONCE)
    await archive.enter(phase)
    await archive.enter(Phase.SERVING)
    assert await used.grant(GRANT.digest) is None
    assert [await used.redeem(tap(5, uid), nonce=NONCE) for uid in (UID, last)] == [Replayed()] * 2


async def test_a_copy_that_was_sealed_stays_sealed(archive, database):
    await archive.enter(Phase.SEALED)
    database.execute("UPDATE store SET home = 'elsewhere'")
    assert await archive.phase() is Phase.SEALED


async def test_a_copy_that_is_to_serve_is_a_copy_all_the_same(archive, database):
    database.execute("UPDATE store SET home = 'elsewhere'")
    await archive.enter(Phase.SERVING)
    assert await archive.phase() is Phase.RECOVERING


# --- the release before


@pytest.fixture
async def of_the_release_before(place, database_of_place, monkeypatch):
    """A ledger of the release before, with a tag and its session."""
    monkeypatch.setattr(_schema, "migrations", lambda: _schema_migrations[:1])
    await place.init(store_id=STORE_ID)
    monkeypatch.undo()
    arguments = [STORE_ID, bytes(UID), NONCE_DIGEST, GRANT.digest]
    database_of_place.execute("SELECT enrol(%s, %s, 258, 0)", arguments[:2])
    database_of_place.execute(
        "SELECT redeem(%s, %s, 258, 5, false, %s, %s, 300, '', null, null)", arguments
    )
    return place


@pytest.fixture
def database_of_place(server, schema):
    with server.connect() as connection:
        connection.execute(f"SET search_path = {schema}")
        yield connection


_schema_migrations = _schema.migrations()
NONCE_DIGEST = bytes.fromhex("0c5bb6ea9dd5d8a6a2ef7ab9bd0c7ff30d07cd85d6d7b1f1f1cdd9d71d1b4b5c")


@pytest.mark.usefixtures("of_the_release_before")
async def test_a_ledger_of_the_release_before_has_to_be_migrated(place):
    async with opened(place) as ledger:
        with pytest.raises(LedgerUnavailableError, match="run migrate"):
            await ledger.check()
    with pytest.raises(LedgerMismatchError, match="run migrate"):
        await place.archive(STORE_ID)


async def test_a_ledger_of_the_release_before_goes_on(of_the_release_before):
    place = of_the_release_before
    assert await place.migrate() == 1
    async with opened(place) as ledger:
        assert await ledger.grant(GRANT.digest) is not None
        assert await ledger.find(UID) == RECORD
        assert [await ledger.redeem(tap(n)) for n in (5, 6)] == [Replayed(), Accepted()]


async def test_a_migrated_ledger_is_as_one_that_is_made_now(
    of_the_release_before, server, schema, database_of_place
):
    await of_the_release_before.migrate()
    new = type(of_the_release_before).at(server.url(f"{schema}_new"))
    await new.init(store_id=STORE_ID)
    assert functions_in(database_of_place, schema) == functions_in(
        database_of_place, f"{schema}_new"
    )


def functions_in(database, schema):
    query = """
        SELECT proname, pg_get_function_identity_arguments(oid), prosrc FROM pg_proc
        WHERE pronamespace = %s::regnamespace ORDER BY 1, 2
    """
    return database.execute(query, [schema]).fetchall()
