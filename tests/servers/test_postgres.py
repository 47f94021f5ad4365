"""The PostgreSQL servers for tests do what they say: hold data, die, hang and come back."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import PostgresServer, StandbyPair, needs_postgres
from tests.servers.postgres_cluster import release_memory
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.xdist_group("postgresql")

_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def postgres_is_here():
    needs_postgres()


@pytest.fixture(scope="module")
def server():
    needs_postgres()
    with PostgresServer() as server:
        yield server


@pytest.fixture
def kept(server):
    server.ask("DROP TABLE IF EXISTS kept")
    server.ask("CREATE TABLE kept (number integer)")
    server.ask("INSERT INTO kept VALUES (1)")
    return server


def test_a_killed_server_has_its_data_when_it_is_back(kept):
    kept.kill()
    kept.start()
    assert kept.ask("SELECT number FROM kept") == [(1,)]


def test_a_restarted_server_has_its_port_and_its_data(kept):
    port = kept.port
    kept.restart()
    assert (kept.port, kept.ask("SELECT number FROM kept")) == (port, [(1,)])


def test_nothing_of_a_killed_server_is_left(server):
    family = list(server._family())
    server.kill()
    try:
        with pytest.raises(psycopg.OperationalError):
            server.connect()
        assert len(family) > 3
        assert not any(map(_is_postgres, family))
    finally:
        server.start()


def test_a_frozen_server_answers_once_it_is_thawed(server):
    with closing(server.connect()) as connection:
        server.freeze()
        connection.pgconn.send_query(b"SELECT 1")
        assert connection.pgconn.is_busy()
        server.thaw()
        assert connection.pgconn.get_result().get_value(0, 0) == b"1"


def test_a_frozen_server_can_be_killed(server):
    server.freeze()
    server.kill()
    server.start()


def test_a_server_may_be_stopped_twice_whatever_became_of_it():
    server = PostgresServer().start()
    server.kill()
    server.stop()
    server.stop()
    assert not server.folder.exists()


def test_settings_are_changed_and_changed_back(server):
    server.set(fsync="off")
    off = server.ask("SHOW fsync")
    server.set(fsync=None)
    assert (off, server.ask("SHOW fsync")) == ([("off",)], [("on",)])


@pytest.mark.parametrize("then", ["", "server.freeze(); "], ids=["running", "frozen"])
def test_no_server_outlives_tests_that_are_killed(then):
    program = (
        "from tests.servers.postgres import PostgresServer; "
        "from tests.servers.postgres_cluster import template; "
        f"server = PostgresServer().start(); {then}"
        "print(server.folder, template().parent, *server._family(), flush=True); "
        "input()"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with tests:
        folder, template, *family = tests.stdout.readline().split()
        tests.send_signal(signal.SIGKILL)
    assert len(family) > 3
    wait_until(lambda: not any(map(_is_postgres, family)), "the server is dead")
    release_memory(Path(folder) / "cluster")
    shutil.rmtree(folder)
    shutil.rmtree(template)


def _is_postgres(pid):
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture(scope="module")
def pair():
    needs_postgres()
    with StandbyPair() as pair:
        yield pair


def test_what_the_primary_confirmed_is_there_after_each_failover(pair):
    pair.primary.ask("CREATE TABLE kept (number integer)")
    for number in range(3):
        pair.primary.ask("INSERT INTO kept VALUES (%s)", number)
        pair.fail_over()
    assert pair.primary.ask("SELECT count(*) FROM kept") == [(3,)]


def test_nothing_is_confirmed_while_the_standby_is_frozen(pair):
    pair.primary.ask("CREATE TABLE waiting (number integer)")
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with closing(pair.primary.connect()) as connection:
        pair.freeze_standby()
        connection.pgconn.send_query(b"INSERT INTO waiting VALUES (1)")
        wait_until(lambda: pair.primary.ask(query) == [(1,)], "it waits")
        pair.thaw_standby()
        wait_until(lambda: pair.primary.ask(query) == [(0,)], "it has waited")
