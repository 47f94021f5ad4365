"""Who a request counts for: its address, and what a proxy says only where it is trusted."""

from __future__ import annotations

import pytest
import uvicorn
from ntag424_service.guards.sources import (
    ForwardingNotice,
    proxy_settings,
    source_at,
    source_of,
)
from ntag424_service.operations.log import configure_logging
from ntag424_service.settings import Settings
from structlog.testing import capture_logs
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.service.asking import ask

pytestmark = pytest.mark.anyio

PROXY, CLIENT = "10.1.2.3", "192.0.2.7"


# ---- sources --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("no address", "another"),
        ("", "192.0.2.07"),
    ],
)
def test_what_one_customer_can_choose_from_is_one_source(one, other):
    assert source_at(one) == source_at(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
        ("192.0.2.7", "no address"),
    ],
)
def test_others_are_other_sources(one, other):
    assert source_at(one) != source_at(other)


def test_a_request_without_an_address_has_a_source_too():
    assert source_of({"client": None}) == source_of({"client": ("/run/socket", 0)})


# ---- trusted proxies ------------------------------------------------------------------------


async def client_seen(trusted, peer, *, headers):
    """Say which client the application sees, behind what uvicorn makes of the settings."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    settings = Settings(trusted_proxies=trusted)
    config = uvicorn.Config(app, log_config=None, lifespan="off", **proxy_settings(settings))
    config.load()
    await ask(config.loaded_app, "GET", "/", headers=headers, client=(peer, 1))
    return seen[0]


def forwarded(text):
    return {"x-forwarded-for": text}


async def test_by_default_nobody_is_believed():
    for peer in ("127.0.0.1", "::1", PROXY):
        assert await client_seen((), peer, headers=forwarded(CLIENT)) == peer


async def test_the_environment_of_uvicorn_makes_nobody_believed(monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert await client_seen((), PROXY, headers=forwarded(CLIENT)) == PROXY
    trusted = ("192.0.2.1",)
    assert await client_seen(trusted, PROXY, headers=forwarded(CLIENT)) == PROXY


@pytest.mark.parametrize("trusted", ["10.1.2.3", "10.0.0.0/8", "2001:db8::1,10.1.2.3"])
async def test_a_trusted_proxy_is_believed(trusted):
    trusted = tuple(trusted.split(","))
    assert await client_seen(trusted, PROXY, headers=forwarded(CLIENT)) == CLIENT


@pytest.mark.parametrize("peer", ["::ffff:10.1.2.3", "2001:db8::1"])
async def test_a_trusted_proxy_is_known_on_a_socket_for_ipv6_too(peer):
    trusted = ("10.0.0.0/8", "2001:db8::/64")
    assert await client_seen(trusted, peer, headers=forwarded(CLIENT)) == CLIENT


async def test_what_a_client_wrote_itself_is_not_believed():
    chain = forwarded(f"127.0.0.1, 198.51.100.9, {CLIENT}, 10.9.9.9")
    assert await client_seen(("10.0.0.0/8",), PROXY, headers=chain) == CLIENT


@pytest.mark.parametrize(
    "garbage", ["unknown", "_hidden", "127.0.0.1'", "\x00", "[::1", "a" * 3000]
)
async def test_garbage_from_a_trusted_proxy_is_no_loopback_address(garbage):
    seen = await client_seen((PROXY,), PROXY, headers=forwarded(garbage))
    assert source_at(seen) == source_at("no address")


async def test_an_empty_value_leaves_the_proxy_itself():
    assert await client_seen((PROXY,), PROXY, headers=forwarded("")) == PROXY


def test_without_trusted_proxies_uvicorn_has_no_part_in_it():
    config = uvicorn.Config("x:y", log_config=None, **proxy_settings(Settings()))
    assert not config.proxy_headers
    assert ProxyHeadersMiddleware(None, config.forwarded_allow_ips).trusted_hosts.always_trust is (
        False
    )


# ---- a proxy that is not named --------------------------------------------------------------


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


async def nothing(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def noticed(addresses, *, peer=PROXY, minutes=1):
    """Count the warnings about requests that say they were forwarded for *addresses*."""
    configure_logging()
    clock = Clock()
    with capture_logs() as lines:
        notice = ForwardingNotice(nothing, clock)
        for _ in range(minutes):
            for address in addresses:
                await ask(notice, "GET", "/", headers=forwarded(address), client=(peer, 1))
            clock.seconds += 60
    assert {line["event"] for line in lines} <= {"forwarded addresses ignored"}
    return len(lines)


MANY = [f"192.0.2.{number}" for number in range(200)]


async def test_many_forwarded_addresses_that_are_not_believed_are_warned_of_once():
    assert await noticed(MANY) == 1


async def test_the_warning_comes_back_after_a_minute():
    assert await noticed(MANY, minutes=3) == 3


async def test_one_forwarded_address_is_not_many():
    assert await noticed([CLIENT] * 200) == 0


async def test_a_client_that_was_believed_is_not_warned_of_whatever_it_wrote_itself():
    assert await noticed([f"{address}, {CLIENT}" for address in MANY], peer=CLIENT) == 0


async def test_no_more_than_so_many_addresses_are_remembered():
    configure_logging()
    notice = ForwardingNotice(nothing, Clock())
    for number in range(1000):
        peer = f"10.1.{number // 250}.{number % 250}"
        await ask(notice, "GET", "/", headers=forwarded(CLIENT), client=(peer, 1))
    assert len(notice._seen) == 64
