"""Where the vault is and what opens it: files and prompts, never arguments or variables."""

from __future__ import annotations

import re

import pytest
import typer
from ntag424_provisioning.cli.keys import app
from ntag424_provisioning.vault import KeyFile, Passphrase, Vault, write_private

from tests.provisioning.cli.vaults import Desk

PHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("NTAG424_KEY_FILE", "NTAG424_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "home")


@pytest.fixture
def key_file(desk, tmp_path):
    """The key file of a vault."""
    assert desk.run(app, "init", "--key-file", tmp_path / "key").code == 0
    return tmp_path / "key"


@pytest.fixture(scope="module")
def with_passphrase(tmp_path_factory):
    """A vault that opens with a passphrase, and a file with it."""
    folder = tmp_path_factory.mktemp("passphrase")
    write_private(folder / "phrase", f"{PHRASE}\nand a second line\n")
    desk = Desk(folder / "home")
    assert desk.run(app, "init", "--passphrase-file", folder / "phrase").code == 0
    return folder


# ---- a key file -----------------------------------------------------------------------------


def test_a_key_file_is_named_on_the_command_line(desk, key_file):
    assert desk.run(app, "show", "--key-file", key_file).code == 0


def test_a_key_file_is_named_by_the_environment(desk, key_file):
    assert desk.run(app, "show", NTAG424_KEY_FILE=str(key_file)).code == 0


def test_a_vault_that_takes_a_key_file_says_so(desk, key_file):
    run = desk.run(app, "show")
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr == (
        "error: this vault opens with a key file\n"
        "hint: Name it: --key-file, or NTAG424_KEY_FILE.\n"
    )


def test_a_passphrase_does_not_stand_in_for_a_key_file(desk, key_file, tmp_path):
    write_private(tmp_path / "phrase", PHRASE)
    run = desk.run(app, "show", "--passphrase-file", tmp_path / "phrase")
    assert (run.code, "opens with a key file" in run.stderr) == (2, True)


def test_the_vault_is_where_it_is_said_to_be(desk, tmp_path):
    place = tmp_path / "elsewhere.db"
    assert desk.run(app, "init", "--vault", place, "--key-file", tmp_path / "key").code == 0
    run = desk.run(app, "show", "--vault", place, "--key-file", tmp_path / "key")
    assert (run.code, place.exists(), desk.vault.exists()) == (0, True, False)


def test_a_missing_vault_comes_before_any_question(desk):
    run = desk.run(app, "show")
    assert (run.code, "there is no vault at" in run.stderr, "keys init" in run.stderr) == (
        2,
        True,
        True,
    )


# ---- a passphrase ---------------------------------------------------------------------------


def test_a_passphrase_is_the_first_line_of_a_file(with_passphrase):
    desk = Desk(with_passphrase / "home")
    assert desk.run(app, "show", NTAG424_PASSPHRASE_FILE=str(with_passphrase / "phrase")).code == 0


def test_where_nobody_is_there_the_command_says_what_to_do(with_passphrase):
    run = Desk(with_passphrase / "home").run(app, "show", typed=f"{PHRASE}\n")
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr == (
        "error: this vault opens with a passphrase, and nobody is there to type one\n"
        "hint: Name a file with --key-file or --passphrase-file, or with NTAG424_KEY_FILE or "
        "NTAG424_PASSPHRASE_FILE.\n"
    )


def test_a_key_file_does_not_stand_in_for_a_passphrase(with_passphrase, tmp_path):
    KeyFile(tmp_path / "key").draw()
    run = Desk(with_passphrase / "home").run(app, "show", "--key-file", tmp_path / "key")
    assert (run.code, "opens with a passphrase" in run.stderr) == (2, True)


@pytest.mark.parametrize(
    ("content", "what"),
    [("", "12 characters"), ("short\n" + PHRASE, "12 characters"), ("\udcff" * 12, "no text")],
)
def test_a_file_without_a_passphrase_is_refused(with_passphrase, tmp_path, content, what):
    path = tmp_path / "phrase"
    path.touch(0o600)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    run = Desk(with_passphrase / "home").run(app, "show", "--passphrase-file", path)
    assert (run.code, what in run.stderr) == (2, True)


def test_a_passphrase_that_others_may_read_is_refused(with_passphrase, tmp_path):
    (tmp_path / "phrase").write_text(PHRASE)
    (tmp_path / "phrase").chmod(0o640)
    desk = Desk(with_passphrase / "home")
    run = desk.run(app, "show", "--passphrase-file", tmp_path / "phrase")
    assert (run.code, "others may open the passphrase file" in run.stderr) == (2, True)


def test_a_passphrase_is_typed_without_being_shown(with_passphrase):
    run = Desk(with_passphrase / "home").at_terminal(
        "keys", "show", answers=[("Passphrase of the vault: ", PHRASE)]
    )
    assert (run.code, "an10922" in run.stdout, PHRASE in run.stdout) == (0, True, False)


def test_prompts_do_not_get_into_what_is_piped_on(with_passphrase, tmp_path):
    with (tmp_path / "out").open("w") as out:
        run = Desk(with_passphrase / "home").at_terminal(
            "keys", "show", answers=[("Passphrase of the vault: ", PHRASE)], stdout=out
        )
    written = (tmp_path / "out").read_text()
    assert (run.code, written.startswith("  1  active"), "Passphrase" in written) == (
        0,
        True,
        False,
    )


# ---- a new vault ----------------------------------------------------------------------------


QUESTION = "Passphrase for the new vault, 12 characters or more: "


def test_a_new_passphrase_is_typed_twice(desk):
    answers = [(QUESTION, PHRASE), ("The same again: ", PHRASE)]
    run = desk.at_terminal("keys", "init", answers=answers)
    assert (run.code, PHRASE in run.stdout) == (0, False)
    assert Vault.open(desk.vault, Passphrase(PHRASE)).versions()


def test_a_new_passphrase_that_is_typed_differently_makes_no_vault(desk):
    answers = [(QUESTION, PHRASE), ("The same again: ", PHRASE + "!")]
    run = desk.at_terminal("keys", "init", answers=answers)
    assert (run.code, "not the same" in run.stdout, desk.home.exists()) == (2, True, False)


def test_a_new_passphrase_that_is_too_short_makes_no_vault(desk):
    answers = [(QUESTION, "eleven char"), ("The same again: ", "eleven char")]
    run = desk.at_terminal("keys", "init", answers=answers)
    assert (run.code, "12 characters" in run.stdout, desk.home.exists()) == (2, True, False)


def test_a_new_vault_is_not_made_where_nobody_is_there_to_type(desk):
    run = desk.run(app, "init")
    assert (run.code, "needs a passphrase or a key file" in run.stderr) == (2, True)


def test_a_new_vault_takes_one_of_the_two(desk, tmp_path):
    run = desk.run(app, "init", "--key-file", tmp_path / "k", "--passphrase-file", tmp_path / "p")
    assert (run.code, list(tmp_path.iterdir())) == (2, [])


def test_no_option_takes_a_secret_itself():
    options = {
        parameter.name
        for command in typer.main.get_command(app).commands.values()
        for parameter in command.params
    }
    secret = {name for name in options if re.search("pass|secret|key|pin|code", name)}
    assert secret == {"key_file", "passphrase_file", "show_keys"}
