"""The files that are installed: whole, readable, and known to udev."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest
from ntag424_provisioning.doctor import State, install, outdated, require_rights
from ntag424_provisioning.doctor._files import examine_files
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.udev import modprobe, rules

RULES, LIST = "70-ntag424.rules", "ntag424.conf"


@pytest.fixture(autouse=True)
def udevadm(tmp_path, monkeypatch):
    """Put another udevadm in the place of this machine's; it notes how it was called."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))

    def be(script):
        program = programs / "udevadm"
        program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
        program.chmod(0o755)
        return lambda: calls.read_text().splitlines()

    return be


def test_both_files_are_written_to_the_letter(machine):
    install(outdated(machine))
    assert (machine.udev_rules / RULES).read_text() == rules()
    assert (machine.modprobe / LIST).read_text() == modprobe()


def test_everybody_may_read_what_was_written(machine):
    install(outdated(machine))
    files = [machine.udev_rules / RULES, machine.modprobe / LIST]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o644, 0o644]


def test_folders_that_are_missing_are_not_for_everybody_to_write(machine, tmp_path):
    far = replace(machine, udev_rules=tmp_path / "far" / "away" / "rules.d")
    before = os.umask(0)
    try:
        install(outdated(far))
    finally:
        os.umask(before)
    folders = [far.udev_rules, far.udev_rules.parent, far.udev_rules.parent.parent]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o755] * 3


def test_nothing_else_is_left_behind(machine):
    install(outdated(machine))
    assert [path.name for path in machine.udev_rules.iterdir()] == [RULES]


def test_other_files_stay_as_they_are(machine):
    machine.udev_rules.mkdir()
    (machine.udev_rules / "99-mine.rules").write_text("mine")
    install(outdated(machine))
    assert (machine.udev_rules / "99-mine.rules").read_text() == "mine"


def test_what_is_installed_is_not_outdated(machine):
    install(outdated(machine))
    assert outdated(machine) == []


def test_what_somebody_has_changed_is_outdated(machine):
    install(outdated(machine))
    (machine.modprobe / LIST).write_text(modprobe() + "#")
    assert [file.path.name for file in outdated(machine)] == [LIST]


def test_udev_reads_its_rules_again_and_looks_at_its_devices_again(machine, udevadm):
    calls = udevadm("")
    install(outdated(machine))
    assert calls() == ["control --reload", "trigger --subsystem-match=usb"]


def test_what_udev_complains_about_is_passed_on(machine, udevadm):
    udevadm("echo no daemon here >&2; exit 1")
    assert install(outdated(machine)) == ["no daemon here"] * 2


def test_where_there_is_no_udev_nobody_is_told(machine):
    assert install(outdated(machine)) == []


def test_a_folder_that_cannot_be_is_a_matter_of_set_up(machine):
    machine.modprobe.touch()
    with pytest.raises(SetupError, match=LIST) as caught:
        install(outdated(machine))
    assert "doctor --fix" in caught.value.hint


def test_a_file_that_cannot_be_replaced_leaves_no_half_one(machine):
    (machine.udev_rules / RULES).mkdir(parents=True)
    with pytest.raises(SetupError):
        install(outdated(machine))
    assert [path.name for path in machine.udev_rules.iterdir()] == [RULES]


def test_who_may_write_is_let_through(machine):
    require_rights(outdated(machine))


# ---- what is found --------------------------------------------------------------------------


def states(machine, *, needed):
    return [finding.state for finding in examine_files(machine, needed=needed)]


def test_missing_files_are_a_warning_where_a_reader_needs_them(machine):
    assert states(machine, needed=True) == [State.WARNING, State.WARNING]


def test_missing_files_can_be_fixed(machine):
    assert all(finding.fixable for finding in examine_files(machine, needed=True))


def test_missing_files_are_missed_by_nobody_without_such_a_reader(machine):
    assert states(machine, needed=False) == [State.OK, State.OK]


def test_installed_files_are_all_right(machine):
    install(outdated(machine))
    assert states(machine, needed=True) == [State.OK, State.OK]


def test_other_rules_under_our_name_are_told_from_missing_ones(machine):
    machine.udev_rules.mkdir()
    (machine.udev_rules / RULES).write_text("old")
    changed, missing = (finding.cause for finding in examine_files(machine, needed=True))
    assert ("is not what this program needs" in changed, "is not installed" in missing) == (
        True,
        True,
    )
