"""URLs of Redis say which deployment, and hold no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntag424.errors import StoreUrlError
from ntag424.replay.redis._url import Account, Deployment, RedisAddress, Tls

SECRET = "a-password-in-the-url"


@pytest.mark.parametrize(
    ("url", "deployment", "hosts"),
    [
        ("redis://h", Deployment.SINGLE, (("h", 6379),)),
        ("redis://h:1/2", Deployment.SINGLE, (("h", 1),)),
        ("rediss://[::1]:7", Deployment.SINGLE, (("::1", 7),)),
        (
            "redis+sentinel://a,b:2/s?replicas=1",
            Deployment.SENTINEL,
            (("a", 26379), ("b", 2)),
        ),
        ("rediss+sentinel://a/s/3?replicas=2", Deployment.SENTINEL, (("a", 26379),)),
        ("redis+cluster://a,b:2,c", Deployment.CLUSTER, (("a", 6379), ("b", 2), ("c", 6379))),
        ("rediss+cluster://a/", Deployment.CLUSTER, (("a", 6379),)),
    ],
)
def test_a_url_names_a_deployment_and_its_hosts(url, deployment, hosts):
    address = RedisAddress.parse(url)
    assert (address.deployment, address.hosts) == (deployment, hosts)


@pytest.mark.parametrize(
    ("url", "service", "database"),
    [
        ("redis://h", "", 0),
        ("redis://h/5", "", 5),
        ("redis+sentinel://h/taps?replicas=1", "taps", 0),
        ("redis+sentinel://h/taps/5?replicas=1", "taps", 5),
    ],
)
def test_a_url_names_service_and_database(url, service, database):
    address = RedisAddress.parse(url)
    assert (address.service, address.database) == (service, database)


def test_a_url_names_who_we_are():
    address = RedisAddress.parse("redis://me%40here@h?password_file=/secret")
    assert address.account == Account("me@here", Path("/secret"))


def test_a_url_names_who_we_are_to_sentinels():
    url = "redis+sentinel://h/s?replicas=1&sentinel_user=me&sentinel_password_file=/secret"
    assert RedisAddress.parse(url).sentinel_account == Account("me", Path("/secret"))


def test_tls_is_what_the_scheme_says():
    url = "rediss://h?ca_file=/ca&cert_file=/cert&key_file=/key"
    assert RedisAddress.parse(url).tls == Tls("/ca", "/cert", "/key")


def test_without_tls_there_is_none():
    assert RedisAddress.parse("redis://h").tls is None


def test_a_url_says_how_many_replicas_must_have_a_tap():
    assert RedisAddress.parse("redis://h?replicas=2").requirements.replicas == 2


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:6379",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:6379x",
        "redis://h:+1",
        "redis://h h",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/1/2",
        "redis://h#fragment",
        "redis://a,b",
        "redis://h?replicas",
        "redis://h?replicas=-1",
        "redis://h?replicas=x",
        "redis://h?replicas=1&replicas=2",
        "redis://h?unknown=1",
        "redis://h?unseen_settings=yes",
        "redis://h?ca_file=/ca",
        "redis+sentinel://h?replicas=1",
        "redis+sentinel://h/s",
        "redis+sentinel://h/s?replicas=0",
        "redis+cluster://h/1",
        "redis+cluster://a,,b",
        "redis+other://h",
        f"redis://me:{SECRET}@h",
        f"redis://:{SECRET}@h",
        f"redis://h?password={SECRET}",
        f"redis://me:{SECRET}@h:x",
    ],
)
def test_what_is_no_url_of_a_redis_is_refused(url):
    with pytest.raises(StoreUrlError) as refused:
        RedisAddress.parse(url)
    assert SECRET not in f"{refused.value} {refused.value.hint}"
