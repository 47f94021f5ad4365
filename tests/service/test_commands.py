"""`init`, `enrol`, `state`, `show`, `migrate` and `openapi`: the operator's side."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from contextlib import closing

import pytest

from ntag424 import Generation, Uid
from ntag424.replay import SqliteLedger
from tests.service.commanding import CommandLine
from tests.service.running import Installation, run_command

UID = "04DE5F1EACC040"


@pytest.fixture
def command(monkeypatch, capfd):
    return CommandLine(monkeypatch, capfd)


@pytest.fixture
def nothing_yet(tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    return Installation(folder)


# ---- init -----------------------------------------------------------------------------------


def test_init_makes_four_files_and_names_each(command, nothing_yet):
    run = command("init", "--new-keyring", settings=nothing_yet.settings)
    assert (run.code, run.stderr) == (0, "")
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == [
        "NTAG424_STORE",
        "NTAG424_IDENTITY_FILE",
        "NTAG424_WITNESS_FILE",
        "NTAG424_KEYRING_FILE",
    ]
    assert sorted(path.name for path in nothing_yet.folder.iterdir()) == [
        "identity.json",
        "identity.json.witness",
        "keyring.toml",
        "ledger.db",
    ]


def test_init_makes_files_that_only_their_owner_may_read(command, nothing_yet):
    command("init", "--new-keyring", settings=nothing_yet.settings)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in nothing_yet.folder.iterdir()}
    assert modes == {0o600}


def test_init_tells_no_secret(command, nothing_yet):
    run = command("init", "--new-keyring", settings=nothing_yet.settings)
    key = re.search("[0-9A-F]{32}", nothing_yet.keyring_file.read_text()).group()
    assert key.lower() not in run.stdout.lower()
    assert nothing_yet.identity.session_key.hex() not in run.stdout


def test_init_draws_other_secrets_every_time(command, nothing_yet, prepared):
    command("init", "--new-keyring", settings=nothing_yet.settings)
    assert nothing_yet.identity.session_key != prepared.identity.session_key
    assert nothing_yet.identity.store_id != prepared.identity.store_id
    assert nothing_yet.keyring.active.scheme.master != prepared.keyring.active.scheme.master


def test_what_init_made_can_be_served(command, nothing_yet):
    command("init", "--new-keyring", settings=nothing_yet.settings)
    run = command("serve", settings=nothing_yet.settings)
    assert (run.code, run.served) == (0, True)


def test_init_without_keyring_needs_no_keyring_setting(command, nothing_yet):
    settings = nothing_yet.settings
    del settings["NTAG424_KEYRING_FILE"], settings["NTAG424_TEMPLATE"]
    run = command("init", settings=settings)
    assert run.code == 0
    assert not nothing_yet.keyring_file.exists()


@pytest.mark.parametrize("existing", ["ledger.db", "identity.json", "keyring.toml"])
def test_init_overwrites_nothing_and_leaves_nothing_half_made(command, nothing_yet, existing):
    old = nothing_yet.folder / existing
    old.write_text("precious")
    run = command("init", "--new-keyring", settings=nothing_yet.settings)
    assert run.code == 2
    assert run.stderr.startswith("error: NTAG424_")
    assert [path.name for path in nothing_yet.folder.iterdir()] == [existing]
    assert old.read_text() == "precious"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("STORE", "sqlite:////nowhere/ledger.db"),
        ("IDENTITY_FILE", "/nowhere/identity.json"),
        ("KEYRING_FILE", "/nowhere/keyring.toml"),
    ],
)
def test_init_into_a_folder_that_is_not_there_makes_nothing(command, nothing_yet, setting, value):
    settings = nothing_yet.settings | {"NTAG424_" + setting: value}
    run = command("init", "--new-keyring", settings=settings)
    assert run.code == 2
    assert run.stderr.startswith(f"error: NTAG424_{setting}: ")
    assert list(nothing_yet.folder.iterdir()) == []


def test_init_again_is_refused_and_changes_nothing(command, installation):
    before = {path.name: path.read_bytes() for path in installation.folder.iterdir()}
    run = command("init", "--new-keyring", settings=installation.settings)
    after = {path.name: path.read_bytes() for path in installation.folder.iterdir()}
    assert (run.code, after) == (2, before)


# ---- enrol, state, show ---------------------------------------------------------------------


def shown(command, installation):
    run = command("show", UID, settings=installation.settings)
    return json.loads(run.stdout)


def test_an_enrolled_tag_is_shown(command, installation):
    run = command(
        "enrol",
        UID,
        "--key-version",
        "1",
        "--epoch",
        "3",
        "--counter",
        "9",
        settings=installation.settings,
    )
    assert run.stdout == f"{UID} enrolled: key version 1, epoch 3, counter 9\n"
    assert shown(command, installation) == {
        "uid": UID,
        "key_version": 1,
        "epoch": 3,
        "counter": 9,
        "state": "active",
        "enrolled": True,
        "behind": False,
    }


def test_a_tag_is_not_enrolled_twice_in_one_generation(command, installation):
    command("enrol", UID, settings=installation.settings)
    run = command("enrol", UID, "--counter", "5", settings=installation.settings)
    assert (run.code, run.stdout) == (1, "")
    assert re.fullmatch(r"error: .*\nhint: .*\n", run.stderr)
    assert shown(command, installation)["counter"] == 0


@pytest.mark.parametrize(("state", "code"), [("erased", 0), ("suspended", 1), ("active", 1)])
def test_of_an_erased_tag_it_is_said_how_it_comes_back(command, installation, state, code):
    command("enrol", UID, settings=installation.settings)
    command("state", UID, "erased", settings=installation.settings)
    run = command("state", UID, state, settings=installation.settings)
    assert run.code == code
    assert ("brings it back" in run.stderr) == bool(code)


@pytest.mark.parametrize("state", ["suspended", "erased", "active"])
def test_a_state_is_set(command, installation, state):
    command("enrol", UID, settings=installation.settings)
    run = command("state", UID, state, settings=installation.settings)
    assert (run.code, run.stdout) == (0, f"{UID} {state}\n")
    assert shown(command, installation)["state"] == state


def test_an_erased_tag_keeps_its_counter(command, installation):
    command("enrol", UID, "--counter", "77", settings=installation.settings)
    command("state", UID, "erased", settings=installation.settings)
    assert shown(command, installation)["counter"] == 77


def test_the_state_of_an_unknown_tag_is_not_set(command, installation):
    run = command("state", UID, "suspended", settings=installation.settings)
    assert run.code == 1
    assert run.stderr.startswith(f"error: there is no tag {UID}\nhint: ")


def test_an_unknown_tag_is_not_shown(command, installation):
    run = command("show", UID, settings=installation.settings)
    assert (run.code, run.stdout, run.stderr) == (1, "", f"error: there is no tag {UID}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("enrol", "04DE5F1EACC04"),
        ("enrol", "04DE5F1EACC04G"),
        ("enrol", "04:DE:5F:1E:AC:C0:40"),
        ("enrol", UID, "--epoch", "256"),
        ("enrol", UID, "--key-version", "-1"),
        ("enrol", UID, "--counter", "16777216"),
        ("state", UID, "lost"),
        ("show",),
    ],
)
def test_a_mistake_on_the_command_line_is_usage(command, installation, arguments):
    run = command(*arguments, settings=installation.settings)
    assert run.code == 2
    assert "Traceback" not in run.stderr
    with closing(sqlite3.connect(installation.store)) as db:
        assert db.execute("SELECT count(*) FROM tag").fetchone() == (0,)


@pytest.mark.parametrize("arguments", [("enrol", UID), ("show", UID), ("state", UID, "active")])
def test_a_command_refuses_a_store_that_is_not_its_own(command, installation, arguments):
    installation.store.unlink()
    SqliteLedger.init(installation.store)
    run = command(*arguments, settings=installation.settings)
    assert run.code == 2
    assert run.stderr.startswith("error: NTAG424_STORE: ")


@pytest.mark.parametrize("arguments", [("enrol", UID), ("show", UID), ("state", UID, "active")])
def test_a_command_refuses_a_store_that_nobody_answers_for(command, installation, arguments):
    settings = installation.settings | {"NTAG424_STORE": "redis://127.0.0.1:1"}
    run = command(*arguments, settings=settings)
    assert run.code == 2
    assert re.fullmatch(r"error: NTAG424_STORE: .*\nhint: Check that it runs.*\n", run.stderr)


@pytest.mark.anyio
async def test_a_tag_enrolled_by_the_real_command_is_known_to_the_ledger(installation):
    done = run_command("enrol", UID, "--epoch", "1", settings=installation.settings)
    assert done.returncode == 0, done.stderr
    async with installation.ledger() as ledger:
        record = await ledger.find(Uid.from_hex(UID))
    assert record.generation == Generation(1, 1)


# ---- migrate --------------------------------------------------------------------------------


def test_a_store_of_today_needs_no_migration(command, installation):
    run = command("migrate", settings=installation.settings)
    assert (run.code, run.stdout) == (0, "migrations applied: 0\n")


def test_a_store_of_a_later_release_is_left_alone(command, installation):
    with closing(sqlite3.connect(installation.store)) as db:
        db.execute("PRAGMA user_version = 999")
    run = command("migrate", settings=installation.settings)
    assert run.code == 1
    assert re.fullmatch(r"error: .*\nhint: .*\n", run.stderr)


def test_migrate_makes_no_store(command, nothing_yet):
    run = command("migrate", settings=nothing_yet.settings)
    assert run.code == 1
    assert list(nothing_yet.folder.iterdir()) == []
