"""An older copy of the vault: reading warns, writing waits for a decision, and no tag is lost."""

from __future__ import annotations

import shutil

import pytest

from tests.provisioning.cli.running import run

ALICE = ("--reader", "sim:alice")
URL = ("--url", "https://id.example.com/t")
PROVISION = ("provision", *ALICE, *URL, "--any-chip")
OLDER = "warning: this vault is older than the one used here last"


@pytest.fixture
def older(furnished, tmp_path):
    """Put the vault of before the tag was written back."""
    shutil.copy2(furnished / "vault.db", tmp_path / "copy")
    assert run(*PROVISION).code == 0
    shutil.copy2(tmp_path / "copy", furnished / "vault.db")
    return furnished


READING = {
    "tags list": ("tags", "list"),
    "tags export": ("tags", "export"),
    "keys show": ("keys", "show"),
    "keys backup": ("keys", "backup"),
    "inspect": ("inspect", *ALICE, "--with-vault"),
    "plan": ("plan", *ALICE, *URL),
}
WRITING = {
    "provision": PROVISION,
    "station": ("station", *ALICE, *URL, "--any-chip", "--count", "1"),
    "repair": ("repair", *ALICE, *URL, "--yes"),
    "reset": ("reset", *ALICE, "--yes"),
    "rotate": ("rotate", *ALICE),
    "keys rotate": ("keys", "rotate"),
}


@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_reading_commands_warn(older, words):
    done = run(*words)
    assert OLDER in done.err
    assert "keys accept-restored" in done.err
    assert OLDER not in done.out


@pytest.mark.parametrize("words", WRITING.values(), ids=WRITING)
def test_writing_commands_write_nothing(older, words):
    before = (older / "sim" / "alice.json").read_bytes()
    done = run(*words)
    assert (done.code, "error: this vault is older" in done.err) == (2, True)
    assert (older / "sim" / "alice.json").read_bytes() == before


def test_nothing_is_accepted_unasked(older):
    done = run("keys", "accept-restored")
    assert (done.code, "--yes" in done.err) == (2, True)
    assert OLDER in run("tags", "list").err


def test_after_the_decision_the_tag_is_found_by_evidence_and_written_on(older):
    """The copy knows nothing of the tag: its keys are derived again."""
    done = run("keys", "accept-restored", "--yes", "--json")
    assert (done.code, done.records[0]["accepted"]) == (0, True)
    assert "keys restore" in done.err
    written = run(*PROVISION)
    assert written.code == 0, written.err
    assert OLDER not in written.err


def test_the_newest_vault_has_nothing_to_accept(furnished):
    done = run("keys", "accept-restored", "--json")
    assert (done.code, done.records[0]["accepted"]) == (0, False)


def test_a_vault_that_was_not_used_here_before_is_said_to_be_so_once(furnished, tmp_path):
    elsewhere = {"XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    first, second = (run("tags", "list", **elsewhere) for _ in range(2))
    assert "note: this vault was not used here before" in first.err
    assert second.err == ""
