"""`ntag424 doctor` from the outside: what it prints, asks, writes, and returns."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from ntag424_provisioning.udev import modprobe, rules

from ntag424.testing.doors import VirtualCard
from tests.provisioning.links.bus import plug
from tests.provisioning.links.daemons import pcscd as private_pcscd
from tests.provisioning.links.program import Program, command, environment, run, without_rights
from tests.readers.cards import FixedCard, simulated_tag
from tests.readers.private_pcscd import READERS

pytestmark = pytest.mark.xdist_group("pcscd")


# ---- with a reader --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pcscd():
    """Give a pcscd with a tag on its first reader, and some other card on its second."""
    with (
        private_pcscd() as daemon,
        VirtualCard(simulated_tag(), daemon.port),
        VirtualCard(FixedCard(b"\x6d\x00"), daemon.port + 1),
    ):
        for reader in READERS:
            daemon.wait_for_card(reader, present=True)
        yield daemon


@pytest.fixture(scope="module")
def program(pcscd):
    with Program(pcscd.path) as program:
        yield program


def test_with_a_reader_and_a_tag_on_it_there_is_no_fault(program):
    done = program.run("doctor", hidden=["nfc.clf"])
    assert (done.returncode, done.stderr) == (0, "")
    marks = [line[:3] for line in done.stdout.splitlines() if not line.startswith("     fix: ")]
    assert marks == [" ✓ ", " ! ", " ✓ ", " ✓ ", " ✓ ", " ! "]


def test_what_pcscd_knows_is_told(program):
    assert " ✓ PC/SC: pcscd answers, and knows 2 readers.\n" in program.run("doctor").stdout


def test_the_tag_is_told_with_its_reader(program):
    line = f" ✓ tag on pcsc:{READERS[0]}: It is an NTAG 424 DNA.\n"
    assert line in program.run("doctor").stdout


def test_a_reader_that_is_named_is_looked_at_alone(program):
    done = program.run("doctor", "--json", "--reader", f"pcsc:{READERS[1]}")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding["what"] for finding in told] == ["PC/SC", f"tag on pcsc:{READERS[1]}"]


def test_another_card_on_the_only_reader_is_a_fault(program):
    done = program.run("doctor", "--reader", f"pcsc:{READERS[1]}")
    assert done.returncode == 3
    assert f" ✗ tag on pcsc:{READERS[1]}: It does not answer as an NTAG 424 DNA" in done.stdout


# ---- writing --------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path / "home"))


def fixed(tmp_path, *arguments):
    """Run `doctor --fix` on a machine made up, looking at a simulated tag, without udev."""
    run("sim", "new", "alice")
    return run(
        *("doctor", "--fix", "--reader", "sim:alice", *arguments),
        machine=tmp_path,
        PATH=str(tmp_path),
    )


def written(tmp_path):
    files = [tmp_path / "rules.d" / "70-ntag424.rules", tmp_path / "modprobe.d" / "ntag424.conf"]
    return [file.read_text() if file.exists() else None for file in files]


def test_what_is_missing_is_written_if_that_was_said_before(tmp_path):
    assert fixed(tmp_path, "--yes").returncode == 0
    assert written(tmp_path) == [rules(), modprobe()]


def test_what_is_to_be_written_is_shown_on_stderr(tmp_path):
    done = fixed(tmp_path, "--yes")
    assert (rules() in done.stderr, modprobe() in done.stderr) == (True, True)
    assert rules() not in done.stdout


def test_where_nobody_can_be_asked_nothing_is_written(tmp_path):
    done = fixed(tmp_path)
    assert (done.returncode, written(tmp_path)) == (2, [None, None])
    assert "--yes" in done.stderr


def test_a_second_time_there_is_nothing_to_write(tmp_path):
    fixed(tmp_path, "--yes")
    done = fixed(tmp_path)
    assert done.returncode == 0
    assert "Nothing is to be written" in done.stderr


def test_without_fix_nothing_is_written(tmp_path):
    run("sim", "new", "alice")
    run("doctor", "--reader", "sim:alice", machine=tmp_path)
    assert written(tmp_path) == [None, None]


def test_who_may_not_write_is_told_the_line_before_being_asked(tmp_path):
    for name in ("rules.d", "modprobe.d"):
        (tmp_path / name).mkdir(mode=0o555)
    done = subprocess.run(
        [*without_rights(), *command("doctor", "--fix")],
        check=False,
        capture_output=True,
        text=True,
        env=environment(MACHINE=str(tmp_path)),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not for this user to write" in done.stderr
    assert "doctor --fix" in done.stderr.splitlines()[-1]


# ---- the real folders, in a world of their own ----------------------------------------------

# Without a udevadm that could tell the machine's own udev.
_WORLD = """
set -e
mount -t tmpfs tmpfs /etc
mkdir -p /etc/udev/rules.d
mount --bind "$DEVICES" /sys/bus
PATH= "$@" || echo "exit code $?"
cat /etc/udev/rules.d/70-ntag424.rules /etc/modprobe.d/ntag424.conf
"""


def test_on_the_machine_itself_a_held_reader_is_found_and_the_files_are_written(tmp_path):
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare")
    plug(tmp_path / "usb" / "devices", "054c:06c3", driver="port100")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _WORLD, "-", *command("doctor", "--fix", "--yes")],
        check=False,
        capture_output=True,
        text=True,
        env=environment(DEVICES=str(tmp_path)),
    )
    if done.returncode:
        pytest.skip(f"no world of its own can be had here: {done.stderr[-200:]}")
    assert "✗ Sony RC-S380/P (054c:06c3): The kernel driver port100 holds it.\n" in done.stdout
    assert done.stdout.endswith(f"exit code 3\n{rules()}{modprobe()}")
