"""`ntag424 tags import|export|signer`, as they are typed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from ntag424_provisioning.cli.frame import report
from ntag424_provisioning.cli.tag_transfer import app
from ntag424_provisioning.model import Goal, KnownTag, Profile, SlotKey, Stage
from ntag424_provisioning.vault import KeyFile, MasterKeys, StoredVersion, Vault
from ntag424_service.tags.signed_list import Signer as Trusted
from typer.testing import CliRunner

from ntag424 import Generation, Key, KeyState, Uid, UrlTemplate
from ntag424.errors import Ntag424Error
from ntag424.replay import Enrolment
from tests.provisioning.imports.foreign import (
    BACKEND,
    BOLT_KEYS,
    OTHER,
    OWN,
    UID,
    as_csv,
    hub_row,
    server_row,
    wipe_keys,
)

THIRD = Uid.from_hex("04DE5F1EACC040")
TEMPLATE = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Home:
    """A vault that a key file opens, and the commands on it."""

    def __init__(self, folder):
        self.folder = folder
        self.path, self.key_file = folder / "vault.db", folder / "key"

    def __call__(self, *arguments):
        options = ("--vault", self.path, "--key-file", self.key_file)
        result = CliRunner().invoke(app, [str(each) for each in (*arguments, *options)])
        code, err = result.exit_code, result.stderr
        if isinstance(result.exception, Ntag424Error):
            told = CliRunner().invoke(_reporting(result.exception))
            code, err = told.exit_code, err + told.stderr
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(code, result.stdout, err)

    def open(self):
        return Vault.open(self.path, KeyFile(self.key_file))

    def tags(self):
        with self.open() as vault:
            return list(vault.tags())

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path


def _reporting(error):
    """Report *error* as `main` does."""
    import typer

    told = typer.Typer()

    @told.command()
    def tell():
        raise typer.Exit(report(error, debug=False))

    return told


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    versions = [
        StoredVersion(1, KeyState.ACCEPTING, MasterKeys(BACKEND), 0),
        StoredVersion(2, KeyState.ACTIVE, MasterKeys(OWN), 0),
    ]
    Vault.create(home.path, KeyFile(home.key_file), versions).close()
    return home


# ---- import ---------------------------------------------------------------------------------


def test_wipe_keys_are_taken_in(home):
    file = home.write("wipe.json", json.dumps(wipe_keys(counter=61)))
    done = home("import", file, "--from", "boltcard", "--json")
    assert done.code == 0
    assert done.records == [
        {
            "uid": str(UID),
            "key_version": None,
            "epoch": None,
            "counter": 61,
            "label": "",
            "stage": "ready",
            "import": "new",
        }
    ]
    (tag,) = home.tags()
    assert [slot[-1].key for slot in tag.slots] == [Key.from_hex(key) for key in BOLT_KEYS]


def test_people_are_told_one_line_a_tag_and_what_became_of_them(home):
    file = home.write("uids.txt", f"{UID}\n{OTHER}\n")
    done = home("import", file, "--from", "sdm-backend")
    assert done.out.splitlines() == [
        f"{UID}  new        1.0         0",
        f"{OTHER}  new        1.0         0",
    ]
    assert "imported: 2 tags" in done.err


def test_a_server_needs_its_decrypt_key(home):
    file = home.write("cards.csv", as_csv(server_row()))
    assert home("import", file, "--from", "boltcard").code == 2
    key = home.write("decrypt.key", BOLT_KEYS[1] + "\n")
    done = home("import", file, "--from", "boltcard", "--decrypt-key-file", key)
    assert (done.code, len(home.tags())) == (0, 1)


def test_a_dry_run_puts_nothing_down(home):
    file = home.write("uids.txt", f"{UID}\n")
    done = home("import", file, "--from", "sdm-backend", "--dry-run", "--json")
    assert (done.code, len(done.records), home.tags()) == (0, 1, [])
    assert "would import: 1 tags" in done.err


def test_one_bad_line_keeps_all_others_out(home):
    file = home.write("uids.txt", f"{UID}\n04\n{OTHER}\n")
    done = home("import", file, "--from", "sdm-backend")
    assert (done.code, done.out, home.tags()) == (2, "", [])
    assert "line 2: a UID is written as 14 hex digits" in done.err
    assert "--skip-bad" in done.err


def test_bad_lines_are_skipped_where_that_is_wanted(home):
    file = home.write("uids.txt", f"{UID}\n04\n{OTHER}\n")
    done = home("import", file, "--from", "sdm-backend", "--skip-bad")
    assert (done.code, [tag.uid for tag in home.tags()]) == (0, [UID, OTHER])
    assert "line 2: " in done.err


def test_importing_again_takes_nothing_in(home):
    file = home.write("uids.txt", f"{UID}\n")
    home("import", file, "--from", "sdm-backend")
    before = [tag.to_json() for tag in home.tags()]
    done = home("import", file, "--from", "sdm-backend", "--json")
    assert [record["import"] for record in done.records] == ["known"]
    assert [tag.to_json() for tag in home.tags()] == before


def test_a_tag_with_other_keys_is_refused(home):
    home("import", home.write("uids.txt", f"{UID}\n"), "--from", "sdm-backend")
    before = [tag.to_json() for tag in home.tags()]
    done = home("import", home.write("hub.csv", as_csv(hub_row())), "--from", "boltcard")
    assert (done.code, [tag.to_json() for tag in home.tags()]) == (2, before)
    assert f"line 2: tag {UID} is in the vault with other keys" in done.err


def test_no_output_shows_a_key(home):
    file = home.write("cards.csv", as_csv(hub_row(), hub_row(OTHER, key0_auth="ab" * 17)))
    told = [home("import", file, "--from", "boltcard", *more) for more in ((), ("--skip-bad",))]
    text = "".join(done.out + done.err for done in told).lower()
    assert not any(key in text for key in (*BOLT_KEYS, "ab" * 16))
    assert "holds keys in the clear" in text


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_is_told(home, name):
    done = home("import", home.folder / name, "--from", "boltcard")
    assert (done.code, done.out) == (2, "")
    assert re.search(r"error: .* cannot be read: .*\nhint: ", done.err)


# ---- export ---------------------------------------------------------------------------------


@pytest.fixture
def furnished(home):
    """A vault with a tag of ours, a blank one, and one from elsewhere."""
    goal = Goal(Profile(TEMPLATE), Generation(2, 1))
    slots = ((SlotKey(Key(bytes(range(100, 116))), 1),),) * 5
    with home.open() as vault:
        vault.put(KnownTag(THIRD, slots, Stage.READY, goal, label="=front", counter=7))
        vault.put(KnownTag.blank(OTHER))
    home("import", home.write("uids.csv", f"uid,read_ctr\n{UID},61\n"), "--from", "sdm-backend")
    return home


def test_an_inventory_is_csv_on_standard_output(furnished):
    done = furnished("export")
    assert done.code == 0
    assert done.out.splitlines() == [
        "uid,key_version,epoch,counter,label,stage",
        f"{THIRD},2,1,7,'=front,ready",
        f"{OTHER},,,0,,blank",
        f"{UID},1,0,61,,ready",
    ]
    assert "exported: 3 of 3 tags" in done.err


def test_an_inventory_may_be_json_in_a_file(furnished):
    out = furnished.folder / "tags.jsonl"
    done = furnished("export", "--format", "jsonl", "--out", out)
    assert (done.code, done.out) == (0, "")
    assert [json.loads(line)["uid"] for line in out.read_text().splitlines()] == [
        str(THIRD),
        str(OTHER),
        str(UID),
    ]


def test_an_export_overwrites_nothing(furnished):
    out = furnished.write("tags.csv", "precious")
    done = furnished("export", "--out", out)
    assert (done.code, out.read_text()) == (2, "precious")


def test_a_signed_export_has_no_other_form(furnished):
    assert furnished("export", "--signed", "--format", "csv").code == 2


def test_a_signed_export_is_read_by_a_service_that_trusts_the_signer(furnished):
    trusted = Trusted.read(furnished("signer").out.strip())
    done = furnished("export", "--signed")
    assert done.code == 0
    assert trusted.verify(done.out.encode()).tags == (
        Enrolment(THIRD, Generation(2, 1), 7, "=front", TEMPLATE.text),
        Enrolment(UID, Generation(1, 0), 61),
    )
    assert "exported: 2 of 3 tags" in done.err


def test_no_export_holds_a_key(furnished):
    secrets = [bytes(range(100, 116)), *(bytes(BACKEND.tag_key(UID, n)) for n in range(5))]
    told = "".join(furnished("export", *more).out for more in ((), ("--format", "jsonl")))
    payload = furnished("export", "--signed").out
    assert not any(secret.hex() in (told + payload).lower() for secret in secrets)


# ---- signer ---------------------------------------------------------------------------------


def test_a_vault_has_one_signer_for_ever(home):
    first, second = home("signer"), home("signer")
    assert re.fullmatch("[0-9a-f]{64}\n", first.out)
    assert second.out == first.out


def test_two_vaults_have_two_signers(home, tmp_path_factory):
    other = Home(tmp_path_factory.mktemp("other"))
    version = StoredVersion(1, KeyState.ACTIVE, MasterKeys(OWN), 0)
    Vault.create(other.path, KeyFile(other.key_file), [version]).close()
    assert home("signer").out != other("signer").out


def test_the_fingerprint_is_that_of_the_public_key(home):
    (record,) = home("signer", "--json").records
    assert record["fingerprint"] == Trusted.read(record["public_key"]).fingerprint
