"""Every help page, and every error that can be brought about without hardware, as a file.

`pytest tests/provisioning/cli/test_snapshots.py --update-snapshots` writes them anew: read
the difference before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from ntag424_provisioning.cli.main import cli

from tests.provisioning.cli.running import run

SNAPSHOTS = Path(__file__).parent / "snapshots"
URL = "https://id.example.com/t"
ALICE = ("--reader", "sim:alice", "--url", URL)


def commands(command, names=()):
    """Name every command and group there is."""
    yield names
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*names, name))


@pytest.fixture
def compare(request, home):
    """Compare with a file, or write it."""

    def compare(name, text):
        path = SNAPSHOTS / f"{name}.txt"
        # What differs from machine to machine: where things lie, and when.
        text = text.replace(str(home), "$NTAG424_HOME")
        text = re.sub(r"\d{4}-\d\d-\d\d", "2026-01-01", text)
        if request.config.getoption("--update-snapshots"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()

    return compare


@pytest.mark.parametrize("names", list(commands(typer.main.get_command(cli))), ids=" ".join)
def test_help(names, compare):
    done = run(*names, "--help")
    compare("-".join(("help", *names)), done.out)


#: What somebody did, by the name of the file: with a furnished home, or with an empty one.
MISTAKES = {
    "no-command": ("frobnicate",),
    "unknown-option": ("plan", "--frobnicate"),
    "no-url": ("provision", "--reader", "sim:alice"),
    "no-such-sim": ("provision", "--reader", "sim:bob", "--url", URL),
    "no-such-reader-kind": ("provision", "--reader", "bluetooth:1", "--url", URL),
    "malformed-udp": ("provision", "--reader", "udp:here", "--url", URL),
    "template-without-mac": ("provision", *ALICE[:3], "https://id.example.com/t?p={picc}"),
    "template-not-redeemable": ("provision", *ALICE[:3], "https://a.example/t?u={uid}&m={mac}"),
    "file-data-not-hex": ("provision", *ALICE, "--file-data", "0x12"),
    "irreversible-not-meant": ("provision", *ALICE, "--irreversible", "lrp"),
    "not-signed": ("provision", *ALICE),
    "reset-unasked": ("reset", "--reader", "sim:alice"),
    "repair-nothing-begun": ("repair", "--reader", "sim:alice", "--yes"),
    "rotate-unknown": ("rotate", "--reader", "sim:alice"),
    "verify-malformed": ("verify", "https://other.example/", "--url", URL),
    "tap-blank": ("tap", *ALICE),
    "unknown-tag": ("tags", "show", "04000000000001"),
    "malformed-uid": ("tags", "show", "04"),
    "retire-the-active-one": ("keys", "retire", "1"),
    "retire-none": ("keys", "retire", "9"),
    "sim-exists": ("sim", "new", "alice"),
    "sim-name": ("sim", "new", "../alice"),
    "init-twice": ("keys", "init"),
    "enrol-nowhere": ("provision", *ALICE, "--enrol", "ftp://example.com"),
    "enrol-without-credential": ("provision", *ALICE, "--enrol", "https://id.example.com"),
    "enrol-no-ledger": ("provision", *ALICE, "--enrol", "sqlite:////none?identity=/none"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_error(name, furnished, compare):
    done = run(*MISTAKES[name])
    assert done.code not in (0, 1)
    compare(f"error-{name}", f"exit {done.code}\n{done.out}{done.err}")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("no-vault", ("tags", "list")),
        ("keys-init-unasked", ("keys", "init")),
    ],
)
def test_error_of_an_empty_home(name, arguments, home, monkeypatch, compare):
    monkeypatch.delenv("NTAG424_KEY_FILE")
    done = run(*arguments)
    assert done.code == 2
    compare(f"error-{name}", f"exit {done.code}\n{done.out}{done.err}")


def test_error_of_a_vault_without_backup(home, compare):
    run("keys", "init", "--key-file", home / "key")
    run("sim", "new", "alice", "--uid", "04DE5F1EACC040")
    done = run("provision", *ALICE, "--any-chip")
    compare("error-no-backup", f"exit {done.code}\n{done.out}{done.err}")


def test_error_of_a_key_file_that_others_may_read(furnished, compare):
    (furnished / "key").chmod(0o644)
    done = run("tags", "list")
    compare("error-key-file-open", f"exit {done.code}\n{done.out}{done.err}")


def test_error_of_another_key_file(furnished, compare):
    other = furnished / "other"
    other.write_text("00" * 32)
    other.chmod(0o600)
    done = run("tags", "list", "--key-file", other)
    compare("error-wrong-key-file", f"exit {done.code}\n{done.out}{done.err}")


def test_error_of_a_tag_that_leaves(furnished, compare):
    assert run("sim", "tear", "alice", "--at", "65").code == 0
    done = run("provision", *ALICE, "--any-chip")
    assert done.code == 6
    compare("error-torn", f"exit {done.code}\n{done.out}{done.err}")


def test_error_of_a_tag_of_another_fleet(furnished, compare, tmp_path):
    assert run("provision", *ALICE, "--any-chip").code == 0
    other = tmp_path / "other"
    other.mkdir()
    vault = ("--vault", other / "vault.db", "--key-file", other / "key")
    assert run("keys", "init", *vault).code == 0
    sheet = run("keys", "backup", *vault).out
    assert run("keys", "backup", "--confirm", *vault, typed=sheet).code == 0
    done = run("provision", *ALICE, "--any-chip", *vault)
    assert done.code == 4
    compare("error-another-fleet", f"exit {done.code}\n{done.out}{done.err}")
