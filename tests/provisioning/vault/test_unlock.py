"""Passphrases, and files with secrets: accepted only where nobody else could have read them."""

from __future__ import annotations

import os
import stat

import pytest
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import KeyFile, Passphrase, read_private, write_private


@pytest.fixture
def key_file(tmp_path):
    key_file = KeyFile(tmp_path / "key")
    key_file.draw()
    return key_file


def assert_refused(key_file, what):
    with pytest.raises(VaultError, match=what) as refused:
        key_file.read()
    assert refused.value.hint


def test_a_key_file_holds_32_bytes_for_one_user(key_file):
    status = key_file.path.stat()
    assert (len(key_file.read()), stat.S_IMODE(status.st_mode)) == (32, 0o600)


def test_no_key_file_is_drawn_twice(tmp_path, key_file):
    other = KeyFile(tmp_path / "other")
    other.draw()
    assert key_file.read() != other.read()


def test_a_key_file_is_never_overwritten(key_file):
    before = key_file.read()
    with pytest.raises(VaultError):
        key_file.draw()
    assert key_file.read() == before


def test_a_key_file_is_not_drawn_through_a_link(tmp_path):
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultError):
        KeyFile(tmp_path / "key").draw()
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_key_file_is_named(tmp_path):
    assert_refused(KeyFile(tmp_path / "key"), "No such file")


@pytest.mark.parametrize("key", ["0011223344556677" * 2, "a1" * 32])
def test_a_key_in_place_of_a_file_is_refused_and_not_repeated(tmp_path, key):
    with pytest.raises(VaultError, match="a key was given") as refused:
        KeyFile(tmp_path / key).read()
    assert key not in f"{refused.value} {refused.value.hint} {refused.value.__cause__}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602])
def test_a_key_file_that_others_may_open_is_refused(key_file, mode):
    key_file.path.chmod(mode)
    assert_refused(key_file, "others may open")


def test_a_link_to_a_key_file_is_refused(tmp_path, key_file):
    (tmp_path / "link").symlink_to(key_file.path)
    assert_refused(KeyFile(tmp_path / "link"), "symbolic link")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert_refused(KeyFile(tmp_path / "pipe"), "no plain file")


def test_a_folder_is_refused(tmp_path):
    assert_refused(KeyFile(tmp_path), "no plain file")


def test_a_key_file_of_another_user_is_refused(key_file):
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(key_file.path, 65534, -1)
    assert_refused(key_file, "another user")


@pytest.mark.parametrize(
    "text", ["", "00" * 31, "00" * 33, "00" * 31 + "0G", " " + "00" * 32, "00" * 32 + "\n\n"]
)
def test_a_malformed_key_file_is_refused_and_not_quoted(tmp_path, text):
    write_private(tmp_path / "odd", text)
    with pytest.raises(VaultError, match="malformed") as refused:
        KeyFile(tmp_path / "odd").read()
    assert "0000" not in str(refused.value) + refused.value.hint


def test_an_endless_file_is_not_read_to_its_end(tmp_path):
    write_private(tmp_path / "long", "0" * 70_000)
    with pytest.raises(VaultError, match="too long"):
        read_private(tmp_path / "long", "key file")


@pytest.mark.parametrize("text", ["", "eleven char"])
def test_a_short_passphrase_has_no_constructor(text):
    with pytest.raises(ValueError, match="12 characters") as refused:
        Passphrase(text)
    assert text not in str(refused.value) or not text


def test_a_passphrase_is_the_same_however_its_accents_were_typed():
    composed, decomposed = "fünf Füße genügen", "fu\u0308nf Fu\u0308ße genu\u0308gen"
    assert bytes(Passphrase(composed)) == bytes(Passphrase(decomposed))


def test_a_passphrase_may_have_any_character_at_all():
    assert len(bytes(Passphrase("\ud800" * 12))) == 36
