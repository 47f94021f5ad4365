"""No key and no passphrase is anywhere but sealed: files, reprs and tracebacks are searched."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import pytest
from ntag424_provisioning.errors import SetupError, VaultError
from ntag424_provisioning.model import KnownTag, SlotKey
from ntag424_provisioning.vault import MasterKeys, Passphrase, Sheet, Vault
from ntag424_provisioning.vault._sheet import SheetReading

from ntag424 import Key, KeyState, Uid
from ntag424.keys import An10922Keys, SdmBackendKeys
from tests.provisioning.vault.furniture import Place, forms, stored

MASTER = bytes.fromhex("CA4A12E5CA4A12E5F1E1D0F1E1D5CA4A")
LONG_MASTER = MASTER[::-1] + b"longer"
TAG_KEY = bytes.fromhex("7A67CA4A12E57A67CA4A12E57A67CA4A")
PHRASE = "canary sings in the coal mine"
UID = Uid.from_hex("04CA4A12E5CA7E")
LABEL = "the label of a canary"
SECRETS = {
    "master key": MASTER,
    "longer master key": LONG_MASTER,
    "tag key": TAG_KEY,
    "passphrase": PHRASE.encode(),
    "UID": bytes(UID),
    "label": LABEL.encode(),
}


def found_in(content):
    """Name the secrets that are in a file or in a text, in any form and any case."""
    content = content.lower() if isinstance(content, bytes) else content.encode().lower()
    return [n for n, secret in SECRETS.items() if any(f.lower() in content for f in forms(secret))]


@pytest.mark.parametrize("name", SECRETS)
def test_the_search_finds_a_secret_in_each_form(name):
    assert all(name in found_in(b"before" + form + b"behind") for form in forms(SECRETS[name]))


@dataclass
class Story:
    place: Place
    #: What stood in the files, while the vault was open and after.
    files: list[bytes]
    #: What each object there is shows of itself.
    shown: str = ""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("canary"))
    place.unlock = Passphrase(PHRASE)
    place.made(stored(1, MasterKeys(An10922Keys(Key(MASTER))), KeyState.ACTIVE))
    story = Story(place, [])
    with place.open() as vault:
        vault.add_version(MasterKeys(SdmBackendKeys(LONG_MASTER)))
        slots = ((SlotKey(Key(TAG_KEY), 1),),) * 5
        vault.put(KnownTag(UID, slots, label=LABEL))
        vault.require_writable()
        vault.put(KnownTag(UID, slots, label=LABEL, counter=1))
        story.files += [path.read_bytes() for path in place.path.parent.iterdir()]
        assert len(story.files) == 3
        story.shown = "".join(f"{one!r} {one} {one:}" for one in objects(vault))
    story.files += [path.read_bytes() for path in place.path.parent.iterdir()]
    return story


def objects(vault):
    sheet = Sheet(vault.vault_id, vault.versions())
    yield from (vault, vars(vault), vars(vault._file), vars(vault._file._sealer))
    yield from (*vault.versions(), *vault.tags(), vault.keyring(), *vault.keyring())
    yield from (sheet, vars(SheetReading(sheet.text(0))), Passphrase(PHRASE))
    yield from (next(version.keys.octets())[0] for version in vault.versions())


def test_the_files_hold_no_secret(story):
    assert [found_in(content) for content in story.files] == [[]] * 4


def test_no_object_shows_a_secret(story):
    assert found_in(story.shown) == ["UID", "label"]  # a record names its tag


def told(refused):
    lines = traceback.TracebackException.from_exception(refused.value, capture_locals=False)
    return "".join(lines.format()) + refused.value.hint


def test_a_wrong_passphrase_is_not_repeated(story):
    with pytest.raises(VaultError) as refused:
        Vault.open(story.place.path, Passphrase(PHRASE[::-1] + PHRASE))
    assert found_in(told(refused)) == []


def test_a_short_passphrase_is_not_repeated():
    with pytest.raises(ValueError, match="12") as refused:
        Passphrase(PHRASE[:11])
    assert PHRASE[:11] not in str(refused.value)


def test_a_damaged_row_is_not_quoted(place):
    with place.open() as vault:
        vault.put(KnownTag(UID, ((SlotKey(Key(TAG_KEY), 1),),) * 5, label=LABEL))
        place.sql("UPDATE tag SET content = substr(content, 1, 100)")
        with pytest.raises(VaultError) as refused:
            vault.find(UID)
    assert found_in(told(refused)) == []


@pytest.mark.parametrize("line", range(5))
def test_a_mistyped_sheet_is_not_quoted(line):
    keys = MasterKeys(SdmBackendKeys(LONG_MASTER))
    text = Sheet("0" * 32, (stored(1, keys, KeyState.ACTIVE),)).text(0)
    lines = [typed for typed in text.splitlines() if typed and typed[0] != "*"]
    assert len(lines) == 5
    lines[line] += "X"
    with pytest.raises(SetupError) as refused:
        Sheet.read("\n".join(lines))
    assert found_in(told(refused)) == []


def test_versions_that_are_not_understood_are_not_quoted(tmp_path):
    place = Place(tmp_path).made()
    with place.open() as vault:
        with vault._file.writing() as rows:
            rows.set_keys(b'[{"ordinal": 1, "scheme": "an10922", "master_key": "%s"}]' % MASTER)
        with pytest.raises(VaultError, match="not understood") as refused:
            vault.versions()
    assert found_in(told(refused)) == []


def test_a_tag_that_is_not_understood_is_not_quoted(tmp_path):
    place = Place(tmp_path).made()
    with place.open() as vault:
        with vault._file.writing() as rows:
            rows.set_tag(UID, b'{"slots": [[["%s", 1]]]}' % TAG_KEY.hex().encode()[:31])
        with pytest.raises(VaultError, match="not understood") as refused:
            vault.find(UID)
    assert found_in(told(refused)) == []
