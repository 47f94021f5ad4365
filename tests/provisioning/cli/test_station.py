"""`ntag424 station`, by its output and on a terminal."""

from __future__ import annotations

import json
import os
import shlex
import signal

import pytest
from ntag424_provisioning.cli.unlock import open_vault
from ntag424_provisioning.model import Stage

from tests.provisioning.cli.running import run
from tests.provisioning.cli.terminal import NTAG424, Terminal
from tests.provisioning.station.reports import of_outcome
from tests.support import forged

URL = "https://id.example.com/t"
STATION = ("station", "--url", URL, "--any-chip")
TRAY = (*STATION, "--reader", "sim:badge-*")
#: More than there are: the station waits for the next.
MANY = (*TRAY, "--count", "500", "--label", "b-{n:03}", "--batch", "monday")
ALICE = (*STATION, "--reader", "sim:alice", "--label", "b-{n:03}")


@pytest.fixture
def tray(furnished):
    """Lay three tags ready."""
    assert run("sim", "new", "badge", "--count", "3").code == 0
    return furnished


def known(home):
    with open_vault(None, home / "key", None) as vault:
        return {str(tag.uid): tag for tag in vault.tags()}


# ---- without a terminal ---------------------------------------------------------------------


def test_it_writes_tag_after_tag_and_says_so_in_the_end(tray):
    done = run(*TRAY, "--count", 3)
    assert done.code == 0
    assert done.out.startswith("done          3, in 0 min")
    # Nobody was named who enrols them now.
    assert {tag.stage for tag in known(tray).values()} == {Stage.WRITTEN}


def test_without_a_terminal_it_talks_in_lines(tray):
    done = run(*TRAY, "--count", 3, "--quiet")
    assert [text[0] for text in done.err.splitlines()].count("✓") == 3
    assert "\x1b" not in done.err
    assert "\a" not in done.err


def test_it_rings_unless_it_is_to_be_quiet(tray):
    assert run(*TRAY, "--count", 3).err.count("\a") == 3


def test_json_is_one_event_per_line_and_nothing_else(tray):
    done = run(*TRAY, "--count", 3, "--json")
    told = [record["event"] for record in done.records]
    assert (told[0], told.count("tag-done"), told[-1]) == ("run-began", 3, "run-ended")
    assert done.records[-1]["exit"] == 0


def test_the_report_says_what_the_vault_knows(tray):
    path = tray / "report.csv"
    run(*TRAY, "--count", 3, "--label", "b-{n:03}", "--report", path)
    told = {row["uid"]: row["label"] for row in of_outcome(path, "done")}
    assert told == {uid: tag.label for uid, tag in known(tray).items()}
    assert set(told.values()) == {"b-001", "b-002", "b-003"}


def test_a_run_goes_on_where_it_stopped(tray):
    report = ("--label", "b-{n:03}", "--report", tray / "report.csv")
    run(*STATION, "--reader", "sim:badge-0001", "--count", 1, *report)
    done = run(*TRAY, "--count", 3, *report)
    assert "done          2 (1 before)" in done.out
    assert "already ours  1" in done.out


def test_a_manifest_names_the_tags(tray):
    (tray / "names.csv").write_text("label\nanna\nbert\ncleo\n")
    assert run(*TRAY, "--manifest", tray / "names.csv").code == 0
    assert {tag.label for tag in known(tray).values()} == {"anna", "bert", "cleo"}


def test_several_readers_work_at_once(tray):
    run("sim", "new", "other", "--count", "3")
    done = run(*TRAY, "--reader", "sim:other-*", "--count", 6, "--json")
    readers = [record["reader"] for record in done.records if record["event"] == "tag-done"]
    assert (readers.count("sim:badge-*"), readers.count("sim:other-*")) == (3, 3)


def test_a_tag_that_is_torn_away_is_finished(tray):
    run("sim", "tear", "badge-0002", "--at", "60", "--executed")
    done = run(*TRAY, "--count", 3, "--json")
    assert "lost-in-work" in [record["event"] for record in done.records]
    assert (done.code, done.records[-1]["done"]) == (0, 3)


def test_rotate_moves_tags_to_the_active_key_version(tray):
    run(*TRAY, "--count", 3, "--label", "b-{n:03}")
    assert run("keys", "rotate").code == 0
    run("keys", "backup", "--confirm", typed=run("keys", "backup").out)
    done = run("station", "--rotate", "--reader", "sim:badge-*", "--count", 3)
    assert done.code == 0
    assert {tag.generation.key_version for tag in known(tray).values()} == {2}
    assert {tag.label for tag in known(tray).values()} == {"b-001", "b-002", "b-003"}


@pytest.mark.parametrize(
    ("arguments", "what", "code"),
    [
        (("station", "--reader", "sim:alice"), "nobody said what URL", 2),
        ((*TRAY, "--label", "x"), "is the same for every tag", 2),
        ((*TRAY, "--label", "{n}", "--manifest", "names.csv"), "both name the tags", 2),
        (("station", "--rotate", "--label", "{n}"), "keep the labels they have", 2),
        ((*TRAY, "--reader", "sim:badge-*"), "is named twice", 2),
        ((*TRAY, "--manifest", "none.csv"), "cannot be read", 2),
        ((*TRAY, "--count", "3", "--report", "report.txt"), "no name of a report", 2),
        (TRAY, "must be confirmed with phones", 5),
    ],
)
def test_what_cannot_be_done_is_said_before_any_tag(tray, arguments, what, code):
    done = run(*arguments)
    assert done.code == code
    assert what in done.err
    assert known(tray) == {}


def test_without_a_backup_it_refuses(home):
    run("keys", "init", "--key-file", home / "key")
    run("sim", "new", "alice")
    assert "no backup" in run(*ALICE, "--count", 1).err


# ---- on a terminal --------------------------------------------------------------------------


def on_terminal(*arguments, **more):
    return Terminal.ntag424(*arguments, "--skip-first-article", **more)


def test_the_screen_shows_progress_and_waits_for_the_next_tag(tray):
    with on_terminal(*MANY) as terminal:
        terminal.until("b-003", "next tag, please")
        lines = terminal.until_screen(lambda lines: "3/500" in lines[2])
        assert lines[0].startswith("monday  sim:badge-*")
        assert "✓ 3   ✗ 0" in lines[1]
        assert "[q] stop after this" in lines[-1]


def test_the_screen_follows_the_size_of_the_terminal(tray):
    with on_terminal(*MANY) as terminal:
        terminal.until("b-003")
        for rows, columns in ((10, 30), (50, 150), (24, 80)):
            terminal.resize(rows, columns)
            terminal.until_screen(
                lambda lines, size=(rows, columns): (len(lines), len(lines[-1])) == size
            )
        terminal.send("q")
        assert terminal.wait() == 0


def test_ctrl_c_ends_in_good_order_and_gives_the_terminal_back(tray):
    with on_terminal(*MANY) as terminal:
        terminal.until("b-003", "next tag, please")
        assert terminal.modes == (False, False)
        terminal.interrupt()
        assert terminal.wait() == 130
        assert terminal.modes == (True, True)
        assert "done          3" in terminal.text.split("Ctrl-C end")[-1]


def test_the_system_s_wish_to_end_is_ctrl_c(tray):
    with on_terminal(*MANY) as terminal:
        terminal.until("b-003")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait() == 130
        assert terminal.modes == (True, True)


def test_halted_it_gives_the_terminal_back_and_takes_it_again(tray):
    # A shell with jobs: nobody else can be halted.
    command = shlex.join([*NTAG424, *MANY, "--skip-first-article"])
    script = f"{command}; echo halted=$?; read -r; fg; echo ended=$?"
    with Terminal("bash", "--norc", "-m", "-c", script) as terminal:
        terminal.until("b-003", "next tag, please")
        terminal.send("\x1a")
        terminal.until(f"halted={128 + signal.SIGTSTP}")
        assert terminal.modes == (True, True)
        terminal.send("\n")
        terminal.until("3/500", "next tag, please")
        assert terminal.modes == (False, False)
        terminal.send("q")
        terminal.until("ended=0")


def test_a_key_makes_the_last_tag_blank_again(furnished):
    with on_terminal(*ALICE) as terminal:
        terminal.until("b-001")
        terminal.send("u")
        terminal.until("it is made blank", "is blank again, its label free")
        terminal.send("q")
        assert terminal.wait() == 0
    (tag,) = known(furnished).values()
    assert (tag.stage, tag.label) == (Stage.BLANK, "")


def test_lines_instead_of_a_screen(tray):
    with on_terminal(*MANY, "--plain") as terminal:
        terminal.until("b-001", "b-003", "next tag, please")
        assert "\x1b" not in terminal.raw
        terminal.send("q")
        assert terminal.wait() == 0


def test_without_colours_there_are_lines(tray):
    with on_terminal(*MANY, NO_COLOR="1") as terminal:
        terminal.until("b-003")
        assert "\x1b" not in terminal.raw
        terminal.interrupt()
        assert terminal.wait() == 130


def tap_of(name):
    """Hold a tag to a phone, as soon as the station has let go of it."""
    while (done := run("sim", "tap", name)).code != 0:
        assert "another program" in done.err
    return done.out.strip()


def test_the_first_tag_goes_to_two_phones(tray):
    with Terminal.ntag424(*MANY) as terminal:
        terminal.until("to an iPhone")
        assert terminal.modes == (True, True)
        assert len(known(tray)) == 1
        terminal.send(forged(tap_of("badge-0001")) + "\n")
        terminal.until("does not verify", "to an iPhone")
        terminal.send(tap_of("badge-0001") + "\n")
        terminal.until("to an Android phone")
        terminal.send(tap_of("badge-0001") + "\n")
        terminal.until("confirmed by two phones", "b-003")
        terminal.interrupt()
        assert terminal.wait() == 130


@pytest.mark.parametrize(
    ("answer", "code"), [("stop\n", 5), ("\x03", 130)], ids=["stop", "Ctrl-C"]
)
def test_the_first_tag_may_be_given_up(tray, answer, code):
    with Terminal.ntag424(*MANY) as terminal:
        terminal.until("to an iPhone")
        terminal.send(answer)
        assert terminal.wait() == code
        assert terminal.modes == (True, True)
    assert len(known(tray)) == 1


def test_a_terminal_with_json_shows_json(tray):
    with on_terminal(*MANY, "--json") as terminal:
        terminal.until('"event": "tag-done"', '"label": "b-003"', "tag-removed")
        terminal.send("q")
        assert terminal.wait() == 0
        last = json.loads(terminal.text.splitlines()[-1])
        assert (last["event"], last["reason"]) == ("run-ended", "quit")
