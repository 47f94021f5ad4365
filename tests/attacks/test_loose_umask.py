"""Attack: another user of the machine looks into files and folders that a loose umask left open.

With umask 0, whatever a program makes without saying for whom is for everybody: to read lists of
people's tags, and to exchange files in folders that hold keys.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

import pytest

from tests.provisioning.cli.running import run
from tests.service.running import Installation, run_command

URL = "https://id.example.com/t"
ALICE = ("--reader", "sim:alice", "--url", URL)
#: In this order, each with what it makes in an empty folder.
COMMANDS = {
    "keys init": ("keys", "init", "--key-file", "{key}"),
    "keys backup": ("keys", "backup", "--svg", "{out}/sheet.svg"),
    "keys show": ("keys", "show", "--format", "service", "--out", "{out}/keyring.toml"),
    "sim new": ("sim", "new", "alice", "--uid", "04DE5F1EACC040"),
    "sim tear": ("sim", "tear", "alice", "--at", "3"),
    "sim new, another": ("sim", "new", "bob"),
    "station": (
        *("station", "--reader", "sim:bob", "--url", URL, "--any-chip", "--count", "1"),
        *("--label", "badge-{{n}}", "--report", "{out}/report.csv"),
    ),
    "tags export": ("tags", "export", "--out", "{out}/tags.csv"),
    "tags export --signed": ("tags", "export", "--signed", "--out", "{out}/signed.json"),
}


@pytest.fixture(scope="module")
def everything_is_for_everybody():
    before = os.umask(0)
    yield
    os.umask(before)


@dataclass(frozen=True)
class Made:
    """What a command left behind."""

    code: int
    said: str
    modes: dict


def below(folder):
    return {path.relative_to(folder): path.lstat().st_mode for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def made(tmp_path_factory, everything_is_for_everybody):
    """Run every command, in folders that are missing, and see what is new after each."""
    folder = tmp_path_factory.mktemp("all")
    home, out = folder / "far" / "away" / "home", folder / "out"
    out.mkdir(0o700)
    places = {"key": folder / "key", "out": out}
    settings = {
        "NTAG424_HOME": str(home),
        "NTAG424_KEY_FILE": str(folder / "key"),
        "XDG_STATE_HOME": str(folder / "not" / "there" / "state"),
    }
    found = {}
    for name, words in COMMANDS.items():
        before = below(folder)
        done = run(*(word.format(**places) for word in words), **settings)
        now = below(folder)
        new = {path: mode for path, mode in now.items() if path not in before}
        found[name] = Made(done.code, done.err, new)
        if name == "keys init":
            sheet = run("keys", "backup", **settings).out
            assert run("keys", "backup", "--confirm", typed=sheet, **settings).code == 0
    return found


def open_to_others(modes):
    return {
        str(path): stat.filemode(mode)
        for path, mode in modes.items()
        if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_makes_is_for_one_user(made, name):
    done = made[name]
    assert done.code == 0, done.said
    assert done.modes
    assert open_to_others(done.modes) == {}


def test_what_the_service_makes_is_for_one_user(tmp_path, everything_is_for_everybody):
    folder = tmp_path / "service"
    folder.mkdir(0o700)
    kept = {"NTAG424_ENROLMENT_CREDENTIAL_FILE": str(folder / "digest")}
    settings = Installation(folder, kept).settings
    for words in (("init", "--new-keyring"), ("enrolment-credential", "--out", "{out}")):
        arguments = [word.format(out=folder / "credential") for word in words]
        done = run_command(*arguments, settings=settings)
        assert done.returncode == 0, done.stderr
    assert len(below(folder)) == 6
    assert open_to_others(below(folder)) == {}


@pytest.fixture
def open_folder(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def test_no_vault_is_made_where_others_may_exchange_it(open_folder, tmp_path):
    words = ("keys", "init", "--vault", open_folder / "vault.db", "--key-file", tmp_path / "key")
    done = run(*words)
    assert (done.code, list(open_folder.iterdir())) == (2, [])
    assert f"others may write to the folder {open_folder}" in done.err
    assert f"chmod go-w {open_folder}" in done.err


def test_a_vault_may_lie_where_others_may_write_but_not_exchange(open_folder, tmp_path):
    open_folder.chmod(0o1777)
    words = ("keys", "init", "--vault", open_folder / "vault.db", "--key-file", tmp_path / "key")
    assert run(*words).code == 0


def test_a_vault_whose_folder_was_opened_since_is_warned_of(tmp_path):
    folder, key = tmp_path / "house", tmp_path / "key"
    words = ("--vault", folder / "vault.db", "--key-file", key)
    assert run("keys", "init", *words).code == 0
    folder.chmod(0o770)
    done = run("keys", "show", *words)
    assert (done.code, f"warning: others may write to the folder {folder}" in done.err) == (
        0,
        True,
    )


def test_no_witness_lies_where_others_may_exchange_it(tmp_path):
    state = tmp_path / "state" / "ntag424"
    state.mkdir(parents=True)
    state.chmod(0o777)
    settings = {"XDG_STATE_HOME": str(tmp_path / "state")}
    words = ("--vault", tmp_path / "v" / "vault.db", "--key-file", tmp_path / "key")
    assert run("keys", "init", *words, **settings).code == 0
    done = run("keys", "rotate", *words, **settings)
    assert (done.code, f"others may write to the folder {state}" in done.err) == (2, True)
