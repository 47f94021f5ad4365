"""The servers for tests do what they say: they hold data, lose it, die and come back."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from tests.servers.process import needs_program, needs_redis
from tests.servers.redis_cluster import ClusterDeployment
from tests.servers.redis_sentinel import SentinelDeployment
from tests.servers.redis_server import CLIENT_OPTIONS, RedisServer, SecuredRedisServer
from tests.servers.waiting import PATIENCE_SECONDS, wait_until

_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def redis_is_here():
    needs_redis()


# ---- one server -----------------------------------------------------------------------------


@pytest.fixture
def server():
    with RedisServer() as server:
        yield server


def test_a_killed_server_has_its_data_when_it_is_back(server):
    server.client().set("kept", "yes")
    server.kill()
    server.restart()
    assert server.client().get("kept") == b"yes"


def test_a_running_server_restarts_on_its_port_with_its_data(server):
    server.client().set("kept", "yes")
    before = server.port, server.pid
    server.restart()
    assert server.port == before[0]
    assert server.pid != before[1]
    assert server.client().get("kept") == b"yes"


def test_a_frozen_server_answers_once_it_is_thawed(server):
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as connection:
        server.freeze()
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(7)
        server.thaw()
        connection.settimeout(PATIENCE_SECONDS)
        assert connection.recv(7) == b"+PONG\r\n"


def test_a_frozen_server_stops_and_stops_again():
    server = RedisServer().start()
    server.freeze()
    server.stop()
    server.stop()
    assert not server.is_running


def test_a_folder_of_its_own_is_removed_and_a_given_one_is_left(tmp_path):
    with RedisServer() as fleeting, RedisServer(tmp_path) as lasting:
        assert lasting.folder == tmp_path
        assert fleeting.folder.exists()
    assert not fleeting.folder.exists()
    assert tmp_path.exists()


def test_options_are_given_by_keyword():
    with RedisServer(appendfsync="everysec", maxmemory="64mb") as server:
        assert server.client().config_get("append*")["appendfsync"] == "everysec"
        assert server.client().config_get("maxmemory")["maxmemory"] == str(64 << 20)


def test_a_server_that_cannot_start_says_why():
    server = RedisServer(maxmemory="much")
    with pytest.raises(AssertionError, match="argument must be a memory value"):
        server.start()
    server.stop()


def test_nobody_gets_the_port_of_a_server_that_is_down(server):
    server.kill()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", server.port))


def test_a_server_outlives_the_thread_that_started_it():
    with ThreadPoolExecutor(1) as thread:
        server = thread.submit(RedisServer().start).result()
    assert server.client().ping()
    server.stop()


def test_no_server_outlives_tests_that_are_killed(tmp_path):
    program = (
        "import pathlib, sys; from tests.servers.redis_server import RedisServer; "
        "print(RedisServer(pathlib.Path(sys.argv[1])).start().port, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as tests:
        port = int(tests.stdout.readline())
        assert _answers(port)
        tests.send_signal(signal.SIGKILL)
    wait_until(lambda: not _answers(port), "the server ends with the tests")


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_what_is_not_installed_skips_a_test_and_fails_it_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="apt-get install of-servers"):
        needs_program("no-such-server", "of-servers")


# ---- the secured server ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def secured():
    needs_redis()
    with SecuredRedisServer() as server:
        yield server


@pytest.fixture
def as_store(secured):
    with secured.client_as(secured.USER, secured.password) as client:
        yield client


def test_the_secured_server_serves_the_user_of_the_store(as_store):
    as_store.set("ntag424:key", "value")
    assert as_store.get("ntag424:key") == b"value"
    script = as_store.script_load("return redis.call('GET', KEYS[1])")
    assert as_store.evalsha(script, 1, "ntag424:key") == b"value"


def test_the_secured_server_speaks_no_plaintext(secured):
    with (
        redis.Redis(port=secured.port, **CLIENT_OPTIONS) as client,
        pytest.raises((redis.ConnectionError, redis.InvalidResponse)),
    ):
        client.ping()


@pytest.mark.parametrize("user", [None, "somebody", SecuredRedisServer.USER])
def test_the_secured_server_serves_nobody_without_the_password(secured, user):
    password = None if user is None else "guessed"
    with (
        secured.client_as(user, password) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


@pytest.mark.parametrize(
    "command", ["GET other", "CONFIG SET appendonly no", "ACL LIST", "SHUTDOWN"]
)
def test_the_user_of_the_store_may_do_no_more_than_that(as_store, command):
    with pytest.raises(redis.exceptions.NoPermissionError):
        as_store.execute_command(*command.split())


def test_the_tests_may_do_everything_on_the_secured_server(secured):
    assert secured.client().acl_whoami() == "tests"
    assert secured.client().flushall()


def test_the_url_names_files_and_the_password_is_in_a_private_one(secured):
    assert secured.password_file.read_text().strip() == secured.password
    assert secured.password_file.stat().st_mode & 0o777 == 0o600
    assert secured.password not in secured.url
    assert str(secured.password_file) in secured.url


# ---- master, replica and sentinels ----------------------------------------------------------

sentinel_test = pytest.mark.xdist_group("sentinel-servers")


@pytest.fixture(scope="module")
def deployment():
    needs_redis()
    with SentinelDeployment() as deployment:
        yield deployment


@pytest.fixture
def sentinels(deployment):
    yield deployment
    deployment.heal()


@sentinel_test
def test_a_replicated_write_survives_the_master(sentinels):
    sentinels.master.client().set("replicated", "yes")
    assert sentinels.master.replicates()
    lost = sentinels.master
    sentinels.fail_over()
    assert sentinels.master is not lost
    assert sentinels.replica is lost
    assert sentinels.master.client().get("replicated") == b"yes"


@sentinel_test
def test_a_write_during_the_cut_is_lost_with_the_master(sentinels):
    sentinels.cut_replication()
    sentinels.master.client().set("unreplicated", "yes")
    sentinels.fail_over()
    assert sentinels.master.client().get("unreplicated") is None
    sentinels.rejoin()
    assert sentinels.master.client().get("unreplicated") is None


@sentinel_test
def test_a_write_during_the_cut_arrives_when_it_is_mended(sentinels):
    sentinels.cut_replication()
    with sentinels.master.client().client() as connection:
        connection.set("late", "yes")
        assert connection.wait(1, 50) == 0
        sentinels.mend_replication()
        assert connection.wait(1, PATIENCE_SECONDS * 1000) == 1
    assert sentinels.replica.client().get("late") == b"yes"


@sentinel_test
def test_who_rejoins_is_waited_for_and_becomes_master_in_turn(sentinels):
    first = sentinels.master
    sentinels.fail_over()
    with sentinels.master.client().client() as connection:
        connection.set("alone", "yes")
        assert connection.wait(1, 50) == 0
        sentinels.rejoin()
        assert connection.wait(1, PATIENCE_SECONDS * 1000) == 1
    sentinels.fail_over()
    assert sentinels.master is first
    assert sentinels.master.client().get("alone") == b"yes"


@sentinel_test
def test_a_replica_takes_no_writes(sentinels):
    with pytest.raises(redis.ReadOnlyError):
        sentinels.replica.client().set("here", "no")


@sentinel_test
def test_a_replica_that_was_cut_off_for_long_becomes_master_all_the_same(sentinels):
    sentinels.master.client().set("replicated", "long ago")
    sentinels.cut_replication()
    replica = sentinels.replica
    wait_until(
        lambda: replica.replication["master_link_down_since_seconds"] >= 2, "it was down for long"
    )
    sentinels.fail_over()
    assert sentinels.master is replica
    assert replica.client().get("replicated") == b"long ago"


@sentinel_test
def test_a_frozen_master_is_replaced_and_healed_into_a_replica(sentinels):
    frozen, heir = sentinels.master, sentinels.replica
    with sentinels.sentinels[0].next_switch() as announcements:
        frozen.freeze()
        sentinels.sentinels[0].wait_for_switch(announcements)
    sentinels.heal()
    assert sentinels.master is heir
    assert frozen.replication["role"] == "slave"


@sentinel_test
def test_two_deployments_do_not_disturb_each_other(sentinels):
    with SentinelDeployment() as other, RedisServer():
        masters = sentinels.master, other.master
        other.master.client().set("whose", "other")
        other.fail_over()
        other.rejoin()
        assert other.master is not masters[1]
        assert sentinels.master is masters[0]
        assert masters[0].client().get("whose") is None
        assert masters[0].replicates()


@sentinel_test
def test_the_urls_name_every_sentinel(sentinels):
    hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels.sentinels)
    assert sentinels.url == f"redis+sentinel://{hosts}/ntag424/0?replicas=1"
    assert sentinels.url_without_wait == f"redis+sentinel://{hosts}/ntag424/0?replicas=0"


# ---- a cluster ------------------------------------------------------------------------------

cluster_test = pytest.mark.xdist_group("cluster-servers")


@pytest.fixture(scope="module")
def cluster():
    needs_redis()
    with ClusterDeployment() as cluster:
        yield cluster


def _client_of(cluster):
    return redis.RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port)


@cluster_test
def test_a_cluster_spreads_keys_over_its_nodes_and_keeps_them(cluster):
    with _client_of(cluster) as client:
        for number in range(100):
            client.set(f"key {number}", number)
    assert all(node.client().dbsize() > 10 for node in cluster.nodes)
    cluster.restart_all()
    with _client_of(cluster) as client:
        assert [int(client.get(f"key {number}")) for number in range(100)] == list(range(100))


@cluster_test
def test_a_cluster_without_one_node_is_not_whole_until_it_is_healed(cluster):
    cluster.nodes[1].kill()
    wait_until(lambda: not cluster.nodes[0].serves_cluster(), "the others notice")
    cluster.heal()
    assert all(node.serves_cluster() for node in cluster.nodes)


@cluster_test
def test_the_url_names_every_node(cluster):
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
    assert cluster.url == f"redis+cluster://{hosts}"
