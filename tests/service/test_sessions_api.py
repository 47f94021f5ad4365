"""`GET /v1/session`: a token stands for a session as long as that lives, and no longer."""

from __future__ import annotations

import pytest

from ntag424 import Generation
from ntag424.replay import SqliteLedger, TagState
from tests.service.house import NONCE, PRESENT_GENERATION, UID, HandClock, tag

pytestmark = pytest.mark.anyio

NO_LIVE_SESSION = {
    "type": "about:blank",
    "title": "No live session",
    "status": 401,
    "detail": "Send the session token of an accepted tap as a bearer token.",
}


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def house(open_house, clock):
    house = open_house(clock=clock, session_seconds=1)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    return house


@pytest.fixture
async def token(house):
    answer = await house.post_tap(tag().tap(), NONCE)
    return answer.members["session"]


async def test_a_token_shows_its_session(house, token, clock):
    clock.pass_seconds(0.25)
    answer = await house.look_up(f"Bearer {token}")
    assert answer.status == 200
    assert answer.members == {
        "subject": house.tokens.subject(UID),
        "counter": 1,
        "key_version": 2,
        "epoch": 2,
        "expires_at": "2027-01-15T08:00:01Z",
        "expires_in": 0,  # whole seconds of 0.75
    }


async def test_a_session_can_be_looked_up_again(house, token):
    first, second = [await house.look_up(f"Bearer {token}") for _ in range(2)]
    assert (first.status, second.body) == (200, first.body)


async def test_the_scheme_is_known_in_any_case(house, token):
    answer = await house.look_up(f"bearer {token}")
    assert answer.status == 200


async def test_a_later_tap_leaves_an_earlier_session_alone(house, token):
    await house.post_tap(tag(read_counter=5).tap())
    answer = await house.look_up(f"Bearer {token}")
    assert answer.members["counter"] == 1


async def test_a_session_outlives_a_restart_of_the_service(house, token, clock):
    await house.ledger.aclose()
    store_id = house.contents()["store"][0][0]
    again = SqliteLedger.open(house.store, store_id=store_id, clock=clock)
    grant = await again.grant(house.digest(token))
    await again.aclose()
    assert grant.counter == 1


# ---- 401 ------------------------------------------------------------------------------------


async def assert_no_session(house, authorization, challenge):
    answer = await house.look_up(authorization)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == challenge
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.members == NO_LIVE_SESSION


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Basic dXNlcjpwYXNz", "Token {token}", "{token}", "DPoP {token}"],
)
async def test_without_a_bearer_token_one_is_asked_for(house, token, authorization):
    filled = authorization and authorization.format(token=token)
    await assert_no_session(house, filled, "Bearer")


DEAD = 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token.swapcase(),
        lambda token: token[::-1],
        lambda token: "A" * 46,
        lambda token: token + " " + token,
        lambda token: "x" * 3000,
        lambda token: "\u00e9",
    ],
)
async def test_a_token_that_was_never_given_is_invalid(house, token, change):
    await assert_no_session(house, f"Bearer {change(token)}", DEAD)


async def test_the_digest_that_the_store_keeps_is_no_token(house, token):
    await assert_no_session(house, f"Bearer {house.digest(token).hex()}", DEAD)


async def test_a_session_ends_with_its_second(house, token, clock):
    clock.pass_seconds(1)
    await assert_no_session(house, f"Bearer {token}", DEAD)


async def test_a_session_lives_until_its_second_ends(house, token, clock):
    clock.pass_seconds(0.999)
    answer = await house.look_up(f"Bearer {token}")
    assert answer.status == 200


async def test_setting_the_wall_clock_back_extends_nothing(house, token, clock):
    clock.pass_seconds(1)
    clock.unix_seconds -= 86400
    await assert_no_session(house, f"Bearer {token}", DEAD)


async def test_a_revoked_session_is_over(house, token):
    await house.ledger.revoke(house.digest(token))
    await assert_no_session(house, f"Bearer {token}", DEAD)


@pytest.mark.parametrize("state", [TagState.SUSPENDED, TagState.ERASED])
async def test_the_session_of_a_tag_that_is_not_active_is_over(house, token, state):
    await house.ledger.set_state(UID, state)
    await assert_no_session(house, f"Bearer {token}", DEAD)


async def test_the_session_of_a_suspended_tag_stays_over_when_it_is_active_again(house, token):
    for state in (TagState.SUSPENDED, TagState.ACTIVE):
        await house.ledger.set_state(UID, state)
    await assert_no_session(house, f"Bearer {token}", DEAD)


async def test_a_token_of_another_service_is_invalid(house, token, open_house):
    other = open_house()
    await other.ledger.enrol(UID, Generation(2, 2), 0)
    await assert_no_session(other, f"Bearer {token}", DEAD)
