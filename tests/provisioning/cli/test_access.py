"""`ntag424 access`: what it shows, and how it is told keys."""

from __future__ import annotations

import pytest

from ntag424 import Key
from ntag424.commands import ChangeFileSettings, ChangeKey, ChangeMasterKey
from ntag424.model.files import FileSettings
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from tests.docs.blocks import ROOT
from tests.provisioning.cli.running import run
from tests.provisioning.cli.terminal import Terminal
from tests.provisioning.hard.houses import enrolling_at, make_ledger

ALICE = ("--reader", "sim:alice")
KEYS = [Key(bytes([0x40 + number]) * 16) for number in range(5)]
URL = "https://id.example.com/t"
WRITE = ("provision", *ALICE, "--url", URL, "--any-chip")


@pytest.fixture
def tag(furnished):
    """Have a tag of another tool: key 3 alone changes the NDEF file."""
    path = furnished / "sim" / "alice.json"
    chip = SimulatedTag.load(path)
    session = Session(chip)
    session.select()
    session = session.authenticate(0, Key(bytes(16)))
    session.send(ChangeFileSettings(2, FileSettings.from_bytes(bytes.fromhex("00F3EF"))))
    for number in range(1, 5):
        session.send(ChangeKey(number, Key(bytes(16)), KEYS[number], 9))
    session.send(ChangeMasterKey(KEYS[0], 9))
    chip.save(path)
    return furnished


@pytest.fixture
def keys(tag):
    return keys_file(tag, [f"{number} {bytes(key).hex()}" for number, key in enumerate(KEYS)])


def keys_file(home, lines):
    path = home / "keys.txt"
    path.touch(0o600)
    path.write_text("# of the other tool\n" + "\n".join(lines))
    return path


def memory(home):
    text = (home / "sim" / "alice.json").read_text()
    return SimulatedTag.load(home / "sim" / "alice.json")._card.memory.files, text


def test_show_says_who_may_do_what(tag):
    (record,) = run("access", "show", *ALICE, "--json").records
    ndef = record["files"][1]
    assert {name: ndef[name] for name in ("read", "write", "read_write", "change")} == {
        "read": "free",
        "write": "never",
        "read_write": "never",
        "change": "key 3",
    }


def test_the_page_shows_what_is_shown(tag):
    page = (ROOT / "docs/howto/foreign-tags.md").read_text("utf-8")
    assert f"$ ntag424 access show\n{run('access', 'show', *ALICE).out}```" in page


def test_show_says_who_can_open_what_is_closed(tag):
    assert "Change of the NDEF file is key 3's" in run("access", "show", *ALICE).out


def test_a_tag_that_was_adopted_can_be_provisioned_and_reset(keys):
    assert run(*WRITE).code == 4
    assert run("access", "adopt", *ALICE, "--keys", keys).code == 0
    assert run(*WRITE).code == 0
    assert run("reset", *ALICE, "--yes").code == 0


def test_a_key_without_a_line_is_that_of_the_delivery(furnished):
    path = keys_file(furnished, [])
    assert run("access", "adopt", *ALICE, "--keys", path).code == 0


@pytest.mark.parametrize(
    "line", ["5 " + "00" * 16, "0 " + "00" * 15, "0:" + "00" * 16, "0 " + "00" * 16 + " 1"]
)
def test_a_line_that_is_no_key_is_refused_and_not_quoted(tag, line):
    done = run("access", "adopt", *ALICE, "--keys", keys_file(tag, [line]))
    assert (done.code, "line 2 of the keys file" in done.err) == (2, True)
    assert "0000" not in done.err


def test_a_key_that_is_given_twice_is_refused(tag):
    path = keys_file(tag, ["1 " + "00" * 16, "1 " + "11" * 16])
    assert run("access", "adopt", *ALICE, "--keys", path).code == 2


def test_a_keys_file_that_others_may_read_is_refused(keys):
    keys.chmod(0o644)
    assert run("access", "adopt", *ALICE, "--keys", keys).code == 2


def test_no_key_is_printed(keys):
    done = run("access", "adopt", *ALICE, "--keys", keys)
    assert not [key for key in KEYS if bytes(key).hex() in (done.out + done.err).lower()]


def test_set_changes_what_is_named_and_leaves_the_rest(keys):
    run("access", "adopt", *ALICE, "--keys", keys)
    done = run("access", "set", "ndef", *ALICE, "--change", "0", "--write", "0", "--json")
    (record,) = done.records
    assert [record[name] for name in ("read", "write", "read_write", "change")] == [
        "free",
        "key 0",
        "never",
        "key 0",
    ]


def test_what_is_for_ever_is_asked_before_anything(keys):
    run("access", "adopt", *ALICE, "--keys", keys)
    before = memory(keys.parent)
    done = run("access", "set", "cc", *ALICE, "--change", "never")
    assert (done.code, "Close it for ever?" in done.err) == (2, True)
    assert memory(keys.parent) == before


def test_what_is_for_ever_is_done_where_it_is_meant_and_foretold_afterwards(keys):
    run("access", "adopt", *ALICE, "--keys", keys)
    for_ever = ("--change", "never", "--allow-irreversible")
    assert run("access", "set", "cc", *ALICE, *for_ever).code == 0
    before = memory(keys.parent)[0]
    for command in (WRITE, ("plan", *WRITE[1:-1]), ("reset", *ALICE, "--yes")):
        done = run(*command)
        assert (done.code, "CC file is closed for good" in done.err) == (5, True), command
    assert memory(keys.parent)[0] == before
    told = run("inspect", *ALICE, "--json").records[0]["defects"]
    assert [one["kind"] for one in told if one["kind"] == "closed"] == ["closed", "closed"]


@pytest.mark.parametrize("right", ["5", "E", "never ", "-1"])
def test_a_right_is_a_key_number_or_one_of_two_words(tag, right):
    assert run("access", "set", "ndef", *ALICE, f"--change={right}").code == 2


def test_a_key_is_changed_to_a_value_of_ours(keys):
    run("access", "adopt", *ALICE, "--keys", keys)
    new = keys_file(keys.parent, ["2 " + "ab" * 16])
    done = run("access", "change-key", "2", *ALICE, "--keys", new, "--version-byte", "3")
    assert done.code == 0
    chip = SimulatedTag.load(keys.parent / "sim" / "alice.json")._card.memory
    assert (chip.keys[2].value, chip.keys[2].version) == (b"\xab" * 16, 3)


def test_a_new_key_that_the_file_does_not_have_is_not_taken_for_zeros(keys):
    run("access", "adopt", *ALICE, "--keys", keys)
    new = keys_file(keys.parent, ["1 " + "ab" * 16])
    before = memory(keys.parent)
    assert run("access", "change-key", "2", *ALICE, "--keys", new).code == 2
    assert memory(keys.parent) == before


# ---- what is asked before it is done ---------------------------------------------------------


def test_another_url_on_a_working_tag_takes_a_flag_where_nobody_can_be_asked(furnished):
    assert run(*WRITE).code == 0
    other = [URL + "/other" if each == URL else each for each in WRITE]
    before = memory(furnished)[0]
    refused = run(*other)
    assert (refused.code, "--change-url" in refused.err) == (5, True)
    assert memory(furnished)[0] == before
    assert run(*other, "--change-url").code == 0


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 5)])
def test_another_url_on_a_working_tag_is_asked_for_at_a_terminal(furnished, answer, code):
    assert run(*WRITE).code == 0
    before = memory(furnished)[0]
    other = [URL + "/other" if each == URL else each for each in WRITE]
    with Terminal.ntag424(*other) as terminal:
        terminal.until("Change it?")
        terminal.send(answer + "\r")
        assert terminal.wait() == code
    assert (memory(furnished)[0] == before) is (answer == "n")


@pytest.mark.parametrize(
    "command",
    [
        ("provision", *ALICE, "--any-chip"),
        ("plan", *ALICE),
        ("repair", *ALICE, "--yes", "--any-chip"),
        ("inspect", *ALICE, "--with-vault"),
        ("station", *ALICE, "--any-chip", "--skip-first-article", "--count", "1"),
        ("verify", "https://a.example/"),
        ("explain", "https://a.example/"),
        ("tap", *ALICE),
    ],
    ids=lambda command: command[0],
)
def test_a_url_that_is_not_encrypted_has_to_be_meant(furnished, command):
    line = (*command, "--url", "http://id.example.com/t")
    refused = run(*line)
    assert (refused.code, "http:// sends each tap unencrypted" in refused.err) == (2, True)
    assert "unencrypted" not in run(*line, "--insecure-http").err


def test_the_template_of_a_lost_record_has_to_be_meant_too(furnished):
    line = ("keys", "recover", "http://a.example/", "--template", "http://a.example/t")
    assert "unencrypted" in run(*line).err
    assert "unencrypted" not in run(*line, "--insecure-http").err


def test_reset_says_that_the_service_was_not_told_and_what_to_do(furnished):
    assert run(*WRITE).code == 0
    done = run("reset", *ALICE, "--yes")
    assert "ntag424-service state 04DE5F1EACC040 erased" in done.err


def test_reset_tells_the_ledger_that_the_tag_is_out(furnished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    make_ledger(folder)
    enrol = ("--enrol", enrolling_at(folder))
    assert run(*WRITE, *enrol).code == 0
    done = run("reset", *ALICE, "--yes", *enrol)
    assert (done.code, "refuses what it made before" in done.out) == (0, True)
    assert "No service was told" not in done.err
    again = run(*WRITE, *enrol, "--json")
    assert (again.code, again.records[0]["epoch"]) == (0, 2)
