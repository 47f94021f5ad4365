"""What holds for every request: its size, its headers, and who may ask."""

from __future__ import annotations

import json

import pytest

from tests.service.asking import JSON, Wire, tap_body
from tests.service.house import NONCE, PRESENT_GENERATION, UID, tag
from tests.service.running import serving

pytestmark = pytest.mark.anyio

APP = "https://app.example.com"
TOO_LARGE = {
    "type": "about:blank",
    "title": "Request Entity Too Large",
    "status": 413,
    "detail": "Request Entity Too Large",
}
DOORS = ("/v1/taps", "/api/v1/auth/sdm/exchange")


def padded_tap(length):
    """Write a good request of so many bytes."""
    body = tap_body(tag().tap(), NONCE)
    return body + b" " * (length - len(body))


# ---- body limit -----------------------------------------------------------------------------


async def test_a_body_of_4096_bytes_is_taken(house):
    answer = await house.ask("POST", "/v1/taps", body=padded_tap(4096), headers=JSON)
    assert answer.status == 200


async def test_a_body_of_4097_bytes_is_refused(house):
    answer = await house.ask("POST", "/v1/taps", body=padded_tap(4097), headers=JSON)
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.members["status"] == 413


async def test_a_body_that_comes_in_pieces_is_counted_as_a_whole(house):
    body = padded_tap(4097)
    pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
    answer = await house.ask("POST", "/v1/taps", body=pieces, headers=JSON)
    assert answer.status == 413


async def test_a_refused_body_uses_no_tap_up(house):
    url = tag().tap()
    await house.ask("POST", "/v1/taps", body=tap_body(url).ljust(4097), headers=JSON)
    answer = await house.post_tap(url)
    assert answer.status == 200


@pytest.fixture(scope="module")
def service(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guards") / "installation"
    with serving(prepared.copied_to(folder, NTAG424_CORS_ORIGINS=APP)) as service:
        yield service


@pytest.fixture
async def wire(anyio_backend, service):
    wire = await Wire.open(service.port)
    yield wire
    await wire.aclose()


async def test_a_body_announced_as_huge_is_refused_before_it_has_come(wire):
    """One piece over the limit is enough; the other 99 megabytes are not waited for."""
    head = b"POST /v1/taps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    await wire.send(head + b"content-length: 100000000\r\n\r\n" + b" " * 8192)
    answer = await wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")


async def test_an_endless_chunked_body_is_refused_before_its_end(wire):
    head = b"POST /v1/taps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    await wire.send(head + b"transfer-encoding: chunked\r\n\r\n" + 2 * chunk)
    answer = await wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")


# ---- headers of every answer ----------------------------------------------------------------

EVERYWHERE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
REQUESTS = [
    ("GET", "/t"),
    ("HEAD", "/t"),
    ("GET", "/t/tap.js"),
    ("GET", "/t/tap.css"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/v1/session"),
    ("GET", "/openapi.json"),
    ("GET", "/problems/replayed"),
    ("GET", "/nowhere"),
    ("GET", "/v1/taps"),
    ("POST", "/v1/taps"),
    ("OPTIONS", "/v1/taps"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_no_answer_is_kept_referred_to_or_guessed_at(house, method, path):
    answer = await house.ask(method, path)
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


async def test_the_real_service_does_not_name_its_software(wire):
    answer = await wire.ask("GET", "/livez")
    assert "server" not in answer.headers
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


@pytest.mark.parametrize("path", ["/t", "/t/tap.js", "/t/tap.css"])
async def test_the_page_loads_and_calls_nothing_but_its_own_origin(house, path):
    answer = await house.ask("GET", path)
    directives = dict(
        directive.strip().split(" ", 1)
        for directive in answer.headers["content-security-policy"].split(";")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


# ---- other origins --------------------------------------------------------------------------


@pytest.fixture
async def open_to_app(open_house):
    house = open_house(cors_origins=(APP, "http://127.0.0.1:3000"))
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    return house


def preflight(origin, method="POST", headers="content-type"):
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }


@pytest.mark.parametrize("origin", [APP, "http://127.0.0.1:3000"])
@pytest.mark.parametrize("path", DOORS)
async def test_a_listed_origin_may_post(open_to_app, origin, path):
    answer = await open_to_app.ask("OPTIONS", path, headers=preflight(origin))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]


async def test_a_listed_origin_may_send_its_token(open_to_app):
    asked = preflight(APP, "GET", "authorization")
    answer = await open_to_app.ask("OPTIONS", "/v1/session", headers=asked)
    assert answer.status == 200


@pytest.mark.parametrize("status", [200, 409, 413])
async def test_a_listed_origin_may_read_the_answer(open_to_app, status):
    url = tag().tap()
    if status == 409:
        await open_to_app.post_tap(url)
    body = tap_body(url).ljust(4097 if status == 413 else 0)
    answer = await open_to_app.ask("POST", "/v1/taps", body=body, headers=JSON | {"origin": APP})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, APP)


async def test_a_listed_origin_may_read_when_to_try_again(open_to_app):
    answer = await open_to_app.ask("GET", "/livez", headers={"origin": APP})
    assert answer.headers["access-control-expose-headers"] == "Retry-After"


NOT_LISTED = [
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "null",
    "*",
]


@pytest.mark.parametrize("origin", NOT_LISTED)
async def test_an_origin_that_is_not_listed_may_not_read_the_answer(open_to_app, origin):
    answer = await open_to_app.ask("GET", "/livez", headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", NOT_LISTED)
async def test_an_origin_that_is_not_listed_may_not_post(open_to_app, origin):
    answer = await open_to_app.ask("OPTIONS", "/v1/taps", headers=preflight(origin))
    assert answer.status == 400
    assert "access-control-allow-origin" not in answer.headers


async def test_no_origin_may_send_cookies(open_to_app):
    answer = await open_to_app.ask("GET", "/livez", headers={"origin": APP})
    assert "access-control-allow-credentials" not in answer.headers


async def test_without_a_list_no_origin_may_read_anything(house):
    answer = await house.ask("GET", "/livez", headers={"origin": APP})
    assert "access-control-allow-origin" not in answer.headers


async def test_the_real_service_takes_its_list_from_the_environment(wire):
    answer = await wire.ask("GET", "/livez", headers={"origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP


# ---- development mode -----------------------------------------------------------------------


@pytest.fixture
async def development(open_house):
    house = open_house(dev=True)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    return house


@pytest.mark.parametrize(
    "client", [("192.0.2.7", 40000), ("::ffff:192.0.2.7", 1), ("2001:db8::1", 1), ("", 1), None]
)
async def test_development_mode_answers_no_other_machine(development, client):
    url = tag().tap()
    answer = await development.ask(
        "POST", "/v1/taps", body=tap_body(url), headers=JSON, client=client
    )
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.members["title"] == "Development mode"
    assert (await development.post_tap(url)).status == 200


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip"])
async def test_development_mode_believes_no_header(development, name):
    answer = await development.ask(
        "GET", "/livez", headers={name: "127.0.0.1"}, client=("192.0.2.7", 1)
    )
    assert answer.status == 403


@pytest.mark.parametrize("client", [("127.0.0.1", 1), ("127.8.8.8", 1), ("::1", 1)])
async def test_development_mode_answers_this_machine(development, client):
    answer = await development.ask("GET", "/livez", client=client)
    assert answer.status == 200


async def test_without_development_mode_other_machines_are_answered(house):
    answer = await house.ask("GET", "/livez", client=("192.0.2.7", 1))
    assert answer.status == 200


async def test_a_refusal_in_development_mode_carries_the_headers_too(development):
    answer = await development.ask("GET", "/t", client=("192.0.2.7", 1))
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert json.loads(answer.body)["status"] == 403
