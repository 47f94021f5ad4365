"""`ntag424 tags`: what is known of tags is shown, their keys are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ntag424_provisioning.cli.tags import app
from ntag424_provisioning.model import KnownTag, SlotKey, Stage
from ntag424_provisioning.vault import KeyFile, Vault

from ntag424 import Key
from tests.provisioning.cli.vaults import Desk
from tests.provisioning.vault.furniture import TEMPLATE, tag, uid

CANARY = bytes.fromhex("CA4A12E5CA4A12E5CA4A12E5CA4A12E5")
NOW = 1_800_000_000


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A vault with a blank tag, one in use, and one that is half done."""
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("NTAG424_KEY_FILE", str(tmp_path / "key"))
    desk = Desk(tmp_path / "home")
    monkeypatch.setenv("XDG_STATE_HOME", desk.environment["XDG_STATE_HOME"])
    half_done = tag(3, stage=Stage.WRITING, about="ChangeKey 2", attempts=(0, 0, 3, 0, 0))
    with Vault.create(desk.vault, KeyFile(tmp_path / "key")) as vault:
        vault.put(KnownTag.blank(uid(1)))
        vault.put(tag(2, label="badge 2", counter=77))
        vault.put(half_done.widen(2, SlotKey(Key(CANARY), 2)))
    return desk


def test_all_tags_are_listed(desk):
    assert desk.run(app, "list").stdout == (
        "04000000000001  blank          -         0  2027-01-15\n"
        "04000000000002  ready        1.1        77  2027-01-15  badge 2\n"
        "04000000000003  writing      1.1         0  2027-01-15\n"
    )


def test_all_tags_are_listed_as_json(desk):
    records = desk.run(app, "list", "--json").records
    assert [record["uid"] for record in records] == [str(uid(n)) for n in (1, 2, 3)]
    assert records[1] == {
        "uid": "04000000000002",
        "stage": "ready",
        "key_version": 1,
        "epoch": 1,
        "counter": 77,
        "label": "badge 2",
        "changed_at": NOW,
    }


def test_a_tag_that_is_half_done_is_shown_with_what_was_under_way(desk):
    assert desk.run(app, "show", "04000000000003").stdout == (
        "tag        04000000000003\n"
        "stage      writing\n"
        "life       1.1\n"
        "counter    0\n"
        "changed    2027-01-15\n"
        f"template   {TEMPLATE.text}\n"
        "under way  ChangeKey 2\n"
        "key 0      version 1\n"
        "key 1      version 1\n"
        "key 2      version 1 or 2, 3 attempts without success\n"
        "key 3      version 1\n"
        "key 4      version 1\n"
    )


def test_a_tag_is_shown_as_json(desk):
    (record,) = desk.run(app, "show", "04000000000003", "--json").records
    assert (record["under_way"], record["attempts"]) == ("ChangeKey 2", [0, 0, 3, 0, 0])
    assert (record["slots"], record["template"]) == ([[1], [1], [1, 2], [1], [1]], TEMPLATE.text)


def test_a_blank_tag_has_no_life(desk):
    (record,) = desk.run(app, "show", "04000000000001", "--json").records
    assert (record["key_version"], record["epoch"], record["template"]) == (None, None, None)


@pytest.mark.parametrize("command", [("list",), ("show", "04000000000003")])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_key_is_shown(desk, command, options):
    run = desk.run(app, *command, *options)
    assert (run.code, CANARY.hex()[:8] in (run.stdout + run.stderr).lower()) == (0, False)


def test_a_tag_that_is_not_known_is_not_shown(desk):
    run = desk.run(app, "show", "04FFFFFFFFFFFF")
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr == (
        'error: the vault knows no tag 04FFFFFFFFFFFF\nhint: See "ntag424 tags list".\n'
    )


def test_what_is_no_uid_is_wrong_usage(desk):
    assert desk.run(app, "show", "04").code == 2


def test_a_tag_that_was_reset_keeps_its_last_life(desk, tmp_path):
    with Vault.open(desk.vault, KeyFile(tmp_path / "key")) as vault:
        blank = replace(KnownTag.blank(uid(2)), goal=replace(tag(2).goal, profile=None))
        vault.put(blank)
    assert "04000000000002  blank        1.1" in desk.run(app, "list").stdout
