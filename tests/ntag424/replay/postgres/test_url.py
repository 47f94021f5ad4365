"""URLs of ledgers in PostgreSQL; no server is needed for them."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from ntag424.errors import StoreUrlError
from ntag424.replay.postgres import PostgresStore
from ntag424.replay.postgres._url import Address


def servers(url):
    """Return what libpq is told for each server."""
    return [conninfo_to_dict(conninfo) for conninfo in Address.of(url).conninfos]


@pytest.mark.parametrize(
    ("url", "schema"),
    [
        ("postgresql://db/x", "ntag424"),
        ("postgres://db/x", "ntag424"),
        ("postgresql://db/x?schema=tags", "tags"),
        ("postgresql://db/x?schema=_t4", "_t4"),
        ("postgresql://db/x?sslmode=require&schema=tags&application_name=us", "tags"),
        (f"postgresql://db/x?schema={'s' * 63}", "s" * 63),
    ],
)
def test_the_schema_is_named_in_the_url(url, schema):
    assert Address.of(url).schema == schema


def test_everything_else_is_for_libpq():
    (server,) = servers("postgresql://me@db:99/x?schema=tags&sslmode=require&passfile=/run/pass")
    given = {"user": "me", "host": "db", "port": "99", "dbname": "x", "passfile": "/run/pass"}
    assert given.items() <= server.items()


def test_several_servers_are_tried_each_for_itself():
    first, second = servers("postgresql://a:1,b:2/x")
    assert [(each["host"], each["port"]) for each in (first, second)] == [("a", "1"), ("b", "2")]


def test_one_port_stands_for_all_servers():
    assert [each["port"] for each in servers("postgresql:///x?host=a,b&port=7")] == ["7", "7"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_session_attrs", "read-write"),
        ("connect_timeout", "2"),
        ("application_name", "ntag424"),
    ],
)
def test_what_is_not_given_is_set(name, value):
    (server,) = servers("postgresql://db/x")
    assert server[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_session_attrs", "any"),
        ("connect_timeout", "9"),
        ("application_name", "us"),
        ("sslmode", "disable"),
    ],
)
def test_what_is_given_stays(name, value):
    (server,) = servers(f"postgresql://db/x?{name}={value}")
    assert server[name] == value


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/x",
        "postgresql://10.0.0.1/x",
        "postgresql://[2001:db8::1]/x",
        "postgresql://127.0.0.1,db.example/x",
        "postgresql://localhost/x?hostaddr=10.0.0.1",
        "postgresql://localhost.example/x",
    ],
)
def test_a_server_across_a_network_has_to_prove_who_it_is(url):
    assert {each.get("sslmode") for each in servers(url)} == {"verify-full"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1/x",
        "postgresql://127.1.2.3/x",
        "postgresql://[::1]/x",
        "postgresql://localhost/x",
        "postgresql://localhost,127.0.0.1/x",
        "postgresql://%2Frun%2Fpostgresql/x",
        "postgresql:///x?host=/run/postgresql",
        "postgresql:///x?host=@abstract",
    ],
)
def test_on_one_machine_nothing_is_asked_of_the_line(url):
    assert all("sslmode" not in each for each in servers(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db/x",
        "postgresql://db/x?password=hunter2",
        "postgresql://db/x?pass%77ord=hunter2",
        "postgresql://db/x?sslpassword=hunter2",
    ],
)
def test_a_password_has_no_place_in_a_url(url):
    with pytest.raises(StoreUrlError, match="no password") as refused:
        PostgresStore.at(url)
    assert "passfile=" in refused.value.hint


BAD_URLS = {
    "another scheme": "mysql://db/x",
    "no scheme": "db/x",
    "no server": "postgresql:///hunter2",
    "one server without a name": "postgresql://hunter2,,b/x",
    "no database": "postgresql://hunter2",
    "unknown parameter": "postgresql://db/x?hunter2=1",
    "parameter without a value": "postgresql://db/x?hunter2",
    "broken escape": "postgresql://db/hunter2%zz",
    "more ports than servers": "postgresql:///hunter2?host=a,b&port=1,2,3",
    "fewer ports than servers": "postgresql:///hunter2?host=a,b,c&port=1,2",
    "schema twice": "postgresql://db/hunter2?schema=a&schema=b",
    "empty schema": "postgresql://db/hunter2?schema=",
    "schema with a capital": "postgresql://db/x?schema=Hunter2",
    "schema with a digit in front": "postgresql://db/hunter2?schema=2a",
    "schema with a quote": "postgresql://db/hunter2?schema=a%22",
    "schema of PostgreSQL's own": "postgresql://db/hunter2?schema=pg_tags",
    "schema of 64": f"postgresql://db/hunter2?schema={'s' * 64}",
}


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
def test_a_bad_url_is_refused_and_not_quoted(url):
    with pytest.raises(StoreUrlError) as refused:
        PostgresStore.at(url)
    error = refused.value
    told = f"{error} {error.hint} {error.__cause__} {error.__suppress_context__}"
    assert "hunter2" not in told.lower()


def test_no_repr_shows_where_the_ledger_is():
    store = PostgresStore.at("postgresql://hunter2@hunter2/hunter2?passfile=/hunter2")
    assert "hunter2" not in repr(store) + repr(store._address)
