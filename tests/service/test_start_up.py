"""The real process: it serves, stops when asked, and lives on when its store is taken away."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from ntag424_service.assembly import assemble
from ntag424_service.errors import SettingsError
from ntag424_service.private_files import read_private_file
from ntag424_service.server.asgi import build
from ntag424_service.settings import load_settings

from ntag424 import Uid
from tests.service.asking import Wire, ask
from tests.service.house import NONCE
from tests.service.running import COMMAND, free_port, run_command, run_program, serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("0457A27B075E2F")


async def test_a_store_that_is_replaced_under_the_service_stops_all_but_livez(installation):
    await installation.enrol(UID)
    phone = installation.tag(UID)
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        accepted = await wire.post_tap(phone.tap(), NONCE)
        bearer = {"authorization": f"Bearer {accepted.members['session']}"}
        before = [
            accepted.status,
            (await wire.ask("GET", "/v1/session", headers=bearer)).status,
            (await wire.ask("GET", "/readyz")).status,
        ]
        # A copy takes the place of the ledger, as a hasty restore from a backup would do it.
        copy = installation.folder / "copy"
        shutil.copyfile(installation.store, copy)
        copy.replace(installation.store)
        after = [
            (await wire.post_tap(phone.tap(), NONCE)).status,
            (await wire.ask("GET", "/v1/session", headers=bearer)).status,
            (await wire.ask("GET", "/readyz")).status,
            (await wire.ask("GET", "/livez")).status,
        ]
        await wire.aclose()
    assert before == [200, 200, 200]
    assert after == [503, 503, 503, 200]


async def test_a_service_that_is_asked_to_stop_tidies_up(installation):
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        assert (await wire.ask("GET", "/livez")).status == 200
        service.stop()
        await wire.aclose()
    assert "Application shutdown complete" in str(service.stderr)
    assert "Traceback" not in str(service.stderr)
    # The last connection to close a ledger takes its write-ahead log away.
    assert [path.name for path in installation.folder.glob("ledger.db*")] == ["ledger.db"]


async def test_an_answer_that_was_lost_on_the_way_is_given_again(installation):
    """The client drops its connection after sending the request, over and over."""
    await installation.enrol(UID)
    phone = installation.tag(UID)
    with serving(installation) as service:
        for number in range(20):
            url, nonce = phone.tap(), f"{number:032x}"
            body = b'{"url": "%s", "nonce": "%s"}' % (url.encode(), nonce.encode())
            lost = await Wire.open(service.port)
            head = b"POST /v1/taps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            await lost.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            lost.abort()
            wire = await Wire.open(service.port)
            again = await wire.post_tap(url, nonce)
            other = await wire.post_tap(url, NONCE)
            await wire.aclose()
            assert (again.status, other.status) == (200, 409)


#: Nobody listens there.
NOWHERE = "redis://127.0.0.1:1"


async def test_a_worker_starts_without_asking_a_store_across_a_network(installation, monkeypatch):
    """It runs in an event loop already; whoever started it has asked."""
    for name, value in (installation.settings | {"NTAG424_STORE": NOWHERE}).items():
        monkeypatch.setenv(name, value)
    app = build()
    answers = [(await ask(app, "GET", path)).status for path in ("/livez", "/readyz")]
    assert answers == [200, 503]


async def test_the_settings_do_not_show_the_url_of_the_store(installation, monkeypatch):
    for name, value in (installation.settings | {"NTAG424_STORE": NOWHERE}).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert "127.0.0.1:1" not in f"{settings!r} {settings} {assemble(settings)!r}"


# ---- what it does not start with ------------------------------------------------------------


def at_port_that_is_taken(installation, stack):
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return {"NTAG424_PORT": str(taken.getsockname()[1])}


def at_port_that_is_taken_everywhere(installation, stack):
    taken = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
    return {"NTAG424_PORT": str(taken.getsockname()[1])}


def at_address(host):
    return lambda installation, stack: {"NTAG424_HOST": host}


def put(name, make):
    """Put something else where a file of the installation was."""

    def spoil(installation, stack):
        path = getattr(installation, name)
        path.unlink()
        make(path)
        return {}

    return spoil


def wrote(text):
    def make(path):
        path.write_text(text)
        path.chmod(0o600)

    return make


def padded_to(size):
    """Append a comment to a sound keyring, so that its size alone is wrong."""

    def spoil(installation, stack):
        path = installation.keyring_file
        path.write_text(path.read_text().ljust(size, "#"))
        return {}

    return spoil


def listening_socket(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.path.relpath(path))  # the whole path may be too long for a socket


def private_fifo(path):
    os.mkfifo(path, 0o600)


def named(setting, path):
    return lambda installation, stack: {f"NTAG424_{setting}": path}


REFUSED = {
    "the port is taken": ("PORT", at_port_that_is_taken),
    "the port is taken on every address": ("PORT", at_port_that_is_taken_everywhere),
    "the address is another machine's": ("HOST", at_address("192.0.2.1")),
    "the host has no name": ("HOST", at_address("")),
    "the host is no name": ("HOST", at_address("a..b")),
    "the keyring is a FIFO": ("KEYRING_FILE", put("keyring_file", private_fifo)),
    "the identity is a FIFO": ("IDENTITY_FILE", put("identity_file", private_fifo)),
    "the keyring is a device": ("KEYRING_FILE", named("KEYRING_FILE", "/dev/zero")),
    "the keyring is a socket": ("KEYRING_FILE", put("keyring_file", listening_socket)),
    "the identity is a folder": ("IDENTITY_FILE", put("identity_file", Path.mkdir)),
    "the ledger is a folder": ("STORE", put("store", Path.mkdir)),
    "the ledger is a FIFO": ("STORE", put("store", private_fifo)),
    "the identity is a link to itself": (
        "IDENTITY_FILE",
        put("identity_file", lambda path: path.symlink_to(path)),
    ),
    # The memory of the process: a regular file of its own, and nothing is mapped at 0.
    "the identity cannot be read": ("IDENTITY_FILE", named("IDENTITY_FILE", "/proc/self/mem")),
    "the keyring has 70,000 characters": ("KEYRING_FILE", padded_to(70_000)),
    "the keyring has 65,537 bytes": ("KEYRING_FILE", padded_to(65_537)),
    "the keyring is nested deeply": (
        "KEYRING_FILE",
        put("keyring_file", wrote("version = " + "[" * 60_000)),
    ),
    "the keyring has a number that is too long": (
        "KEYRING_FILE",
        put("keyring_file", wrote("version = " + "1" * 5_000)),
    ),
    "the identity is nested deeply": (
        "IDENTITY_FILE",
        put("identity_file", wrote("[" * 60_000)),
    ),
}


def refused(done, setting):
    """Check that a command ended with two lines about *setting*, and nothing else."""
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"error: NTAG424_{setting}: .+\nhint: .+\n", done.stderr)


@pytest.mark.parametrize(("setting", "spoil"), REFUSED.values(), ids=REFUSED)
def test_the_real_command_ends_with_what_is_wrong_and_what_to_do(installation, setting, spoil):
    with ExitStack() as stack:
        settings = installation.settings | {"NTAG424_PORT": str(free_port())}
        settings |= spoil(installation, stack)
        done = run_command("serve", settings=settings)
    refused(done, setting)


def test_many_workers_do_not_even_start_where_the_port_is_taken(installation):
    with ExitStack() as stack:
        settings = installation.settings | at_port_that_is_taken(installation, stack)
        done = run_command("serve", settings=settings | {"NTAG424_WORKERS": "2"})
    refused(done, "PORT")


def test_nothing_is_opened_where_the_port_is_taken(installation):
    installation.store.unlink()
    with ExitStack() as stack:
        settings = installation.settings | at_port_that_is_taken(installation, stack)
        done = run_command("serve", settings=settings)
    refused(done, "PORT")


def run_without(capabilities, settings):
    """Serve as a user without special rights; where that is root, with these taken away."""
    command = [*COMMAND, "serve"]
    if os.geteuid() == 0:
        dropped = ",".join(f"-{name}" for name in capabilities)
        command = ["setpriv", f"--bounding-set={dropped}", *command]
    return run_program(command, settings=settings)


PRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@pytest.mark.skipif(int(PRIVILEGED.read_text()) < 2, reason="everybody may listen anywhere")
def test_a_port_that_this_user_may_not_have_is_refused(installation):
    settings = installation.settings | {"NTAG424_PORT": "1"}
    refused(run_without(["net_bind_service"], settings), "PORT")


@pytest.mark.parametrize("name", ["keyring_file", "identity_file", "store"])
def test_a_file_that_this_user_may_not_read_is_refused(installation, name):
    getattr(installation, name).chmod(0)
    settings = installation.settings | {"NTAG424_PORT": str(free_port())}
    refused(run_without(["dac_override", "dac_read_search"], settings), name.upper())


def test_a_ledger_in_a_folder_that_this_user_may_not_enter_is_refused(installation):
    shut = installation.folder / "shut"
    shut.mkdir()
    installation.store.rename(shut / "ledger.db")
    shut.chmod(0)
    settings = installation.settings | {
        "NTAG424_PORT": str(free_port()),
        "NTAG424_STORE": f"sqlite:///{shut}/ledger.db",
    }
    done = run_without(["dac_override", "dac_read_search"], settings)
    shut.chmod(0o700)
    refused(done, "STORE")


async def test_a_copy_of_the_ledger_that_vacuum_made_is_served(installation):
    await installation.enrol(UID)
    copy = installation.folder / "copy.db"
    with closing(sqlite3.connect(installation.store)) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    copy.replace(installation.store)
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        accepted = await wire.post_tap(installation.tag(UID).tap(), NONCE)
        await wire.aclose()
    assert accepted.status == 200


@pytest.mark.parametrize(
    "make", [private_fifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")]
)
def test_what_is_no_regular_file_is_refused_for_being_none(tmp_path, make):
    make(tmp_path / "secret")
    with pytest.raises(SettingsError, match="is not a regular file"):
        read_private_file("KEYRING_FILE", tmp_path / "secret", strict=False)


def test_a_file_of_64_kib_is_read_to_its_end(installation):
    text = installation.keyring_file.read_text().ljust(65_536, "#")
    installation.keyring_file.write_text(text)
    assert read_private_file("KEYRING_FILE", installation.keyring_file, strict=True) == text
