"""Which reader is used: the one that was named, the only one, or the one that is chosen."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ntag424_provisioning.cli.reader_option import choose
from ntag424_provisioning.links import PcscName

from ntag424.errors import ReaderChoiceError
from ntag424.testing.doors import VirtualCard
from tests.provisioning.links.daemons import pcscd as private_pcscd
from tests.provisioning.links.program import Program, command, environment
from tests.readers.cards import UID, simulated_tag
from tests.readers.private_pcscd import READERS

pytestmark = pytest.mark.xdist_group("pcscd")


@pytest.fixture(scope="module")
def pcscd():
    """Give a pcscd with two readers, and a tag on the first."""
    with private_pcscd() as daemon, VirtualCard(simulated_tag(), daemon.port):
        daemon.wait_for_card(READERS[0], present=True)
        yield daemon


@pytest.fixture(scope="module")
def program(pcscd):
    with Program(pcscd.path) as program:
        yield program


@pytest.fixture(scope="module")
def lonely():
    """Give the program where there is no pcscd."""
    with Program() as program:
        yield program


@pytest.fixture(scope="module")
def listed(program):
    """Give what `readers --json` prints of them."""
    done = program.run("readers", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_readers_are_listed_as_the_option_takes_them(listed):
    assert [each["reader"] for each in listed] == [f"pcsc:{name}" for name in READERS]


def test_a_tag_on_a_reader_is_told_with_its_uid(listed):
    assert listed[0] | {"reader": ""} == {
        "reader": "",
        "tag": True,
        "uid": UID.hex().upper(),
        "trouble": None,
    }


def test_a_reader_without_a_tag_is_told(listed):
    assert listed[1] | {"reader": ""} == {
        "reader": "",
        "tag": False,
        "uid": None,
        "trouble": None,
    }


def test_people_are_shown_what_to_type(program):
    done = program.run("readers")
    assert done.stdout.splitlines() == [
        f"--reader {shlex.quote('pcsc:' + READERS[0])}  a tag {UID.hex().upper()}",
        f"--reader {shlex.quote('pcsc:' + READERS[1])}  no tag",
    ]


def test_a_reader_is_opened_by_its_name(program):
    done = program.run("open", "--reader", f"pcsc:{READERS[1]}")
    assert done.stderr == f"PcscReader('{READERS[1]}')\n"


def test_a_reader_is_opened_by_the_environment(program):
    done = program.run("open", NTAG424_READER=f"pcsc:{READERS[1]}")
    assert done.stderr == f"PcscReader('{READERS[1]}')\n"


def test_where_nobody_can_be_asked_several_readers_are_an_error(program):
    done = program.run("open")
    spelled = [f"--reader {shlex.quote('pcsc:' + name)}" for name in READERS]
    assert (done.returncode, done.stdout) == (3, "")
    assert f"error: there are several readers: {', '.join(spelled)}\n" in done.stderr


def conversation(*answers, socket):
    """Run `open` on a terminal, type *answers* one by one, return what follows the last."""
    ours, theirs = pty.openpty()
    with (
        os.fdopen(ours, "r+b", buffering=0) as terminal,
        subprocess.Popen(
            command("open"),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(socket),
        ) as program,
    ):
        for answer in answers:
            shown = b""
            while not shown.endswith(b"number: "):
                shown += terminal.read(1)
            terminal.write(answer)
        assert program.stdout.read() == b""
        program.wait()
        # Only now: with nobody on its other side a terminal forgets what was on it.
        os.set_blocking(ours, False)
        left = terminal.read(9999).decode()
        os.close(theirs)
        return left


def test_somebody_at_a_terminal_is_asked_until_there_is_such_a_reader(pcscd):
    told = conversation(b"3\n", b"0\n", b"x\n", b"2\n", socket=pcscd.path)
    assert told.splitlines()[-1] == f"PcscReader('{READERS[1]}')"


def test_somebody_who_says_nothing_more_chooses_no_reader(monkeypatch):
    monkeypatch.setattr("ntag424_provisioning.cli.reader_option.can_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        choose([PcscName("a"), PcscName("b")])


def test_the_only_reader_is_chosen_unasked():
    assert choose([PcscName("a")]) == PcscName("a")


def test_readers_are_all_named_to_a_program_that_catches_the_error(monkeypatch):
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(ReaderChoiceError) as caught:
            choose([PcscName("a"), PcscName("b")])
    assert caught.value.candidates == ("pcsc:a", "pcsc:b")


@pytest.mark.parametrize("job", ["readers", "open"])
def test_without_a_reader_the_hint_leads_on(lonely, job):
    done = lonely.run(job)
    assert (done.returncode, done.stdout) == (3, "")
    assert 'hint: "ntag424 doctor" says why; --reader sim:NAME works' in done.stderr


def test_without_drivers_there_is_just_no_reader(lonely):
    done = lonely.run("readers", hidden=["smartcard.scard", "nfc", "nfc.clf"])
    assert (done.returncode, "no reader is connected" in done.stderr) == (3, True)
