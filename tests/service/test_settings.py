"""Settings: what is missing, wrong or unsafe is refused by name, and its value never shown."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ntag424_service.assembly import make_verifier
from ntag424_service.settings import load_settings
from ntag424_service.storage.keyring_file import read_keyring

from ntag424 import Key, Mode
from ntag424.keys import BoltcardKeys, SdmBackendKeys, SdmBackendLegacyKeys
from ntag424.replay import SqliteLedger
from tests.service.commanding import CommandLine
from tests.service.running import run_command

KEY = "5EC12E7C0FFEE5EC12E7C0FFEE5EC12E"
OTHER_KEY = "0DDBA11000DDBA11000DDBA11000DDBA"
ACCOUNT_KEY = "ACC0" * 16


@pytest.fixture
def command(monkeypatch, capfd):
    return CommandLine(monkeypatch, capfd)


@pytest.fixture
def site(installation):
    return Site(installation)


class Site:
    """A sound installation, to be spoilt in one place."""

    def __init__(self, installation):
        self.installation = installation
        self.settings = dict(installation.settings)
        self.folder = installation.folder

    def set(self, **values):
        """Set or, with None, unset settings."""
        for name, value in values.items():
            self.settings.pop("NTAG424_" + name, None)
            if value is not None:
                self.settings["NTAG424_" + name] = str(value)

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def keyring(self, text, *, setting="KEYRING_FILE", mode=0o600):
        self.set(**{setting: self.file(setting.lower() + ".toml", text, mode)})

    def sentry(self, keyring=None, account_key=ACCOUNT_KEY):
        self.keyring(
            keyring or version(scheme="sentry-ev2", key=OTHER_KEY), setting="SENTRY_KEYRING_FILE"
        )
        if account_key is not None:
            self.set(SENTRY_ACCOUNT_KEY_FILE=self.file("account.key", account_key))

    @property
    def secrets(self):
        """Every setting's value, and all hex digits in the files that they name."""
        words = set()
        for value in self.settings.values():
            words.add(value)
            if Path(value).is_file():
                words.update(re.findall("[0-9A-Fa-f]{8,}", Path(value).read_text("latin-1")))
        return {word for word in words if len(word) > 3} - {"sqlite:///"}


def version(ordinal=1, state="active", scheme="an10922", key=KEY, more=""):
    return (
        f'[[version]]\nordinal = {ordinal}\nstate = "{state}"\nscheme = "{scheme}"\n'
        f'master_key = "{key}"\n{more}\n'
    )


def static(ordinal=1, state="active", file_read=KEY, meta_read=OTHER_KEY):
    return (
        f'[[version]]\nordinal = {ordinal}\nstate = "{state}"\nscheme = "static"\n'
        f'file_read = "{file_read}"\nmeta_read = "{meta_read}"\n'
    )


def foreign_database(path):
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE store (id TEXT)")


def another_ledger(path):
    path.unlink()
    SqliteLedger.init(path)


def old_ledger(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")


def in_phase(phase, path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE store SET phase = ?", (phase,))


def damaged_ledger(path):
    octets = bytearray(path.read_bytes())
    octets[4096:] = secrets.token_bytes(len(octets) - 4096)
    path.write_bytes(octets)


TOO_MANY = "".join(
    version(number, "active" if number == 1 else "accepting", key=f"{number:032X}")
    for number in range(1, 6)
)
TOO_MANY_SENTRY = TOO_MANY.replace("an10922", "sentry-ev2")

#: What is wrong, which setting is named, and how the site is spoilt.
WRONG = {
    "template missing": ("TEMPLATE", lambda s: s.set(TEMPLATE=None)),
    "template without mac": ("TEMPLATE", lambda s: s.set(TEMPLATE="https://a.example/t?p={picc}")),
    "template with an unknown placeholder": (
        "TEMPLATE",
        lambda s: s.set(TEMPLATE="https://a.example/t?p={picc}&m={mac}&x={secretword}"),
    ),
    "template without counter": (
        "TEMPLATE",
        lambda s: s.set(TEMPLATE="https://a.example/t?p={picc:uid}&m={mac}"),
    ),
    "template without uid": ("TEMPLATE", lambda s: s.set(TEMPLATE="https://a.example/{ctr}{mac}")),
    "tag mode unknown": ("TAG_MODE", lambda s: s.set(TAG_MODE="secretword")),
    "template is no URL": ("TEMPLATE", lambda s: s.set(TEMPLATE="secretword")),
    "template empty": ("TEMPLATE", lambda s: s.set(TEMPLATE="")),
    "template without key version, keyring of five": (
        "TEMPLATE",
        lambda s: (s.set(TEMPLATE="https://a.example/t?p={picc}&m={mac}"), s.keyring(TOO_MANY)),
    ),
    "encrypting template, sentry keyring": (
        "TEMPLATE",
        lambda s: s.keyring(version(scheme="sentry-ev2")),
    ),
    "keyring missing": ("KEYRING_FILE", lambda s: s.set(KEYRING_FILE=None)),
    "keyring file missing": ("KEYRING_FILE", lambda s: s.set(KEYRING_FILE="/nowhere/keyring")),
    "keyring a folder": ("KEYRING_FILE", lambda s: s.set(KEYRING_FILE=s.folder)),
    "keyring empty": ("KEYRING_FILE", lambda s: s.keyring("")),
    "keyring not TOML": ("KEYRING_FILE", lambda s: s.keyring(f"master_key: {KEY}\n")),
    "keyring not text": ("KEYRING_FILE", lambda s: s.keyring(b"\xff\xfe\x00")),
    "keyring without version": ("KEYRING_FILE", lambda s: s.keyring("version = []\n")),
    "keyring a table": (
        "KEYRING_FILE",
        lambda s: s.keyring(version().replace("[[", "[").replace("]]", "]")),
    ),
    "zero key": ("KEYRING_FILE", lambda s: s.keyring(version(key="0" * 32))),
    "zero key, retired": (
        "KEYRING_FILE",
        lambda s: s.keyring(version() + version(2, "retired", key="0" * 32)),
    ),
    "zero issuer key": (
        "KEYRING_FILE",
        lambda s: s.keyring(
            version(scheme="boltcard", key="0" * 32).replace("master_key", "issuer_key")
        ),
    ),
    "zero master key of sdm-backend": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(scheme="sdm-backend", key="0" * 32)),
    ),
    "master key of sdm-backend of 15 bytes": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(scheme="sdm-backend", key=KEY[:30])),
    ),
    "negative boltcard version": (
        "KEYRING_FILE",
        lambda s: s.keyring(
            version(scheme="boltcard", more="version = -1\n").replace("master_key", "issuer_key")
        ),
    ),
    "zero file-read key": ("KEYRING_FILE", lambda s: s.keyring(static(file_read="0" * 32))),
    "zero meta-read key": ("KEYRING_FILE", lambda s: s.keyring(static(meta_read="0" * 32))),
    "key of 15 bytes": ("KEYRING_FILE", lambda s: s.keyring(version(key=KEY[:30]))),
    "key of 17 bytes": ("KEYRING_FILE", lambda s: s.keyring(version(key=KEY + "AB"))),
    "key of 31 digits": ("KEYRING_FILE", lambda s: s.keyring(version(key=KEY[:31]))),
    "key of 33 digits": ("KEYRING_FILE", lambda s: s.keyring(version(key=KEY + "A"))),
    "key with a space": ("KEYRING_FILE", lambda s: s.keyring(version(key=KEY[:30] + " A"))),
    "key not hex": ("KEYRING_FILE", lambda s: s.keyring(version(key="secretword" * 3 + "xx"))),
    "key a number": (
        "KEYRING_FILE",
        lambda s: s.keyring(version().replace(f'"{KEY}"', "12345678")),
    ),
    "key missing": (
        "KEYRING_FILE",
        lambda s: s.keyring(version().replace("master_key", "master")),
    ),
    "two active": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(1) + version(2, key=OTHER_KEY)),
    ),
    "none active": ("KEYRING_FILE", lambda s: s.keyring(version(state="accepting"))),
    "same ordinal twice": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(1) + version(1, "accepting", key=OTHER_KEY)),
    ),
    "same key twice": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(1) + version(2, "accepting")),
    ),
    "same key, retired": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(1) + version(2, "retired")),
    ),
    "static beside derived": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(1) + static(2, "accepting", file_read=OTHER_KEY)),
    ),
    "ordinal 0": ("KEYRING_FILE", lambda s: s.keyring(version(0))),
    "ordinal 256": ("KEYRING_FILE", lambda s: s.keyring(version(256))),
    "ordinal true": ("KEYRING_FILE", lambda s: s.keyring(version("true"))),
    "ordinal as text": ("KEYRING_FILE", lambda s: s.keyring(version('"1"'))),
    "unknown scheme": ("KEYRING_FILE", lambda s: s.keyring(version(scheme="secretword"))),
    "unknown state": ("KEYRING_FILE", lambda s: s.keyring(version(state="secretword"))),
    "unknown member": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(more='salt = "AABBCCDDEEFF0011"')),
    ),
    "unknown table": (
        "KEYRING_FILE",
        lambda s: s.keyring(version() + '[other]\nword = "secretword"\n'),
    ),
    "system id of 16 bytes": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(more=f'system_id = "{OTHER_KEY}"')),
    ),
    "system id not hex": (
        "KEYRING_FILE",
        lambda s: s.keyring(version(more='system_id = "secretword"')),
    ),
    "EV2 key version of 33 bits": (
        "SENTRY_KEYRING_FILE",
        lambda s: s.sentry(version(scheme="sentry-ev2", more="key_version = 4294967296")),
    ),
    "keyring that a group may read": ("KEYRING_FILE", lambda s: s.keyring(version(), mode=0o640)),
    "keyring that all may read": ("KEYRING_FILE", lambda s: s.keyring(version(), mode=0o604)),
    "keyring of the usual mode": ("KEYRING_FILE", lambda s: s.keyring(version(), mode=0o644)),
    "keyring that others may write": ("KEYRING_FILE", lambda s: s.keyring(version(), mode=0o602)),
    "identity missing": ("IDENTITY_FILE", lambda s: s.set(IDENTITY_FILE=None)),
    "identity file missing": ("IDENTITY_FILE", lambda s: s.installation.identity_file.unlink()),
    "identity that all may read": (
        "IDENTITY_FILE",
        lambda s: s.installation.identity_file.chmod(0o644),
    ),
    "identity not JSON": ("IDENTITY_FILE", lambda s: s.file("identity.json", "secretword")),
    "identity an array": ("IDENTITY_FILE", lambda s: s.file("identity.json", '["secretword"]')),
    "identity without key": (
        "IDENTITY_FILE",
        lambda s: s.file("identity.json", '{"store_id": "secretword"}'),
    ),
    "identity of a store that is none": (
        "IDENTITY_FILE",
        lambda s: s.file(
            "identity.json", f'{{"store_id": "secretword", "session_key": "{KEY * 2}"}}'
        ),
    ),
    "identity with a short key": (
        "IDENTITY_FILE",
        lambda s: s.file("identity.json", f'{{"store_id": "{KEY}", "session_key": "{KEY}"}}'),
    ),
    "store missing": ("STORE", lambda s: s.set(STORE=None)),
    "store of another kind": ("STORE", lambda s: s.set(STORE="redis://user:secretword@host")),
    "store without path": ("STORE", lambda s: s.set(STORE="sqlite:///")),
    "store of a known kind, named wrongly": (
        "STORE",
        lambda s: s.set(STORE="redis://host/secretword"),
    ),
    "store that nobody answers for": ("STORE", lambda s: s.set(STORE="redis://127.0.0.1:1")),
    "store that is being filled": ("STORE", lambda s: in_phase("filling", s.installation.store)),
    "store that was moved": ("STORE", lambda s: in_phase("sealed", s.installation.store)),
    "store file missing": ("STORE", lambda s: s.installation.store.unlink()),
    "store a text file": ("STORE", lambda s: s.installation.store.write_text("secretword " * 999)),
    "store of another program": ("STORE", lambda s: foreign_database(s.installation.store)),
    "store of another service": ("STORE", lambda s: another_ledger(s.installation.store)),
    "store of an older release": ("STORE", lambda s: old_ledger(s.installation.store)),
    "store damaged": ("STORE", lambda s: damaged_ledger(s.installation.store)),
    "any origin": ("CORS_ORIGINS", lambda s: s.set(CORS_ORIGINS="*")),
    "origin with path": (
        "CORS_ORIGINS",
        lambda s: s.set(CORS_ORIGINS="https://a.example/secretword"),
    ),
    "origin with slash": ("CORS_ORIGINS", lambda s: s.set(CORS_ORIGINS="https://a.example/")),
    "origin without scheme": ("CORS_ORIGINS", lambda s: s.set(CORS_ORIGINS="secretword.example")),
    "origin null": ("CORS_ORIGINS", lambda s: s.set(CORS_ORIGINS="null")),
    "one origin of two": ("CORS_ORIGINS", lambda s: s.set(CORS_ORIGINS="https://a.example,*")),
    "any proxy": ("TRUSTED_PROXIES", lambda s: s.set(TRUSTED_PROXIES="*")),
    "everybody a proxy": ("TRUSTED_PROXIES", lambda s: s.set(TRUSTED_PROXIES="0.0.0.0/0")),
    "everybody a proxy, IPv6": ("TRUSTED_PROXIES", lambda s: s.set(TRUSTED_PROXIES="::/0")),
    "proxy by name": ("TRUSTED_PROXIES", lambda s: s.set(TRUSTED_PROXIES="secretword.example")),
    "proxy network with host bits": (
        "TRUSTED_PROXIES",
        lambda s: s.set(TRUSTED_PROXIES="192.0.2.7/24"),
    ),
    "one proxy of two": (
        "TRUSTED_PROXIES",
        lambda s: s.set(TRUSTED_PROXIES="192.0.2.7,secretword"),
    ),
    "no proxy": ("TRUSTED_PROXIES", lambda s: s.set(TRUSTED_PROXIES="")),
    "a proxy of development mode": (
        "TRUSTED_PROXIES",
        lambda s: s.set(TRUSTED_PROXIES="192.0.2.7", DEV="1"),
    ),
    "port 99999": ("PORT", lambda s: s.set(PORT="99999")),
    "port 0": ("PORT", lambda s: s.set(PORT="0")),
    "port a word": ("PORT", lambda s: s.set(PORT="secretword")),
    "no workers": ("WORKERS", lambda s: s.set(WORKERS="0")),
    "65 workers": ("WORKERS", lambda s: s.set(WORKERS="65")),
    "half a worker": ("WORKERS", lambda s: s.set(WORKERS="1.5")),
    "session of no time": ("SESSION_SECONDS", lambda s: s.set(SESSION_SECONDS="0")),
    "session of two days": ("SESSION_SECONDS", lambda s: s.set(SESSION_SECONDS="172800")),
    "dev a word": ("DEV", lambda s: s.set(DEV="secretword")),
    "dev for everybody": ("DEV", lambda s: s.set(DEV="1", HOST="0.0.0.0")),
    "dev for a host name": ("DEV", lambda s: s.set(DEV="1", HOST="secretword")),
    "unknown setting": ("SECRETS", lambda s: s.set(SECRETS="secretword")),
    "mistyped setting": ("KEYRING_FLIE", lambda s: s.set(KEYRING_FLIE="secretword")),
    "SENTRY's own setting": ("KM", lambda s: s.set(KM=KEY)),
    "sentry without account key": (
        "SENTRY_ACCOUNT_KEY_FILE",
        lambda s: s.sentry(account_key=None),
    ),
    "zero account key": ("SENTRY_ACCOUNT_KEY_FILE", lambda s: s.sentry(account_key="0" * 64)),
    "account key of 16 bytes": ("SENTRY_ACCOUNT_KEY_FILE", lambda s: s.sentry(account_key=KEY)),
    "account key with a space": (
        "SENTRY_ACCOUNT_KEY_FILE",
        lambda s: s.sentry(account_key=KEY + " " + KEY),
    ),
    "account key that all may read": (
        "SENTRY_ACCOUNT_KEY_FILE",
        lambda s: (s.sentry(), (s.folder / "account.key").chmod(0o644)),
    ),
    "five sentry versions": ("SENTRY_KEYRING_FILE", lambda s: s.sentry(TOO_MANY_SENTRY)),
    "zero sentry key": (
        "SENTRY_KEYRING_FILE",
        lambda s: s.sentry(version(scheme="sentry-ev2", key="0" * 32)),
    ),
    "sentry keyring that all may read": (
        "SENTRY_KEYRING_FILE",
        lambda s: (s.sentry(), (s.folder / "sentry_keyring_file.toml").chmod(0o644)),
    ),
}


@pytest.mark.parametrize(("setting", "spoil"), WRONG.values(), ids=WRONG)
def test_a_bad_setting_is_refused_by_name_without_its_value(command, site, setting, spoil):
    spoil(site)
    run = command("serve", settings=site.settings)
    assert not run.served
    assert (run.code, run.stdout) == (2, "")
    error, hint, *more = run.stderr.splitlines()
    assert error.startswith(f"error: NTAG424_{setting}: ")
    assert hint.startswith("hint: ")
    assert more == []
    shown = [word for word in site.secrets if word.lower() in run.stderr.lower()]
    assert shown == []
    assert "secretword" not in run.stderr


def test_the_sound_site_that_is_spoilt_above_would_be_served(command, site):
    run = command("serve", settings=site.settings)
    assert (run.code, run.served, run.stderr) == (0, True, "")


def test_the_sound_sentry_site_that_is_spoilt_above_would_be_served(command, site):
    site.sentry()
    run = command("serve", settings=site.settings)
    assert (run.code, run.served, run.stderr) == (0, True, "")


def test_a_mistyped_setting_is_told_what_it_resembles(command, site):
    site.set(KEYRING_FLIE="x")
    run = command("serve", settings=site.settings)
    assert run.stderr.endswith("hint: Did you mean NTAG424_KEYRING_FILE?\n")


def test_the_librarys_own_setting_is_known(command, site):
    site.set(CRYPTO="cryptography")
    assert command("serve", settings=site.settings).served


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a file away")
def test_a_keyring_of_another_user_is_refused(command, site):
    site.keyring(version())
    os.chown(site.settings["NTAG424_KEYRING_FILE"], 65534, -1)
    run = command("serve", settings=site.settings)
    assert (run.code, run.served) == (2, False)
    assert run.stderr.startswith("error: NTAG424_KEYRING_FILE: names a file of another user")


REAL = ("keyring missing", "zero key", "store damaged", "mistyped setting", "port a word")


@pytest.mark.parametrize("case", REAL)
def test_the_real_command_refuses_alike(site, case):
    setting, spoil = WRONG[case]
    spoil(site)
    done = run_command("serve", settings=site.settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"error: NTAG424_{setting}: .*\nhint: .*\n", done.stderr)


def test_the_real_command_refuses_alike_with_several_workers(site):
    site.set(WORKERS="2", KEYRING_FILE="/nowhere")
    done = run_command("serve", settings=site.settings)
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)


# ---- development mode -----------------------------------------------------------------------


def test_development_mode_takes_zero_keys(command, site):
    site.keyring(version(key="0" * 32))
    site.set(DEV="1")
    assert command("serve", settings=site.settings).served


def test_development_mode_takes_files_that_all_may_read(command, site):
    site.keyring(version(), mode=0o644)
    site.installation.identity_file.chmod(0o644)
    site.set(DEV="1")
    assert command("serve", settings=site.settings).served


def test_development_mode_needs_nothing_else(command, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert command("serve", settings={"NTAG424_DEV": "1"}).served


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_development_mode_listens_on_any_loopback_address(command, site, host):
    site.set(DEV="1", HOST=host)
    assert command("serve", settings=site.settings).served


def test_development_mode_switched_off_is_off(command, site):
    site.keyring(version(key="0" * 32))
    site.set(DEV="0")
    assert command("serve", settings=site.settings).code == 2


# ---- reading --------------------------------------------------------------------------------


def test_several_origins_are_separated_by_commas(command, site):
    site.set(CORS_ORIGINS="https://a.example,http://127.0.0.1:3000")
    assert command("serve", settings=site.settings).served


def read(text):
    return read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False).active.scheme


def test_a_keyring_file_takes_boltcards_keys():
    text = version(scheme="boltcard", more="version = 3").replace("master_key", "issuer_key")
    assert read(text) == BoltcardKeys(Key.from_hex(KEY), 3)


@pytest.mark.parametrize(
    ("scheme", "made"),
    {"sdm-backend": SdmBackendKeys, "sdm-backend-legacy": SdmBackendLegacyKeys}.items(),
)
@pytest.mark.parametrize("length", [32, 64])
def test_a_keyring_file_takes_sdm_backends_master_of_16_or_32_bytes(scheme, made, length):
    master = (KEY * 2)[:length]
    keys = made(bytes.fromhex(master))
    assert read(version(scheme=scheme, key=master)).meta_read_key() == keys.meta_read_key()


@pytest.mark.parametrize("mode", list(Mode))
def test_the_tags_are_of_the_mode_that_is_set(site, monkeypatch, mode):
    site.set(TAG_MODE=mode.value)
    for name, value in site.settings.items():
        monkeypatch.setenv(name, value)
    assert make_verifier(load_settings()).mode is mode
