"""A ledger in Redis as a whole, where it is not like others."""

from __future__ import annotations

import pytest

from ntag424.errors import LedgerUnavailableError
from ntag424.replay import Accepted, Phase, Repeated, Replayed, TagRecord, TagState, store_at
from tests.ntag424.replay.redis.speaking import (
    BUCKET,
    NONCE,
    NOW,
    PART,
    STORE_ID,
    UID,
    grant,
    tap,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def archive(ledger, server):
    """The archive of a ledger in which one tap earned a session."""
    await ledger.redeem(tap(1), nonce=NONCE, grant=grant())
    archive = await store_at(server.url).archive(STORE_ID)
    yield archive
    await archive.aclose()


def mark_of(counter):
    """Return what another machine remembers of the tag."""
    return TagRecord(UID, NOW, counter, TagState.ACTIVE, enrolled=False)


@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.RECOVERING])
async def test_what_is_filled_or_recovered_forgets_sessions(archive, ledger, phase):
    await archive.enter(phase)
    await archive.enter(Phase.SERVING)
    assert await ledger.grant(grant().digest) is None


@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.RECOVERING])
async def test_what_is_filled_or_recovered_forgets_nonces(archive, ledger, phase):
    await archive.enter(phase)
    await archive.enter(Phase.SERVING)
    assert await ledger.redeem(tap(1), nonce=NONCE, grant=grant()) == Replayed()


async def test_what_only_leaves_keeps_sessions(archive, ledger):
    await archive.enter(Phase.LEAVING)
    await archive.enter(Phase.SERVING)
    assert await ledger.grant(grant().digest) is not None


async def test_to_be_reminded_of_what_it_knows_changes_nothing(archive, ledger):
    before = await archive.revisions()
    await archive.merge([mark_of(1)])
    repeated = await ledger.redeem(tap(1), nonce=NONCE, grant=grant())
    assert isinstance(repeated, Repeated)
    assert await archive.revisions() == before


async def test_to_be_reminded_of_more_ends_no_session(archive, ledger):
    await archive.merge([mark_of(9)])
    assert await ledger.grant(grant().digest) is not None


async def test_to_be_reminded_of_more_is_a_change(archive):
    before = await archive.revisions()
    await archive.merge([mark_of(9)])
    assert (await archive.revisions())[PART] == before[PART] + 1


async def test_a_timeline_lowers_no_revision(archive):
    await archive.start_timeline(2)
    before = await archive.revisions()
    await archive.start_timeline(1)
    assert await archive.revisions() == before


async def test_revisions_of_a_late_timeline_are_counted_one_by_one(archive, ledger):
    await archive.start_timeline((1 << 13) - 1)
    before = (await archive.revisions())[PART]
    await ledger.redeem(tap(2))
    assert (await archive.revisions())[PART] == before + 1


async def test_a_timeline_that_cannot_be_counted_exactly_is_refused(archive):
    with pytest.raises(ValueError, match="timeline"):
        await archive.start_timeline(1 << 13)


async def test_a_ledger_of_the_release_before_goes_on(server, ledger):
    """It has no revisions, and its records no flag for being behind."""
    server.client().hdel(BUCKET, b"\0r")
    server.client().hset(BUCKET, bytes(UID), bytes(NOW) + b"\x00\x00\x07\x04")
    fresh = store_at(server.url).open(STORE_ID)
    answers = [await fresh.redeem(tap(counter)) for counter in (7, 8)]
    await fresh.aclose()
    assert answers == [Replayed(), Accepted()]


async def test_looking_at_revisions_makes_no_bucket_that_was_lost(server, archive):
    server.client().flushall()
    with pytest.raises(LedgerUnavailableError):
        await archive.revisions()
    assert server.client().dbsize() == 0
