"""The OpenAPI document is true: of every answer, to every request that can be thought of."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from ntag424_service.api.problems import ENROLMENT_PROBLEMS, TAP_PROBLEMS, TOO_LARGE, UNAUTHORIZED
from ntag424_service.api.sample import sample_document
from ntag424_service.sentry import routes as sentry_route
from ntag424_service.sentry.exchange import Branding, SentryAccounts, SentryExchange
from ntag424_service.tags import routes as tags_route
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from ntag424 import Key, Keyring
from ntag424.keys import SentryEv2Keys
from tests.service.asking import JSON
from tests.service.house import (
    NONCE,
    PRESENT_GENERATION,
    UID,
    build_house,
    no_limits,
    sdm_mac,
    tag,
)
from tests.service.running import run_command

KEPT = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
SENTRY_KEYS = SentryEv2Keys(Key(b"sixteen bytes   "))
DOCUMENT = sample_document()
CREDENTIAL = "Yq2mJ0o3VQm7bq0m8mC3oT1v5cW9k2xXy4sZ6aB8dEf"
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method.upper()} {path}")
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]


def open_house(folder):
    """Build a service with every door open and one tag enrolled."""
    sentry = SentryExchange(
        Keyring.single(SENTRY_KEYS), SentryAccounts(bytes(range(32))), Branding("red", "brand")
    )
    house = build_house(folder, sentry=sentry, credential=CREDENTIAL, limits=no_limits())
    asyncio.run(house.ledger.enrol(UID, PRESENT_GENERATION, 0))
    return house


@pytest.fixture
def house(tmp_path):
    house = open_house(tmp_path)
    yield house
    asyncio.run(house.ledger.aclose())


# ---- every answer is documented -------------------------------------------------------------


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    house = open_house(tmp_path_factory.mktemp("openapi"))
    yield schemathesis.openapi.from_asgi("/openapi.json", without_end(house.app))
    asyncio.run(house.ledger.aclose())


def without_end(app):
    """Let no client end the life of *app*; here, there are hundreds one after the other."""

    async def endless(scope, receive, send):
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
        else:
            await app(scope, receive, send)

    return endless


def validate_answers(api, path, method, mode):
    """Let schemathesis draw requests that fit the document, or that do not."""
    requests = api[path][method].as_strategy(generation_mode=mode)
    allowed = {"authorization": f"Bearer {CREDENTIAL}"} if path.startswith(tags_route.PATH) else {}

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(request=requests)
    def validate(request):
        answer = request.call(headers=allowed)
        # A schema cannot say which URLs match a template, nor that 0.0 is no counter.
        excluded = [positive_data_acceptance]
        if allowed:
            excluded.append(ignored_auth)  # it takes ours for one that it made up
        if answer.status_code == 413:
            excluded.append(negative_data_rejection)  # it is one, but schemathesis doubts it
        request.validate_response(answer, excluded_checks=excluded)

    validate()


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_requests_as_documented_are_answered_as_documented(api, path, method, operation):
    validate_answers(api, path, method, GenerationMode.POSITIVE)


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    [item for item in OPERATIONS if "requestBody" in item.values[2]],
)
def test_requests_not_as_documented_are_refused_as_documented(api, path, method, operation):
    validate_answers(api, path, method, GenerationMode.NEGATIVE)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_refusal_that_any_request_can_get_is_documented(path, method, operation):
    """Not among them: 404 and 405, which speak of what is not in the document."""
    expected = {
        "/v1/taps": {"200", "400", "403", "409", "413", "429", "503"},
        "/v1/session": {"200", "401", "429", "503"},
        sentry_route.PATH: {"200", "400", "401", "409", "413", "429", "503"},
        tags_route.PATH: {"200", "201", "400", "401", "409", "413", "422", "429", "503"},
        tags_route.PATH + "/{uid}": {"200", "400", "401", "404", "429", "503"},
        "/livez": {"200"},
        "/readyz": {"200", "503"},
    }
    assert set(operation["responses"]) == expected[path]


# ---- the document that is kept --------------------------------------------------------------


def test_the_document_that_is_kept_is_the_one_that_is_printed():
    printed = run_command("openapi", settings={})
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == KEPT.read_text("utf-8")


def test_the_document_needs_no_setting_and_heeds_none():
    printed = run_command("openapi", settings={"NTAG424_PORT": "none"})
    assert (printed.returncode, printed.stderr) == (0, "")


def test_the_service_publishes_the_document(house):
    answer = asyncio.run(house.ask("GET", "/openapi.json"))
    assert answer.members == DOCUMENT


# ---- examples -------------------------------------------------------------------------------


def validator(schema):
    """Make a validator for a part of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


MEMBERS = [
    pytest.param(member["examples"], member, id=f"{name}.{field}")
    for name, found in DOCUMENT["components"]["schemas"].items()
    for field, member in found.get("properties", {}).items()
    if "examples" in member
]


@pytest.mark.parametrize(("examples", "member"), MEMBERS)
def test_the_examples_of_a_member_fit_its_schema(examples, member):
    for example in examples:
        validator(member).validate(example)


WHOLE = ["TapRequest", "TapAnswer", "SessionAnswer", "EnrolmentRequest", "TagAnswer", "Health"]


@pytest.mark.parametrize("name", WHOLE)
def test_the_examples_of_all_members_make_a_whole(name):
    members = DOCUMENT["components"]["schemas"][name]["properties"]
    whole = {field: member["examples"][0] for field, member in members.items()}
    validator({"$ref": f"#/components/schemas/{name}"}).validate(whole)


ANSWERS = [
    pytest.param(status, media_type, content, id=f"{parameter.id} {status}")
    for parameter in OPERATIONS
    for status, answer in parameter.values[2]["responses"].items()
    for media_type, content in answer.get("content", {}).items()
    if "example" in content
]


@pytest.mark.parametrize(("status", "media_type", "content"), ANSWERS)
def test_the_example_of_an_answer_fits_its_schema(status, media_type, content):
    validator(content["schema"]).validate(content["example"])


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_refusal_has_an_example(path, method, operation):
    without = {
        status
        for status, answer in operation["responses"].items()
        if int(status) >= 400 and not all("example" in c for c in answer["content"].values())
    }
    assert without == set()


PROBLEMS = [item for item in ANSWERS if item.values[1] == "application/problem+json"]


@pytest.mark.parametrize(("status", "media_type", "content"), PROBLEMS)
def test_the_example_of_a_problem_is_the_answer_itself(status, media_type, content):
    """The answers are tested to the byte elsewhere; here, that the document repeats them."""
    problems = (*TAP_PROBLEMS.values(), *ENROLMENT_PROBLEMS, TOO_LARGE, UNAUTHORIZED)
    facts = {
        "key_version",
        "epoch",
        "counter",
        "template",
        "key_versions",
    }  # of the case, where there is one
    example = {name: value for name, value in content["example"].items() if name not in facts}
    assert example in [problem.document for problem in problems]
    assert content["example"]["status"] == int(status)


def test_the_examples_on_sentrys_route_are_its_answers():
    responses = DOCUMENT["paths"][sentry_route.PATH]["post"]["responses"]
    examples = {
        int(status): answer["content"]["application/json"]["example"]
        for status, answer in responses.items()
        if status not in ("200", "413")  # too large for any route: no business of SENTRY's
    }
    assert examples == dict(sentry_route.BODIES.values())


# ---- real answers ---------------------------------------------------------------------------


def documented(path, method, status):
    return DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]


def test_an_accepted_tap_is_answered_as_documented(house):
    answer = asyncio.run(house.post_tap(tag().tap(), NONCE))
    schema = documented("/v1/taps", "post", answer.status)["application/json"]["schema"]
    validator(schema).validate(answer.members)


def test_a_session_is_shown_as_documented(house):
    token = asyncio.run(house.post_tap(tag().tap())).members["session"]
    answer = asyncio.run(house.look_up(f"Bearer {token}"))
    schema = documented("/v1/session", "get", answer.status)["application/json"]["schema"]
    validator(schema).validate(answer.members)


def test_an_accepted_tap_of_sentry_is_answered_as_documented(house):
    mac = sdm_mac(bytes(SENTRY_KEYS.tag_key(UID, 2)), UID, 1)
    body = json.dumps({"uid": str(UID), "sdmmac": mac, "sdmcounter": 1}).encode()
    request = house.ask("POST", sentry_route.PATH, body=body, headers=JSON)
    answer = asyncio.run(request)
    content = documented(sentry_route.PATH, "post", answer.status)
    validator(content["application/json"]["schema"]).validate(answer.members)


@pytest.mark.parametrize("path", ["/v1/taps", sentry_route.PATH])
def test_a_body_that_is_too_large_is_answered_as_documented(house, path):
    answer = asyncio.run(house.ask("POST", path, body=b" " * 5000, headers=JSON))
    content = documented(path, "post", answer.status)
    validator(content[answer.headers["content-type"]]["schema"]).validate(answer.members)
