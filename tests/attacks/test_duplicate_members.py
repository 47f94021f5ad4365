"""Attack: a member is named twice, so that a proxy in front of the service sees another tap.

A filter, a log or a cache that keeps the first of two equal names believes in one tap, and
a service that keeps the last one uses up the other. RFC 8259 section 4 leaves open which
of them counts, so neither may.
"""

from __future__ import annotations

import json

import pytest

from tests.service.asking import JSON
from tests.service.house import (
    NONCE,
    OTHER_NONCE,
    PRESENT_GENERATION,
    UID,
    build_house,
    tag,
)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def house(anyio_backend, tmp_path):
    house = build_house(tmp_path)
    await house.ledger.enrol(UID, PRESENT_GENERATION, 0)
    yield house
    await house.ledger.aclose()


def twice(name, first, second, **others):
    """Write an object that names a member twice."""
    rest = json.dumps(others)[1:-1]
    pairs = [f"{json.dumps(name)}: {json.dumps(value)}" for value in (first, second)]
    return ("{" + ", ".join([*pairs, *filter(None, [rest])]) + "}").encode()


@pytest.mark.anyio
async def test_of_two_urls_in_one_request_neither_is_used_up(house):
    phone = tag()
    urls = [phone.tap(), phone.tap()]
    shown = await house.ask("POST", "/v1/taps", body=twice("url", *urls), headers=JSON)
    later = [(await house.post_tap(url)).status for url in urls]
    assert (shown.status, later) == (400, [200, 200])


@pytest.mark.anyio
async def test_a_request_with_two_nonces_gets_nobody_the_answer_of_another(house):
    url = tag().tap()
    await house.post_tap(url, NONCE)
    body = twice("nonce", OTHER_NONCE, NONCE, url=url)
    answer = await house.ask("POST", "/v1/taps", body=body, headers=JSON)
    assert (answer.status, "session" in answer.members) == (400, False)
