"""`ntag424-service move`: what it says, to whom, and how it ends."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from contextlib import closing

import pytest

from ntag424.replay import SqliteLedger
from tests.service.commanding import CommandLine

UID = "04DE5F1EACC040"


@pytest.fixture
def command(monkeypatch, capfd):
    return CommandLine(monkeypatch, capfd)


@pytest.fixture
def move(command, installation, tmp_path):
    """Run `move` from the installation's ledger to a new file, or to *target*."""

    def move(*arguments, source=None, target=None):
        return command(
            "move",
            "--from",
            source or f"sqlite:///{installation.store}",
            "--to",
            target or f"sqlite:///{tmp_path}/target.db",
            *arguments,
            settings=installation.settings,
        )

    return move


def phase(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT phase FROM store").fetchone()[0]


def test_every_step_is_said_on_stderr_and_the_end_on_stdout(command, installation, move):
    command("enrol", UID, settings=installation.settings)
    run = move()
    assert (run.code, run.stdout) == (
        0,
        "moved 1 tags: set NTAG424_STORE to where they are, on every machine\n",
    )
    assert run.stderr.splitlines() == [
        "the ledger to move to is ready to be filled",
        "the ledger to move from accepts nothing: services on it answer 503 from now on",
        "copied 1 of about 1 tags",
        "verified: every tag arrived",
        "the ledger that was moved to is serving",
    ]


def test_the_end_can_be_had_as_json(command, installation, move):
    command("enrol", UID, settings=installation.settings)
    assert [json.loads(move("--json").stdout) for _ in range(2)] == [
        {"moved": True, "tags": 1},
        {"moved": False, "tags": None},
    ]


def test_the_second_time_there_is_nothing_to_do(move):
    move()
    run = move()
    assert (run.code, run.stdout) == (0, "nothing to do: the move has finished\n")


def test_what_was_moved_is_found_in_its_new_place(command, installation, move, tmp_path):
    command("enrol", UID, "--counter", "9", settings=installation.settings)
    move()
    led = installation.settings | {"NTAG424_STORE": f"sqlite:///{tmp_path}/target.db"}
    assert json.loads(command("show", UID, settings=led).stdout)["counter"] == 9


@pytest.mark.parametrize(
    "arguments", [("serve",), ("enrol", UID), ("show", UID), ("state", UID, "active")]
)
def test_after_a_move_every_command_says_that_the_ledger_is_elsewhere(
    command, installation, move, arguments
):
    move()
    run = command(*arguments, settings=installation.settings)
    error, hint = run.stderr.splitlines()
    assert (run.code, run.served, error) == (
        2,
        False,
        "error: NTAG424_STORE: this ledger was moved elsewhere",
    )
    assert "NTAG424_STORE" in hint


def test_a_refused_move_is_one_line_and_a_hint(installation, move, tmp_path):
    SqliteLedger.init(tmp_path / "target.db")
    run = move()
    error, hint = run.stderr.splitlines()
    assert (run.code, run.stdout) == (1, "")
    assert error.startswith("error: the ledger to move to: this is not the ledger")
    assert hint.startswith("hint: ")
    assert phase(installation.store) == "serving"


@pytest.mark.parametrize(
    "urls",
    [
        {"source": "mysql://secretword"},
        {"target": "secretword"},
        {"target": "redis://user:secretword@host"},
        {"target": "redis://127.0.0.1:1/?nothing=secretword"},
        {"target": "sqlite:////secretword/target.db"},
        {"source": "sqlite:////secretword/source.db"},
    ],
)
def test_no_url_is_ever_said(move, urls):
    run = move(**urls)
    assert run.code in (1, 2)
    assert "secretword" not in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


def test_an_interrupted_move_says_that_it_can_be_run_again(
    installation, move, monkeypatch, tmp_path
):
    class Keyboard:
        """Presses Ctrl-C once the source is sealed."""

        def __init__(self, screen):
            self._screen = screen

        def write(self, text):
            if "accepts nothing" in text:
                monkeypatch.undo()
                signal.raise_signal(signal.SIGINT)
            return self._screen.write(text)

        def __getattr__(self, name):
            return getattr(self._screen, name)

    monkeypatch.setattr(sys, "stderr", Keyboard(sys.stderr))
    run = move()
    assert (run.code, run.stdout) == (130, "")
    assert "run the same command again" in run.stderr.splitlines()[-1]
    assert (phase(installation.store), phase(tmp_path / "target.db")) == ("leaving", "filling")
    assert move().code == 0
    assert phase(tmp_path / "target.db") == "serving"
