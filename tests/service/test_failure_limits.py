"""Limits on failures: what is counted, for whom, and that nothing grows without bound."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

import pytest
from ntag424_service.errors import RateLimitedError
from ntag424_service.guards.failure_limits import (
    MOST_KEYS,
    RETRY_AFTER_SECONDS,
    FailureLimits,
)
from ntag424_service.guards.penalties import Allowance, Delays, Penalties, TokenBuckets
from ntag424_service.operations.log import Failure, configure_logging
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange
from structlog.testing import capture_logs

from ntag424 import Key, Keyring, Uid, UrlTemplate
from ntag424.keys import SentryEv2Keys
from ntag424.replay import TagState
from ntag424.testing import tap_source
from tests.service.asking import JSON, tap_body
from tests.service.house import NONCE, PRESENT_GENERATION, SCHEMES, UID, sdm_mac, tag

pytestmark = pytest.mark.anyio

SENTRY = "/api/v1/auth/sdm/exchange"
CREDENTIAL = "Yq2mJ0o3VQm7bq0m8mC3oT1v5cW9k2xXy4sZ6aB8dEf"
AT_ONCE = Delays(seconds=0)
CLEAR_TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&u={uid}&c={ctr}&m={mac}"


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


# ---- token buckets --------------------------------------------------------------------------


def taken(buckets, key, now, times):
    return [buckets.take(key, now) for _ in range(times)]


def test_a_bucket_gives_its_burst_and_no_more():
    buckets = TokenBuckets(Allowance(burst=3, interval=10), most=9)
    assert taken(buckets, b"a", 1000.0, 5) == [True, True, True, False, False]


def test_a_bucket_gains_one_token_in_its_interval():
    buckets = TokenBuckets(Allowance(burst=3, interval=10), most=9)
    taken(buckets, b"a", 1000.0, 3)
    assert taken(buckets, b"a", 1009.9, 1) == [False]
    assert taken(buckets, b"a", 1010.0, 2) == [True, False]


def test_a_bucket_never_holds_more_than_its_burst():
    buckets = TokenBuckets(Allowance(burst=3, interval=10), most=9)
    taken(buckets, b"a", 1000.0, 3)
    assert taken(buckets, b"a", 9999.0, 4) == [True, True, True, False]


def test_taking_in_vain_costs_nothing():
    buckets = TokenBuckets(Allowance(burst=1, interval=10), most=9)
    taken(buckets, b"a", 1000.0, 500)
    assert taken(buckets, b"a", 1010.0, 1) == [True]


def test_keys_have_buckets_of_their_own():
    buckets = TokenBuckets(Allowance(burst=1, interval=10), most=9)
    assert [buckets.take(key, 1000.0) for key in (b"a", b"b", b"a")] == [True, True, False]


def test_the_key_used_longest_ago_is_forgotten_first():
    buckets = TokenBuckets(Allowance(burst=1, interval=10), most=2)
    for key in (b"old", b"new", b"old", b"newer"):
        buckets.take(key, 1000.0)
    assert [buckets.take(key, 1000.0) for key in (b"old", b"new")] == [False, True]


def test_an_allowance_of_nothing_is_refused():
    for burst, interval in ((0, 1), (1, 0), (1, -1)):
        with pytest.raises(ValueError, match="bucket"):
            Allowance(burst, interval)


async def test_a_hundred_thousand_sources_and_tags_take_bounded_memory():
    limits = FailureLimits(clock=Clock(), delays=AT_ONCE)
    tracemalloc.start()
    try:
        for number in range(100_000):
            source, uid = number.to_bytes(8, "big"), number.to_bytes(7, "big")
            await limits.fail(source, Failure.TAP, uid)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(limits._sources), len(limits._tags)) == (MOST_KEYS, MOST_KEYS)
    assert size < 50_000_000


# ---- whom a failure counts for --------------------------------------------------------------


async def outcome_of(failing):
    try:
        await failing
    except RateLimitedError as limited:
        return "closed" if limited.hang_up else "limited"
    return "free"


def few(clock, source=2, tags=3):
    return FailureLimits(
        per_source=Allowance(source, RETRY_AFTER_SECONDS),
        per_tag=Allowance(tags, RETRY_AFTER_SECONDS),
        delays=AT_ONCE,
        clock=clock,
    )


async def test_a_source_over_its_limit_is_told_so_and_another_is_not():
    limits = few(Clock())
    told = [await outcome_of(limits.fail(b"here", Failure.TAP)) for _ in range(3)]
    assert told == ["free", "free", "limited"]
    assert await outcome_of(limits.fail(b"there", Failure.TAP)) == "free"


async def test_after_the_time_that_is_told_there_is_one_more_for_sources_and_tags():
    clock = Clock()
    limits = FailureLimits(clock=clock, delays=AT_ONCE)
    for number in range(40):
        await outcome_of(limits.fail(bytes([number]), Failure.TAP, b"tag"))
    for _ in range(99):
        await outcome_of(limits.fail(b"here", Failure.TAP))
    assert await outcome_of(limits.fail(b"here", Failure.TAP)) == "limited"
    assert await outcome_of(limits.fail(b"other", Failure.TAP, b"tag")) == "limited"
    clock.seconds += RETRY_AFTER_SECONDS
    assert await outcome_of(limits.fail(b"other", Failure.TAP, b"tag")) == "free"
    assert await outcome_of(limits.fail(b"here", Failure.TAP)) == "free"


async def test_a_tag_has_a_limit_over_all_sources():
    limits = few(Clock())
    told = [await outcome_of(limits.fail(bytes([n]), Failure.TAP, b"tag")) for n in range(5)]
    assert told == ["free", "free", "free", "limited", "limited"]


async def test_a_source_over_its_limit_uses_up_nothing_of_a_tag():
    limits = few(Clock())
    for _ in range(50):
        await outcome_of(limits.fail(b"flooding", Failure.TAP, b"tag"))
    assert await outcome_of(limits.fail(b"another", Failure.TAP, b"tag")) == "free"


async def test_a_source_over_its_limit_pushes_no_tag_out():
    limits = few(Clock())
    for number in range(500):
        uid = number.to_bytes(7, "big")
        await outcome_of(limits.fail(b"flooding", Failure.TAP, uid))
    assert len(limits._tags) == 2


# ---- delays ---------------------------------------------------------------------------------


async def settle():
    """Let everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_at_most_so_many_answers_of_a_source_are_delayed_and_so_many_wait():
    limits = FailureLimits(
        per_source=Allowance(1, 1), delays=Delays(seconds=60, at_once=2, waiting=3), clock=Clock()
    )
    await limits.fail(b"here", Failure.TAP)
    tasks = [asyncio.create_task(outcome_of(limits.fail(b"here", Failure.TAP))) for _ in range(9)]
    await settle()
    assert [task.result() for task in tasks if task.done()] == ["closed"] * 4
    assert len(limits._penalties) == 5
    await end(tasks)


async def test_all_sources_together_have_a_bound_too():
    penalties = Penalties(Delays(seconds=60, in_all=3))
    tasks = [
        asyncio.create_task(outcome_of(penalties.delay(bytes([n]), holds_place=False)))
        for n in range(5)
    ]
    await settle()
    assert [task.result() for task in tasks if task.done()] == ["closed"] * 2
    await end(tasks)


async def test_while_all_places_are_taken_the_next_attempt_waits_before_it_is_made():
    limits = FailureLimits(
        per_source=Allowance(1, 1), delays=Delays(seconds=60, at_once=1), clock=Clock()
    )
    await limits.fail(b"here", Failure.TAP)
    penalty = asyncio.create_task(outcome_of(limits.fail(b"here", Failure.TAP)))
    await settle()
    made = []
    tasks = [asyncio.create_task(attempt(limits, b"here", made, n)) for n in range(3)]
    other = asyncio.create_task(attempt(limits, b"there", made, "other source"))
    await settle()
    assert made == ["other source"]
    penalty.cancel()
    await asyncio.gather(*tasks, other)
    assert made == ["other source", 0, 1, 2]
    assert len(limits._penalties) == 0


async def attempt(limits, source, made, name):
    async with limits.attempt(source):
        made.append(name)


async def test_an_attempt_that_was_cancelled_while_waiting_takes_no_place():
    limits = FailureLimits(
        per_source=Allowance(1, 1), delays=Delays(seconds=60, at_once=1), clock=Clock()
    )
    await limits.fail(b"here", Failure.TAP)
    tasks = [asyncio.create_task(outcome_of(limits.fail(b"here", Failure.TAP)))]
    await settle()
    tasks.append(asyncio.create_task(attempt(limits, b"here", [], "waiting")))
    await settle()
    await end(tasks)
    assert (len(limits._penalties), limits._penalties._sources) == (0, {})


async def test_an_attempt_that_held_a_place_and_failed_below_the_limit_gives_it_back():
    clock = Clock()
    limits = FailureLimits(
        per_source=Allowance(1, 1), delays=Delays(seconds=60, at_once=1), clock=clock
    )
    await limits.fail(b"here", Failure.TAP)
    penalty = asyncio.create_task(outcome_of(limits.fail(b"here", Failure.TAP)))
    await settle()

    async def fail_late():
        async with limits.attempt(b"here") as attempt:
            clock.seconds += 60
            await attempt.fail(Failure.TAP)

    late = asyncio.create_task(fail_late())
    await settle()
    penalty.cancel()
    await late
    assert (len(limits._penalties), limits._penalties._sources) == (0, {})


async def end(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ---- what is logged -------------------------------------------------------------------------


async def test_refusals_over_the_limit_are_one_line_for_each_kind():
    configure_logging()
    with capture_logs() as lines:
        limits = few(Clock())
        for failure in (Failure.TAP, Failure.TOKEN, Failure.CREDENTIAL) * 5:
            await outcome_of(limits.fail(b"here", failure))
        limits.close()
    assert {line["outcome"] for line in lines} == {"rate_limited"}
    assert sorted((line["event"], line["count"]) for line in lines) == [
        ("credentials refused", 5),
        ("taps refused", 4),
        ("tokens refused", 4),
    ]


# ---- in the service -------------------------------------------------------------------------


def over_limit(clock=None):
    """Limits that any first failure of a source reaches, without delay."""
    return FailureLimits(
        per_source=Allowance(1, 1), per_tag=Allowance(1, 1), delays=AT_ONCE, clock=clock or Clock()
    )


def sentry_door():
    keyring = Keyring.single(SentryEv2Keys(Key(b"sixteen bytes   ")))
    return SentryExchange(keyring, SentryAccounts(bytes(range(32))), Branding())


@pytest.fixture
async def strict(open_house):
    """A service all of whose sources are over their limit after one failure."""
    house = open_house(limits=over_limit(), sentry=sentry_door(), credential=CREDENTIAL)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    await house.ask("POST", "/v1/taps", body=b"{", headers=JSON)
    return house


def with_wrong_mac(url):
    return url[:-1] + f"{int(url[-1], 16) ^ 1:X}"


async def suspended(house):
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    return tag().tap()


REFUSED_TAPS = {
    "wrong MAC": lambda _: with_wrong_mac(tag().tap()),
    "unknown tag": lambda _: tag(Uid.from_hex("04000000000001")).tap(),
    "lower epoch": lambda _: tag(epoch=1).tap(),
    "malformed": lambda _: tag().tap() + "0",
}
TOO_MANY = {
    "type": "/problems/rate_limited",
    "title": "Too many attempts",
    "status": 429,
    "detail": "Wait for the time that Retry-After names, then try again.",
    "outcome": "rate_limited",
}


async def answers_over_the_limit(house):
    answers = [await house.post_tap(make(house), NONCE) for make in REFUSED_TAPS.values()]
    return [*answers, await house.post_tap(await suspended(house), NONCE)]


async def test_over_the_limit_all_refusals_are_the_same_bytes(strict):
    answers = await answers_over_the_limit(strict)
    assert len({json.dumps(answer.constant[1]) for answer in answers}) == 1
    assert [answer.members for answer in answers] == [TOO_MANY] * 5


async def test_an_answer_over_the_limit_says_in_seconds_when_to_try_again(strict):
    answer = await strict.post_tap(with_wrong_mac(tag().tap()))
    assert answer.headers["retry-after"] == str(RETRY_AFTER_SECONDS)


async def test_a_fresh_tap_counts_over_the_limit_too(strict):
    answer = await strict.post_tap(tag().tap(), NONCE)
    assert answer.status == 200


async def test_a_lost_answer_is_given_again_over_the_limit_too(strict):
    url = tag().tap()
    first, second = [await strict.post_tap(url, NONCE) for _ in range(2)]
    assert second.constant == first.constant


async def test_a_replay_stays_a_replay_over_the_limit(strict):
    url = tag().tap()
    await strict.post_tap(url)
    answer = await strict.post_tap(url)
    assert (answer.status, "retry-after" in answer.headers) == (409, False)


async def test_replays_count_for_their_source(open_house):
    house = open_house(limits=over_limit())
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    url = tag().tap()
    for _ in range(2):
        await house.post_tap(url)
    assert (await house.post_tap(with_wrong_mac(url))).status == 429


async def test_a_store_in_trouble_counts_for_nobody(open_house):
    house = open_house(limits=over_limit())
    await house.ledger.aclose()
    for _ in range(3):
        assert (await house.post_tap(tag().tap())).status == 503
    assert (await house.post_tap(with_wrong_mac(tag().tap()))).status == 403


MALFORMED = {"no JSON": b"{", "no member": b"{}", "too large": b" " * 5000, "no body": b""}


@pytest.mark.parametrize("path", ["/v1/taps", SENTRY])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_requests_over_the_limit_are_answered_alike(strict, path, body):
    answer = await strict.ask("POST", path, body=body, headers=JSON)
    assert (answer.status, answer.headers["retry-after"]) == (429, str(RETRY_AFTER_SECONDS))


async def test_sentrys_route_has_a_body_of_its_own_for_it(strict):
    members = {"uid": "04A1B2C3D4E5F6", "sdmmac": "0" * 16, "sdmcounter": 1}
    answer = await strict.ask("POST", SENTRY, body=json.dumps(members).encode(), headers=JSON)
    assert answer.headers["content-type"] == "application/json"
    assert answer.members == {"error": "TooManyRequests", "message": "wait, then tap again"}
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")


async def test_guessed_tokens_are_limited_and_a_live_one_is_not(strict):
    token = (await strict.post_tap(tag().tap())).members["session"]
    guessed = [await strict.look_up(f"Bearer {'A' * 46}"), await strict.look_up(None)]
    assert [answer.status for answer in guessed] == [429, 429]
    assert (await strict.look_up(f"Bearer {token}")).status == 200


async def test_guessed_credentials_are_limited_and_the_right_one_is_not(strict):
    wrong = await strict.ask("GET", f"/v1/tags/{UID}", headers={"authorization": "Bearer x"})
    right = {"authorization": f"Bearer {CREDENTIAL}"}
    assert wrong.status == 429
    assert (await strict.ask("GET", f"/v1/tags/{UID}", headers=right)).status == 200


async def test_failures_count_for_the_source_that_they_come_from(strict):
    body = tap_body(with_wrong_mac(tag().tap()))
    elsewhere = await strict.ask(
        "POST", "/v1/taps", body=body, headers=JSON, client=("192.0.2.7", 1)
    )
    assert elsewhere.status == 403


# ---- tags that a request names --------------------------------------------------------------


async def sentry_failures(house, uid, count):
    """Fail in the name of a tag, each time from another source."""
    members = {"uid": uid, "sdmmac": "0" * 16, "sdmcounter": 1}
    return [
        await house.ask(
            "POST",
            SENTRY,
            body=json.dumps(members).encode(),
            headers=JSON,
            client=(f"192.0.2.{number}", 1),
        )
        for number in range(count)
    ]


@pytest.fixture
async def guessed_at(open_house):
    """A service at which a tag may be named in three failures."""
    limits = FailureLimits(per_tag=Allowance(3, 100), delays=AT_ONCE, clock=Clock())
    return open_house(limits=limits, sentry=sentry_door())


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_limit_of_a_tag_does_not_tell_whether_it_exists(guessed_at, is_known):
    if is_known:
        await guessed_at.ledger.enrol(UID, PRESENT_GENERATION, 0)
    answers = await sentry_failures(guessed_at, str(UID), 5)
    assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]


async def test_a_fresh_tap_of_a_tag_over_its_limit_counts(guessed_at):
    await sentry_failures(guessed_at, str(UID), 9)
    mac = sdm_mac(bytes(SentryEv2Keys(Key(b"sixteen bytes   ")).tag_key(UID, 2)), UID, 1)
    body = json.dumps({"uid": str(UID), "sdmmac": mac, "sdmcounter": 1}).encode()
    answer = await guessed_at.ask("POST", SENTRY, body=body, headers=JSON)
    assert answer.status == 200


async def tap_from(house, number, url):
    client = (f"192.0.2.{number}", 1)
    return await house.ask("POST", "/v1/taps", body=tap_body(url), headers=JSON, client=client)


async def test_a_uid_that_the_url_shows_counts_for_its_tag(open_house):
    limits = FailureLimits(per_tag=Allowance(3, 100), delays=AT_ONCE, clock=Clock())
    house = open_house(template=CLEAR_TEMPLATE, limits=limits)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    phone = tap_source(UrlTemplate(CLEAR_TEMPLATE), SCHEMES[2], UID, generation=PRESENT_GENERATION)
    forged = with_wrong_mac(phone.tap())
    answers = [await tap_from(house, number, forged) for number in range(5)]
    assert [answer.status for answer in answers] == [403, 403, 403, 429, 429]
    assert (await tap_from(house, 9, phone.tap())).status == 200


@pytest.mark.parametrize("kind", ["forged", "suspended"])
async def test_a_uid_inside_picc_data_counts_for_no_tag_whether_the_mac_holds(open_house, kind):
    """If it did for valid MACs alone, the answer would tell which ones are."""
    limits = FailureLimits(per_tag=Allowance(1, 100), delays=AT_ONCE, clock=Clock())
    house = open_house(limits=limits)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    url = with_wrong_mac(tag().tap()) if kind == "forged" else tag().tap()
    answers = [await tap_from(house, number, url) for number in range(3)]
    assert [answer.status for answer in answers] == [403, 403, 403]


async def test_forgetting_a_tag_costs_its_owner_nothing(open_house):
    """Whoever fills the table wins a few failures more, and no tap is refused for it."""
    limits = FailureLimits(per_tag=Allowance(1, 100), delays=AT_ONCE, clock=Clock())
    limits._tags._most = 2
    house = open_house(limits=limits, sentry=sentry_door())
    for uid in (str(UID), "04000000000001", "04000000000002", "04000000000003", str(UID)):
        (answer,) = await sentry_failures(house, uid, 1)
        assert answer.status == 401
    mac = sdm_mac(bytes(SentryEv2Keys(Key(b"sixteen bytes   ")).tag_key(UID, 2)), UID, 1)
    body = json.dumps({"uid": str(UID), "sdmmac": mac, "sdmcounter": 1}).encode()
    assert (await house.ask("POST", SENTRY, body=body, headers=JSON)).status == 200
