"""The commands that write one tag, and those that look at one: what they print and return."""

from __future__ import annotations

import json

import pytest

from tests.provisioning.cli.running import run
from tests.support import forged

URL = "https://id.example.com/t"
ALICE = ("--reader", "sim:alice")
WRITE = ("provision", *ALICE, "--url", URL, "--any-chip")


@pytest.fixture
def used(furnished):
    """Have a working tag."""
    assert run(*WRITE).code == 0
    return furnished


def tap():
    return run("sim", "tap", "alice").out.strip()


def test_provision_says_in_json_what_became_of_the_tag(furnished):
    (record,) = run(*WRITE, "--json").records
    assert record == {
        "uid": "04DE5F1EACC040",
        "outcome": "provisioned",
        "key_version": 1,
        "epoch": 1,
        "counter": 2,
    }


def test_progress_is_talk_and_not_data(furnished):
    done = run(*WRITE, "--json")
    assert ("key 0, version 01" in done.err, "key 0" in done.out) == (True, False)


def test_a_tag_that_is_done_is_left_alone(used):
    (record,) = run(*WRITE, "--json").records
    assert record["outcome"] == "unchanged"


def test_the_tap_of_a_written_tag_verifies(used):
    (record,) = run("verify", tap(), "--url", URL, "--json").records
    assert (record["verifies"], record["uid"]) == (True, "04DE5F1EACC040")


def test_verify_reads_urls_from_stdin_one_per_line(used):
    genuine = tap()
    typed = f"{genuine}\n\n{forged(genuine)}\n"
    done = run("verify", "-", "--url", URL, "--json", typed=typed)
    assert [record["verifies"] for record in done.records] == [True, False]


def test_a_line_that_does_not_verify_is_told_by_the_exit_code(used):
    assert run("verify", "-", "--url", URL, typed=f"{tap()}\nhttps://x/\n").code == 7


def test_explain_of_a_sound_tap_ends_well(used):
    assert run("explain", tap(), "--url", URL).code == 0


def test_tap_masks_the_mac(used):
    (record,) = run("tap", *ALICE, "--url", URL, "--json").records
    assert record["url"].endswith("…")


def test_tap_shows_the_whole_url_to_who_asks(used):
    (record,) = run("tap", *ALICE, "--url", URL, "--json", "--show-url").records
    assert run("verify", record["url"], "--url", URL).code == 0


def test_plan_lists_every_change_and_makes_none(furnished):
    before = (furnished / "sim" / "alice.json").read_bytes()
    (record,) = run("plan", *ALICE, "--url", URL, "--json").records
    assert [step["command"] for step in record["steps"]] == [
        *["ChangeKey"] * 4,
        "WriteData",
        "ChangeFileSettings",
        "ChangeKey",
    ]
    assert (furnished / "sim" / "alice.json").read_bytes() == before


def test_plan_of_a_written_tag_has_no_steps(used):
    (record,) = run("plan", *ALICE, "--url", URL, "--json").records
    assert record["steps"] == []


def test_plan_marks_what_is_irreversible(furnished):
    done = run(
        "plan", *ALICE, "--url", URL, "--irreversible", "lrp", "--allow-irreversible", "--json"
    )
    (record,) = done.records
    assert [step["irreversible"] for step in record["steps"]][:2] == [True, False]


def test_a_tag_can_be_written_in_lrp_mode(furnished):
    done = run(*WRITE, "--irreversible", "lrp", "--allow-irreversible")
    (record,) = run("verify", tap(), "--url", URL, "--json").records
    assert (done.code, record["mode"]) == (0, "lrp")


def test_a_torn_tag_is_finished_by_repair(furnished):
    assert run("sim", "tear", "alice", "--at", "52", "--executed").code == 0
    assert run(*WRITE).code == 6
    done = run("repair", *ALICE, "--yes", "--json")
    assert (done.code, run("verify", tap(), "--url", URL).code) == (0, 0)


def test_repair_says_what_it_found_before_it_does_anything(furnished):
    run("sim", "tear", "alice", "--at", "52")
    run(*WRITE)
    done = run("repair", *ALICE)
    assert done.code == 2
    assert "begun and not finished, last at key" in done.err


def test_a_tag_is_reset_without_being_asked_only_with_yes(used):
    assert run("reset", *ALICE).code == 2
    assert run("reset", *ALICE, "--yes").code == 0
    assert run("inspect", *ALICE, "--json").records[0]["key_versions"] == [0] * 5


def test_a_tag_moves_to_a_new_key_version(used):
    assert run("keys", "rotate").code == 0
    sheet = run("keys", "backup").out
    assert run("keys", "backup", "--confirm", typed=sheet).code == 0
    (record,) = run("rotate", *ALICE, "--json").records
    assert (record["key_version"], record["epoch"]) == (2, 2)


def test_a_new_key_version_has_to_be_on_paper_before_tags_are_written_with_it(used):
    assert run("keys", "rotate").code == 0
    assert run("rotate", *ALICE).code == 5


def test_a_mistake_of_the_program_is_told_without_what_it_was_about(used, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("about a key")

    monkeypatch.setattr("ntag424_provisioning.cli.provision.run", fail)
    done = run(*WRITE)
    assert (done.code, "RuntimeError" in done.err, "about a key" in done.err) == (1, True, False)


def test_json_is_one_object_per_line(used):
    for command in (("tags", "list"), ("inspect", *ALICE), ("keys", "show"), ("sim", "list")):
        for line in run(*command, "--json").out.splitlines():
            assert isinstance(json.loads(line), dict)
