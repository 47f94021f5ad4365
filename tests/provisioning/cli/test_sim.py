"""`ntag424 sim` from the outside: tags made, shown, tapped, torn, and laid on readers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import contextmanager

import pytest
from ntag424_provisioning.sim import Shelf

from ntag424 import Keyring, Uid, UrlTemplate, Verifier
from ntag424.errors import TransportError
from ntag424.keys import An10922Keys
from ntag424.model import Key
from ntag424.readers import NfcpyReader
from ntag424.testing import SimulatedTag, tap_source
from tests.provisioning.links.daemons import pcscd as private_pcscd
from tests.provisioning.links.program import Program, command, environment, run
from tests.provisioning.sim.shelves import (
    UID,
    WRITE,
    is_written,
    is_written_on_disk,
    select,
)
from tests.readers.conftest import needs
from tests.readers.private_pcscd import READERS

pytestmark = pytest.mark.xdist_group("pcscd")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def told(*arguments):
    """Run a command that has to succeed, and give what it prints as JSON."""
    done = run("sim", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- making ---------------------------------------------------------------------------------


def test_a_tag_is_made_with_the_uid_that_is_wanted():
    assert told("new", "alice", "--uid", str(Uid(UID))) == [
        {"name": "alice", "uid": UID.hex().upper()}
    ]


def test_a_tag_is_made_with_a_uid_of_nxps():
    (made,) = told("new", "alice")
    assert (len(made["uid"]), made["uid"][:2]) == (14, "04")


def test_many_tags_are_numbered():
    names = [made["name"] for made in told("new", "T", "--count", "3")]
    assert names == ["T-0001", "T-0002", "T-0003"] == Shelf().names()


def test_many_tags_have_each_their_uid():
    assert len({made["uid"] for made in told("new", "T", "--count", "20")}) == 20


def test_a_tag_tamper_is_made_if_that_is_wanted():
    told("new", "alice", "--tamper")
    assert told("show", "alice")[0]["tamper"] == "II"


def test_if_one_name_is_given_already_no_tag_is_made():
    told("new", "T-0002")
    done = run("sim", "new", "T", "--count", "3")
    assert (done.returncode, Shelf().names()) == (2, ["T-0002"])


@pytest.mark.parametrize(
    "arguments",
    [["--uid", "04"], ["--uid", "x" * 14], ["--uid", UID.hex(), "--count", "2"], ["--count", "0"]],
)
def test_what_cannot_be_made_is_an_error_of_usage(arguments):
    done = run("sim", "new", "alice", *arguments)
    assert (done.returncode, Shelf().names()) == (2, [])


def test_the_help_says_that_the_tag_is_not_genuine():
    assert "not genuine" in " ".join(run("sim", "new", "--help").stdout.split())


# ---- showing --------------------------------------------------------------------------------


def test_tags_are_listed_in_order():
    for name in ("bob", "alice"):
        told("new", name)
    assert [tag["name"] for tag in told("list")] == ["alice", "bob"]


def test_people_are_shown_a_tag_line_by_line():
    told("new", "alice", "--uid", str(Uid(UID)))
    assert run("sim", "tear", "alice", "--at", "3").returncode == 0
    assert run("sim", "show", "alice").stdout.splitlines() == [
        "name: alice",
        "uid: 04C767F2066180",
        "read counter: 0",
        "lrp: no",
        "random id: no",
        "tamper: none",
        "key versions: 0 0 0 0 0",
        "failed authentications: 0 0 0 0 0",
        "file settings: 1 0000E0, 2 00E0EE, 3 033023",
        "tear: at 3, executed no",
    ]


@pytest.mark.parametrize("job", ["show", "tap", "serve", "remove"])
def test_a_tag_that_is_not_there_is_missed(job):
    done = run("sim", job, "bob")
    assert (done.returncode, done.stdout) == (3, "")
    assert 'hint: Make one with "ntag424 sim new"' in done.stderr


@pytest.mark.parametrize("job", ["new", "show", "tap", "serve", "remove"])
def test_a_path_is_no_name(job):
    assert run("sim", job, "../alice").returncode == 2


# ---- tapping --------------------------------------------------------------------------------

TEMPLATE = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")
KEYS = An10922Keys(Key(bytes(16)))
VERIFIER = Verifier(TEMPLATE, Keyring.single(KEYS))


@pytest.fixture
def written(home):
    """Put a tag with a URL on the shelf."""
    told("new", "alice")
    tap_source(TEMPLATE, KEYS, UID).tag.save(home / "sim" / "alice.json")


def test_a_tap_is_one_of_the_tag_and_verifies(written):
    (tapped,) = told("tap", "alice")
    assert VERIFIER.verify(tapped["url"]).uid == UID


def test_a_tap_is_a_url_and_nothing_else(written):
    done = run("sim", "tap", "alice")
    (url,) = done.stdout.splitlines()
    assert url.startswith("https://id.example.com/t?p=")


def test_a_tap_counts(written):
    counters = [
        VERIFIER.verify(tapped["url"]).read_counter
        for tapped in (told("tap", "alice") + told("tap", "alice"))
    ]
    assert counters == [1, 2]


def test_a_blank_tag_has_no_url():
    told("new", "alice")
    done = run("sim", "tap", "alice")
    assert (done.returncode, done.stdout) == (5, "")
    assert "no URL" in done.stderr


def test_a_tag_that_nobody_may_read_cannot_be_tapped(home):
    told("new", "alice")
    SimulatedTag(
        uid=UID, keys=[bytes(16)] * 5, ndef_file=b"", file_settings=bytes.fromhex("000000")
    ).save(home / "sim" / "alice.json")
    done = run("sim", "tap", "alice")
    assert (done.returncode, "cannot be read" in done.stderr) == (5, True)


def test_a_tag_in_use_cannot_be_tapped(written):
    with Shelf().take("alice"):
        assert run("sim", "tap", "alice").returncode == 3


# ---- removing -------------------------------------------------------------------------------


def test_a_pattern_removes_many():
    told("new", "T", "--count", "3")
    told("new", "alice")
    assert run("sim", "remove", "T-*").returncode == 0
    assert Shelf().names() == ["alice"]


# ---- serving --------------------------------------------------------------------------------


@contextmanager
def served(*arguments):
    """Serve alice in a program of its own; give the place, and end it as Ctrl-C does."""
    with subprocess.Popen(
        command("sim", "serve", "alice", "--json", *arguments),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as program:
        try:
            yield json.loads(program.stdout.readline())["place"]
        finally:
            program.send_signal(signal.SIGINT)
        assert program.wait() == 0


def test_a_tag_is_served_to_nfcpy_and_torn_away_and_laid_back():
    needs("nfc.clf")
    told("new", "alice", "--uid", str(Uid(UID)))
    run("sim", "tear", "alice", "--at", "2", "--executed")
    with served("--udp", "0") as place, NfcpyReader.open(place) as reader:
        assert reader.wait_for_tag(5) == UID
        select(reader)
        with pytest.raises(TransportError):
            reader.transmit(WRITE)
        assert reader.wait_for_tag(5) == UID
        assert is_written(reader)
    assert is_written_on_disk(Shelf(), "alice")


def test_a_tag_that_is_served_is_in_use():
    told("new", "alice")
    with served("--udp", "0"):
        assert run("sim", "tap", "alice").returncode == 3
    assert run("sim", "tap", "alice").returncode == 5


@pytest.fixture(scope="module")
def pcscd():
    with private_pcscd() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def program(pcscd):
    """Give another program, whose reader is that of pcscd."""
    with Program(pcscd.path) as program:
        yield program


def test_a_tag_is_served_to_pcscd(pcscd, program):
    told("new", "alice", "--uid", str(Uid(UID)))
    with served("--port", str(pcscd.port)) as place:
        pcscd.wait_for_card(READERS[0], present=True)
        first, _ = program.run("readers", "--json").stdout.splitlines()
    assert place == f"vpcd:{pcscd.port}"
    assert json.loads(first)["uid"] == UID.hex().upper()


def test_a_tag_that_is_torn_away_from_pcscd_is_laid_back(pcscd, program):
    told("new", "alice")
    run("sim", "tear", "alice", "--at", "0")
    look = ("doctor", "--reader", f"pcsc:{READERS[1]}")
    with served("--port", str(pcscd.port + 1)):
        pcscd.wait_for_card(READERS[1], present=True)
        assert program.run(*look).returncode == 3
        # It takes pcscd a moment to see the tag again, if it has missed it at all.
        assert any(program.run(*look).returncode == 0 for _ in range(50))


def test_without_a_virtual_reader_nothing_is_served():
    told("new", "alice")
    done = run("sim", "serve", "alice", "--port", "1")
    assert (done.returncode, "no virtual reader listens at port 1" in done.stderr) == (3, True)


def test_a_port_that_is_taken_is_an_error_of_usage():
    told("new", "alice")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            command("sim", "serve", "alice", "--udp", port),
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
        )
    assert (done.returncode, f"port {port} cannot be used" in done.stderr) == (2, True)
