"""Why pcscd does not serve: each cause is brought about at its socket."""

from __future__ import annotations

import subprocess

import pytest
from ntag424_provisioning.doctor import State
from ntag424_provisioning.doctor import _drivers as service
from ntag424_provisioning.doctor._drivers import examine_service, refused_by_polkit

from tests.provisioning.links.daemons import hanging_up, left_behind, silent


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    """Have a pcscd that could be started, and its socket where nothing is yet."""
    (tmp_path / "pcscd").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(tmp_path / "comm"))
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return tmp_path / "comm"


def examined(machine):
    finding = examine_service(machine, "PC/SC")
    assert finding.state is State.FAULT
    return finding


def fixes(finding):
    """Give the fixes as anybody has them: root needs no sudo."""
    return [fix.removeprefix("sudo ") for fix in finding.fixes]


def test_a_pcscd_that_is_not_running_is_to_be_started(machine, path):
    finding = examined(machine)
    assert finding.cause == f"pcscd is not running: there is no socket {path}."
    assert fixes(finding) == ["pcscd"]


def test_with_systemd_its_socket_is_to_be_started(machine):
    machine.systemd.mkdir()
    assert fixes(examined(machine)) == ["systemctl enable --now pcscd.socket"]


def test_a_pcscd_that_is_not_installed_is_to_be_installed(machine, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(service, "_SYSTEM_PATH", "")
    finding = examined(machine)
    assert finding.cause == "pcscd is not installed."
    assert fixes(finding) == ["apt-get install pcscd libccid"]


def test_a_pcscd_that_is_gone_has_left_its_socket(machine, tmp_path):
    machine.systemd.mkdir()
    with left_behind(tmp_path) as path:
        finding = examined(machine)
    assert finding.cause == f"pcscd is not running: nobody answers at its socket {path}."
    assert fixes(finding) == ["systemctl restart pcscd.socket"]


def test_a_pcscd_that_hangs_up_refuses_this_user(machine, tmp_path):
    with hanging_up(tmp_path):
        assert examined(machine) == refused_by_polkit("PC/SC")


def test_a_pcscd_that_waits_for_other_words_is_of_another_version(machine, tmp_path):
    with silent(tmp_path):
        assert "version" in examined(machine).cause


# ---- polkit ---------------------------------------------------------------------------------


def test_a_refusal_over_ssh_is_said_to_be_one(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    assert refused_by_polkit("PC/SC").cause.endswith(" This is a session over ssh.")


def test_a_refusal_at_the_machine_says_nothing_of_ssh():
    assert "ssh" not in refused_by_polkit("PC/SC").cause


def test_the_line_against_a_refusal_writes_a_rule_of_polkit(tmp_path, monkeypatch):
    target = tmp_path / "rule"
    monkeypatch.setattr(service, "_POLKIT_FILE", str(target))
    monkeypatch.setattr(service, "user", lambda: 'o\'hara "x"')
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (line,) = fixes(refused_by_polkit("PC/SC"))
    subprocess.run(["sh", "-c", line.replace("sudo ", "")], check=True, capture_output=True)
    assert target.read_text() == (
        "polkit.addRule(function(action, subject) {"
        ' if (action.id.indexOf("org.debian.pcsc-lite.access_") == 0'
        ' && subject.user == "o\'hara \\"x\\"")'
        " { return polkit.Result.YES; } });\n"
    )
