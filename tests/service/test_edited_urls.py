"""Key version and epoch stand in the URL outside the MAC: rewriting them gains nothing."""

from __future__ import annotations

import pytest

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion
from ntag424.keys import An10922Keys, HkdfKeys
from tests.service.house import UID, no_limits, tag

pytestmark = pytest.mark.anyio

SAME_MASTER = Key.from_hex("8899AABBCCDDEEFF0011223344556677")
#: The hardest case: three schemes of one master key, all accepted.
CLOSE_KEYRING = Keyring(
    (
        KeyVersion(1, An10922Keys(SAME_MASTER), KeyState.ACCEPTING),
        KeyVersion(2, HkdfKeys(SAME_MASTER, salt=b"test"), KeyState.ACTIVE),
        KeyVersion(3, An10922Keys(SAME_MASTER, system_id=b"third"), KeyState.ACCEPTING),
    )
)
USED = Generation(key_version=2, epoch=2)
EDITS = [Generation(version, USED.epoch) for version in range(256)] + [
    Generation(USED.key_version, epoch) for epoch in range(256)
]


@pytest.fixture
async def used(open_house):
    """A service, and the URL of a tap that earned its session there."""
    house = open_house(keyring=CLOSE_KEYRING, limits=no_limits())
    await house.ledger.enrol(UID, USED, 0)
    url = tag(key_version=2, epoch=2).tap()
    assert (await house.post_tap(url)).status == 200
    return house, url


def edited(url, generation):
    head, _, tail = url.partition("#k=")
    return f"{head}#k={bytes(generation).hex().upper()}{tail[4:]}"


async def test_no_edit_of_a_used_tap_earns_a_session(used):
    house, url = used
    statuses = {
        generation: (await house.post_tap(edited(url, generation))).status for generation in EDITS
    }
    assert statuses == {generation: 409 if generation == USED else 403 for generation in EDITS}


async def test_no_edit_of_a_used_tap_touches_the_store(used):
    house, url = used
    before = house.contents()
    for generation in EDITS:
        await house.post_tap(edited(url, generation))
    assert house.contents() == before


@pytest.mark.parametrize("expected", [Generation(3, 2), Generation(2, 3)])
async def test_no_edit_of_a_fresh_tap_is_accepted_as_another_generation(used, expected):
    """Not even where that generation is the one that the ledger expects."""
    house, _ = used
    url = tag(key_version=2, epoch=2, read_counter=50).tap()
    await house.ledger.enrol(UID, expected, 0)
    answer = await house.post_tap(edited(url, expected))
    assert answer.status == 403
