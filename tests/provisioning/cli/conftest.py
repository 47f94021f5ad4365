"""A home with a vault whose master key is on paper, and simulated tags."""

from __future__ import annotations

import pytest

from tests.provisioning.cli.running import run


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Point the command line to an empty folder of its own."""
    for name in ("NTAG424_READER", "NTAG424_URL", "NTAG424_ENROL", "NTAG424_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path))
    monkeypatch.setenv("NTAG424_KEY_FILE", str(tmp_path / "key"))
    return tmp_path


@pytest.fixture
def furnished(home):
    """Make the vault, confirm its backup, and lay one simulated tag on the table."""
    assert run("keys", "init", "--key-file", home / "key").code == 0
    sheet = run("keys", "backup").out
    assert run("keys", "backup", "--confirm", typed=sheet).code == 0
    assert run("sim", "new", "alice", "--uid", "04DE5F1EACC040").code == 0
    return home
