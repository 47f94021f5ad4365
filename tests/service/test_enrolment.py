"""`/v1/tags`: whoever holds the credential makes the ledger expect a tag."""

from __future__ import annotations

import hashlib
import json
import logging

import pytest
from ntag424_service.operations.log import configure_logging
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange
from structlog.testing import capture_logs

from ntag424 import Key, Keyring
from ntag424.keys import SentryHkdfKeys
from ntag424.replay import TagState
from tests.service.asking import JSON
from tests.service.house import TEMPLATE, UID, tag

pytestmark = pytest.mark.anyio

CREDENTIAL = "Yq2mJ0o3VQm7bq0m8mC3oT1v5cW9k2xXy4sZ6aB8dEf"
BEARER = {"authorization": f"Bearer {CREDENTIAL}"}
ASKED = {"uid": str(UID), "key_version": 2, "epoch": 2, "counter": 5}
KNOWN = {**ASKED, "state": "active", "enrolled": True}


@pytest.fixture
async def house(open_house):
    return open_house(credential=CREDENTIAL)


async def enrol(house, headers=BEARER, **changes):
    body = json.dumps(ASKED | changes).encode()
    return await house.ask("POST", "/v1/tags", body=body, headers=JSON | headers)


async def look_up(house, uid=str(UID), headers=BEARER):
    return await house.ask("GET", f"/v1/tags/{uid}", headers=headers)


async def retire(house, uid=str(UID), headers=BEARER):
    return await house.ask("DELETE", f"/v1/tags/{uid}", headers=headers)


# ---- the door is shut by default ------------------------------------------------------------


@pytest.mark.parametrize("ask", [enrol, look_up, retire])
async def test_without_a_credential_file_there_is_no_such_route(open_house, ask):
    answer = await ask(open_house())
    assert (answer.status, answer.members["type"]) == (404, "about:blank")


async def test_without_a_credential_file_the_document_does_not_mention_it(open_house):
    answer = await open_house().ask("GET", "/openapi.json")
    assert "/v1/tags" not in answer.body.decode()


# ---- enrolling ------------------------------------------------------------------------------


async def test_a_tag_is_enrolled_and_then_its_tap_is_redeemed(house):
    answer = await enrol(house)
    assert (answer.status, answer.members) == (201, KNOWN)
    tapped = await house.post_tap(tag(read_counter=5).tap())
    assert tapped.status == 200


async def test_a_tap_before_is_refused(house):
    tapped = await house.post_tap(tag(read_counter=5).tap())
    assert tapped.status == 403


async def test_a_tap_up_to_the_counter_is_used_up(house):
    await enrol(house)
    tapped = await house.post_tap(tag(read_counter=4).tap())
    assert tapped.members["outcome"] == "replayed"


async def test_the_uid_is_taken_in_any_case(house):
    answer = await enrol(house, uid=str(UID).lower())
    assert (answer.status, answer.members["uid"]) == (201, str(UID))


async def test_the_same_request_again_is_fine(house):
    first, second = [await enrol(house) for _ in range(2)]
    assert (second.status, second.body) == (200, first.body)


async def test_a_suspended_tag_stays_suspended_and_says_so(house):
    await enrol(house)
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    again = await enrol(house)
    assert (again.status, again.members["state"]) == (200, "suspended")


async def test_a_higher_generation_is_enrolled(house):
    await enrol(house)
    answer = await enrol(house, epoch=3, counter=0)
    assert (answer.status, answer.members["epoch"], answer.members["counter"]) == (201, 3, 0)


@pytest.mark.parametrize(
    "changes",
    [{"counter": 4}, {"counter": 6}, {"epoch": 1}, {"key_version": 1, "epoch": 255}],
    ids=["lower counter", "higher counter", "former epoch", "former key version"],
)
async def test_what_the_ledger_knows_otherwise_is_told(house, changes):
    await enrol(house)
    answer = await enrol(house, **changes)
    assert answer.status == 409
    assert answer.members["type"] == "/problems/stale_generation"
    known = {name: answer.members[name] for name in ("key_version", "epoch", "counter")}
    assert known == {"key_version": 2, "epoch": 2, "counter": 5}


async def test_what_is_stale_changes_nothing(house):
    await enrol(house)
    before = house.contents()
    await enrol(house, counter=1)
    assert house.contents() == before


async def test_after_a_tap_the_same_request_is_told_the_new_counter(house):
    await enrol(house)
    await house.post_tap(tag(read_counter=5).tap())
    answer = await enrol(house)
    assert (answer.status, answer.members["counter"]) == (409, 6)


async def test_an_erased_tag_does_not_come_back_in_its_generation(house):
    await enrol(house)
    await house.ledger.set_state(UID, TagState.ERASED)
    answer = await enrol(house)
    assert answer.status == 409


# ---- tags that could not log in -------------------------------------------------------------

PLAIN = "https://sentry.red/t?uid={uid}&sdmcounter={ctr}&sdmmac={mac}"
NOT_SERVED = {
    "unknown key version": {"key_version": 9},
    "key version 0": {"key_version": 0, "epoch": 0},
    "retired key version": {"key_version": 3},
    "another path": {"template": TEMPLATE.replace("/t#", "/u#")},
    "another host": {"template": TEMPLATE.replace("id.", "www.")},
    "other parameters": {"template": TEMPLATE.replace("k={kv}", "v={kv}")},
    "plain mirrors": {"template": PLAIN, "epoch": 0},
    "no template at all": {"template": "https://id.example.com/"},
}


@pytest.mark.parametrize("changes", NOT_SERVED.values(), ids=NOT_SERVED)
async def test_a_tag_that_could_not_log_in_is_refused_with_what_is_served(house, changes):
    answer = await enrol(house, **changes)
    assert (answer.status, answer.members["type"]) == (422, "/problems/not_served")
    told = (answer.members["template"], answer.members["key_versions"])
    assert told == (TEMPLATE, [1, 2])
    assert house.contents()["tag"] == []


@pytest.mark.parametrize("key_version", [1, 2])
async def test_a_tag_of_the_template_and_an_accepted_key_version_is_enrolled(house, key_version):
    answer = await enrol(house, key_version=key_version, template=TEMPLATE)
    assert answer.status == 201


async def test_where_the_url_does_not_say_the_epoch_only_the_first_is_served(open_house):
    template = TEMPLATE.replace("{epoch}", "")
    house = open_house(credential=CREDENTIAL, template=template)
    answers = [await enrol(house, epoch=epoch, template=template) for epoch in (1, 0)]
    assert [answer.status for answer in answers] == [422, 201]


@pytest.fixture
def both(open_house):
    """A house that serves SENTRY's tags as well, under key version 7."""
    keyring = Keyring.single(SentryHkdfKeys(Key(b"S" * 16), salt="sentry.red"), ordinal=7)
    sentry = SentryExchange(keyring, SentryAccounts(bytes(31) + b"A"), Branding())
    return open_house(credential=CREDENTIAL, sentry=sentry)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"key_version": 7, "epoch": 0, "template": PLAIN}, 201),
        ({"key_version": 7, "epoch": 0}, 201),
        ({"key_version": 7, "epoch": 1, "template": PLAIN}, 422),
        ({"key_version": 7, "epoch": 0, "template": TEMPLATE}, 422),
        ({"key_version": 2, "epoch": 0, "template": PLAIN}, 422),
        ({"key_version": 7, "epoch": 0, "template": PLAIN.replace("sdmm", "{mac-input}m")}, 422),
        ({"key_version": 7, "epoch": 0, "template": PLAIN.replace("{ctr}", "")}, 422),
    ],
)
async def test_sentrys_tags_are_served_by_their_form_and_their_keys(both, changes, status):
    assert (await enrol(both, **changes)).status == status


async def test_with_sentrys_tags_their_key_versions_are_served_too(both):
    assert (await enrol(both, key_version=9)).members["key_versions"] == [1, 2, 7]


# ---- looking up -----------------------------------------------------------------------------


async def test_an_enrolled_tag_is_found(house):
    await enrol(house)
    answer = await look_up(house, str(UID).lower())
    assert (answer.status, answer.members) == (200, KNOWN)


async def test_an_unknown_tag_is_not_found(house):
    answer = await look_up(house)
    assert (answer.status, answer.members["type"]) == (404, "/problems/unknown_tag")


@pytest.mark.parametrize("uid", ["04DE5F1EACC04", "04DE5F1EACC04G", "04:DE:5F:1E:AC:C0:40", "%20"])
async def test_what_is_no_uid_is_malformed(house, uid):
    answer = await look_up(house, uid)
    assert (answer.status, answer.members["type"]) == (400, "/problems/malformed_enrolment")


# ---- who may --------------------------------------------------------------------------------

WRONG = {
    "none": {},
    "another": {"authorization": f"Bearer {CREDENTIAL[::-1]}"},
    "its digest": {"authorization": f"Bearer {hashlib.sha256(CREDENTIAL.encode()).hexdigest()}"},
    "its beginning": {"authorization": f"Bearer {CREDENTIAL[:-1]}"},
    "another scheme": {"authorization": f"Basic {CREDENTIAL}"},
    "nothing behind the scheme": {"authorization": "Bearer "},
    "not ASCII": {"authorization": "Bearer \u00e9"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("ask", [enrol, look_up])
async def test_nobody_gets_in_without_the_credential(house, ask, headers):
    refused = await ask(house, headers=headers)
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert house.contents()["tag"] == []


async def test_a_wrong_credential_is_answered_as_a_missing_one(house):
    bodies = {(await enrol(house, headers=headers)).body for headers in WRONG.values()}
    assert len(bodies) == 1


async def test_a_session_is_no_credential(house):
    await enrol(house)
    session = (await house.post_tap(tag(read_counter=5).tap())).members["session"]
    refused = await enrol(house, headers={"authorization": f"Bearer {session}"}, epoch=3)
    assert refused.status == 401


async def test_the_credential_is_no_session(house):
    answer = await house.look_up(f"Bearer {CREDENTIAL}")
    assert answer.status == 401


# ---- what is no enrolment -------------------------------------------------------------------

MALFORMED = {
    "uid too short": {"uid": str(UID)[:-1]},
    "uid with colons": {"uid": "04:DE:5F:1E:AC:C0:40"},
    "uid a number": {"uid": 4},
    "uid with a line break": {"uid": f"{UID}\n"},
    "key version too high": {"key_version": 256},
    "epoch negative": {"epoch": -1},
    "counter too high": {"counter": 0x1000000},
    "counter a text": {"counter": "5"},
    "counter a fraction": {"counter": 5.5},
    "counter true": {"counter": True},
    "counter missing": {"counter": None},
    "one member more": {"label": "front door"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_not_of_the_form_is_refused(house, changes):
    answer = await enrol(house, **changes)
    assert (answer.status, answer.members["type"]) == (400, "/problems/malformed_enrolment")
    assert house.contents()["tag"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"04DE5F1EACC040"'])
async def test_what_is_no_object_is_refused(house, body):
    answer = await house.ask("POST", "/v1/tags", body=body, headers=JSON | BEARER)
    assert (answer.status, answer.members["type"]) == (400, "/problems/malformed_enrolment")


async def test_a_body_of_more_than_4096_bytes_is_refused(house):
    body = json.dumps(ASKED).encode().ljust(4097)
    answer = await house.ask("POST", "/v1/tags", body=body, headers=JSON | BEARER)
    assert (answer.status, house.contents()["tag"]) == (413, [])


@pytest.mark.parametrize(
    "name",
    [
        "malformed_enrolment",
        "credential_refused",
        "unknown_tag",
        "stale_generation",
        "not_served",
    ],
)
async def test_the_type_of_a_problem_leads_to_its_explanation(house, name):
    answer = await house.ask("GET", f"/problems/{name}")
    assert (answer.status, answer.headers["content-type"][:10]) == (200, "text/plain")


# ---- retiring -------------------------------------------------------------------------------


async def test_a_tap_that_was_made_before_a_tag_was_retired_is_refused(house):
    await enrol(house)
    unused = tag(read_counter=5).tap()
    answer = await retire(house)
    assert (answer.status, answer.members) == (200, KNOWN | {"state": "erased"})
    assert (await house.post_tap(unused)).status == 403


async def test_a_retired_tag_is_not_enrolled_again_in_the_same_generation(house):
    await enrol(house)
    await retire(house)
    assert (await enrol(house)).status == 409


async def test_a_retired_tag_comes_back_in_a_higher_generation(house):
    await enrol(house, epoch=1)
    await retire(house)
    assert (await enrol(house)).status == 201
    assert (await house.post_tap(tag(read_counter=5).tap())).status == 200


async def test_to_retire_a_tag_twice_is_fine(house):
    await enrol(house)
    first, second = [await retire(house) for _ in range(2)]
    assert (second.status, second.members) == (200, first.members)


async def test_a_suspended_tag_stays_suspended_when_it_is_retired_and_enrolled_again(house):
    await enrol(house, epoch=1)
    await house.ledger.set_state(UID, TagState.SUSPENDED)
    assert (await retire(house)).members["state"] == "suspended"
    assert (await enrol(house)).members["state"] == "suspended"
    assert (await house.post_tap(tag(read_counter=5).tap())).status == 403


async def test_an_unknown_tag_cannot_be_retired(house):
    answer = await retire(house)
    assert (answer.status, answer.members["type"]) == (404, "/problems/unknown_tag")


async def test_nobody_retires_a_tag_without_the_credential(house):
    await enrol(house)
    answer = await retire(house, headers={})
    assert (answer.status, (await look_up(house)).members["state"]) == (401, "active")


# ---- trouble and logs -----------------------------------------------------------------------


@pytest.mark.parametrize("ask", [enrol, look_up, retire])
async def test_a_store_that_is_gone_is_answered_with_503(house, ask):
    house.store.unlink()
    answer = await ask(house)
    assert (answer.status, answer.members["outcome"]) == (503, "unavailable")


@pytest.fixture
def events():
    """Collect what is logged in this process."""
    configure_logging(logging.INFO)
    with capture_logs() as events:
        yield events


async def test_every_enrolment_leaves_a_line_and_none_has_a_uid(open_house, events):
    house = open_house(credential=CREDENTIAL)
    for changes in ({}, {}, {"epoch": 1}):
        await enrol(house, **changes)
    await enrol(house, headers={})
    await retire(house)
    assert [event["outcome"] for event in events] == [
        "enrolled",
        "standing",
        "stale_generation",
        "credential_refused",
        "retired",
    ]
    assert {event["event"] for event in events} == {"enrolment"}
    assert events[0]["tag"] == house.tokens.subject(UID)
    assert str(UID) not in str(events).upper()
    assert CREDENTIAL not in str(events)


async def test_trouble_with_the_store_is_told_with_its_reason(open_house, events):
    house = open_house(credential=CREDENTIAL)
    house.store.unlink()
    await enrol(house)
    trouble, enrolment = events
    assert (trouble["event"], enrolment["outcome"]) == ("store unavailable", "unavailable")
