"""`ntag424 apdu`: the page's example, keys out of files and vaults, and none on a screen."""

from __future__ import annotations

import pytest
from ntag424_provisioning.vault import KeyFile, Vault

from ntag424 import Key
from ntag424.commands import ChangeKey, GetCardUid
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from tests.docs.blocks import ROOT
from tests.docs.shells import commands, marked
from tests.ntag424.diagnosis.recordings import Recorder, logs
from tests.provisioning.cli.running import run

PAGE = ROOT / "docs/howto/apdu.md"
KEY, NEW = b"application key!", b"the new key, 16b"
MAC, TI = "379D32130CE61705DD5FD8C36B95D764", "DF055522"
GET_UID = (
    "--> 90510000088E2C155ADDA99BE300\n<-- 70756055688505B52A5E26E59E329CD6595F672298EA41B79100\n"
)


def spelled(key):
    return [key.hex(), key.hex().upper(), key.hex(" "), str(list(key))]


@pytest.fixture
def secrets(home):
    path = home / "secrets"
    path.touch(0o600)
    return path


@pytest.fixture
def log(home):
    path = home / "session.log"
    path.write_text(GET_UID, "utf-8")
    return path


def recorded(tag, key=Key(bytes(16))):  # noqa: B008 - a value
    """Write down a session in which key 1 is changed."""
    recorder = Recorder(tag)
    session = Session(recorder)
    session.select()
    authenticated = session.authenticate(0, key)
    authenticated.send(GetCardUid())
    authenticated.send(ChangeKey(1, Key(bytes(16)), Key(NEW), 7))
    lines = (f"--> {each.command.hex()}\n<-- {each.answer.hex()}\n" for each in recorder.exchanges)
    return "".join(lines)


def test_the_example_of_the_page_prints_what_it_shows(home, monkeypatch, request):
    monkeypatch.chdir(home)
    (block,) = marked(PAGE, "apdu")
    (_, shown, log), (_, typed, promised) = commands(block)
    (home / shown.split()[1]).write_text(log, "utf-8")
    done = run(*typed.split()[1:])
    if request.config.getoption("--update-snapshots"):
        text = PAGE.read_text("utf-8")
        PAGE.write_text(text.replace(f"$ {typed}\n{promised}", f"$ {typed}\n{done.out}{done.err}"))
        return
    assert (done.code, done.out + done.err) == (5, promised)


@pytest.mark.parametrize(("name", "text"), logs()[:3], ids=[name for name, _ in logs()[:3]])
def test_a_log_without_a_fault_ends_with_0(home, name, text):
    done = run("apdu", "-", typed=text)
    assert (done.code, done.err) == (0, "✓ nothing is wrong in what could be checked\n")


def test_session_keys_come_out_of_a_private_file(log, secrets):
    secrets.write_text(f"mac = {MAC}\n", "utf-8")
    done = run("apdu", log, "--secrets", secrets, "--ti", TI, "--counter", 3)
    assert done.code == 5
    assert "✗ command counter: the MAC was made with command counter 0, and 3 is due." in done.out


def test_a_secrets_file_that_others_may_read_is_refused(log, secrets):
    secrets.chmod(0o644)
    done = run("apdu", log, "--secrets", secrets)
    assert (done.code, "others may open the secrets file" in done.err) == (2, True)


def test_a_line_of_secrets_that_is_none_is_not_repeated(log, secrets):
    secrets.write_text(f"key9 = {MAC}\n", "utf-8")
    done = run("apdu", log, "--secrets", secrets)
    assert (done.code, MAC in done.out + done.err) == (2, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--ti", TI), "a session takes mac"),
        (("--settings", "4:00"), "--settings takes a file"),
        (("--settings", "2:00FF"), "--settings: the description"),
        (("--with-vault",), "the log does not tell the UID"),
        (("--with-vault", "--uid", "04"), "--uid: a UID is written"),
        (("--with-vault", "--uid", "04000000000001"), "the vault does not know tag"),
        (("--type-keys",), "nobody is there to type"),
    ],
)
def test_what_does_not_go_together_is_refused(furnished, log, arguments, said):
    log.write_text("--> 9060000000\n<-- 911C\n", "utf-8")
    done = run("apdu", log, *arguments)
    assert (done.code, said in done.err) == (2, True)


def test_session_keys_without_their_ti_are_refused(log, secrets):
    secrets.write_text(f"mac = {MAC}\n", "utf-8")
    done = run("apdu", log, "--secrets", secrets)
    assert (done.code, "go with the TI" in done.err) == (2, True)


@pytest.mark.parametrize("given", ["nothing here", ""])
def test_a_log_without_an_apdu_is_refused(home, given):
    done = run("apdu", "-", typed=given)
    assert (done.code, "nothing like an APDU" in done.err) == (2, True)


def test_a_log_that_is_not_there_is_refused(home):
    assert run("apdu", home / "none").code == 2


def test_keys_of_the_vault_follow_a_session_of_its_tag(furnished, monkeypatch):
    monkeypatch.setenv("NTAG424_URL", "https://id.example.com/t")
    done = run("provision", "--reader", "sim:alice", "--any-chip", "--enrol", "later")
    assert done.code == 0, done.err
    with Vault.open(furnished / "vault.db", KeyFile(furnished / "key")) as vault:
        (tag,) = vault.tags()
        master = tag.slots[0][0].key
    log = furnished / "session.log"
    log.write_text(_with_key_0(furnished, master), "utf-8")
    without = run("apdu", log)
    found = run("apdu", log, "--with-vault", "--uid", str(tag.uid))
    assert (without.code, found.code) == (5, 0), found.err
    assert "key 0 of the vault" in found.out


def _with_key_0(home, master):
    recorder = Recorder(SimulatedTag.load(home / "sim/alice.json"))
    session = Session(recorder)
    session.select()
    session.authenticate(0, master).send(GetCardUid())
    lines = (f"--> {each.command.hex()}\n<-- {each.answer.hex()}\n" for each in recorder.exchanges)
    return "".join(lines)


def test_no_key_is_shown_but_the_one_that_is_asked_for(home, secrets):
    tag = SimulatedTag(
        uid=bytes.fromhex("04DE5F1EACC040"),
        keys=[KEY, *[bytes(16)] * 4],
        ndef_file=b"",
        file_settings=bytes.fromhex("00E0EE"),
    )
    secrets.write_text(f"key0 = {KEY.hex()}\n", "utf-8")
    log = home / "session.log"
    log.write_text(recorded(tag, Key(KEY)), "utf-8")
    plain = run("apdu", log, "--secrets", secrets)
    as_json = run("apdu", log, "--secrets", secrets, "--json")
    asked = run("apdu", log, "--secrets", secrets, "--show-keys")
    shown = [done.out + done.err for done in (plain, as_json)]
    assert [plain.code, as_json.code, asked.code] == [0, 0, 0]
    assert [
        text for key in (KEY, NEW) for text in spelled(key) for out in shown if text in out
    ] == []
    assert (NEW.hex().upper() in asked.out, KEY.hex().upper() in asked.out) == (True, False)
