"""`ntag424 keys`: from the first master key to the day it is retired."""

from __future__ import annotations

import re
import shutil
import stat
import tomllib

import pytest
from ntag424_provisioning.cli.keys import app
from ntag424_provisioning.vault import KeyFile, Sheet, Vault, write_private
from ntag424_service.storage.keyring_file import read_keyring

from ntag424 import Generation, KeyState, UrlTemplate
from ntag424.testing import tap_source
from tests.provisioning.cli.vaults import Desk
from tests.provisioning.vault.furniture import tag, uid

TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"


class KeyDesk(Desk):
    """Somebody whose vault opens with a key file."""

    def __init__(self, folder):
        super().__init__(folder / "home")
        self.key_file = folder / "key"

    def keys(self, *arguments, **options):
        return self.run(app, *arguments, NTAG424_KEY_FILE=str(self.key_file), **options)

    def seen(self, *arguments, **options):
        """Run a command at a terminal."""
        key_file = str(self.key_file)
        return self.at_terminal("keys", *arguments, NTAG424_KEY_FILE=key_file, **options)

    def open(self):
        return Vault.open(self.vault, KeyFile(self.key_file))

    @property
    def versions(self):
        with self.open() as vault:
            return vault.versions()

    @property
    def sheet(self):
        with self.open() as vault:
            return Sheet(vault.vault_id, vault.versions())

    @property
    def states(self):
        return {version.ordinal: version.state.value for version in self.versions}

    @property
    def is_backed_up(self):
        with self.open() as vault:
            return vault.backup_is_confirmed

    def secrets(self):
        return [bytes(version.keys.scheme.master).hex().upper() for version in self.versions]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Whom `init` made a vault for, and whom it told so."""
    folder = tmp_path_factory.mktemp("prepared")
    return folder, KeyDesk(folder).keys("init", "--json")


@pytest.fixture
def desk(prepared, tmp_path):
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    return KeyDesk(tmp_path)


@pytest.fixture
def other(tmp_path):
    """Somebody without a vault."""
    (tmp_path / "new").mkdir()
    return KeyDesk(tmp_path / "new")


# ---- init -----------------------------------------------------------------------------------


def test_init_makes_a_vault_with_one_version_and_shows_no_key(prepared, desk):
    run = prepared[1]
    (record,) = run.records
    assert (record["key_version"], record["state"], record["scheme"]) == (1, "active", "an10922")
    assert "keys backup" in run.stderr
    assert desk.secrets()[0] not in run.stdout + run.stderr


def test_init_draws_keys_for_the_other_scheme(other):
    other.keys("init", "--scheme", "hkdf")
    assert [version.scheme_name for version in other.versions] == ["hkdf"]


def test_init_never_makes_a_second_vault(desk):
    before = desk.vault.read_bytes()
    run = desk.keys("init")
    assert (run.code, desk.vault.read_bytes()) == (2, before)


# ---- show -----------------------------------------------------------------------------------


def test_show_tells_states_and_no_keys(desk):
    desk.keys("rotate")
    run = desk.keys("show")
    assert re.fullmatch(
        r"  1  accepting  an10922      \d{4}-\d\d-\d\d  [0-9A-F]{16}  NOT BACKED UP\n"
        r"  2  active     an10922      \d{4}-\d\d-\d\d  [0-9A-F]{16}  NOT BACKED UP\n",
        run.stdout,
    )


def test_show_tells_the_same_as_json(desk):
    (record,) = desk.keys("show", "--json").records
    (version,) = desk.versions
    assert record == {
        "key_version": 1,
        "state": "active",
        "scheme": "an10922",
        "created_at": version.created_at,
        "backed_up": False,
        "fingerprint": version.fingerprint,
    }


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--show-keys"], "on a terminal only"),
        (["--show-keys", "--json"], "on a terminal only"),
        (["--format", "service", "--show-keys"], "on a terminal only"),
        (["--format", "service"], "this would show keys"),
    ],
)
def test_keys_are_shown_on_a_terminal_only_and_only_if_asked_for(desk, options, what):
    run = desk.keys("show", *options)
    assert (run.code, run.stdout, what in run.stderr) == (5, "", True)


def test_keys_are_shown_on_a_terminal_if_asked_for(desk):
    run = desk.seen("show", "--show-keys")
    assert (run.code, f"master_key {desk.secrets()[0]}\n" in run.stdout) == (0, True)


def test_the_keyring_file_is_shown_on_a_terminal_if_asked_for(desk):
    run = desk.seen("show", "--format", "service", "--show-keys")
    (version,) = tomllib.loads(run.stdout)["version"]
    assert (run.code, version["master_key"]) == (0, desk.secrets()[0])


def test_the_service_reads_the_keyring_file(desk, tmp_path):
    desk.keys("rotate", "--scheme", "hkdf")
    run = desk.keys("show", "--format", "service", "--out", tmp_path / "keyring.toml")
    text = (tmp_path / "keyring.toml").read_text()
    keyring = read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False)
    assert [version.scheme for version in keyring] == [v.keys.scheme for v in desk.versions]
    assert (run.code, desk.secrets()[0] in run.stdout + run.stderr) == (0, False)


def test_the_keyring_file_is_for_one_user(desk, tmp_path):
    desk.keys("show", "--format", "service", "--out", tmp_path / "keyring.toml")
    assert stat.S_IMODE((tmp_path / "keyring.toml").stat().st_mode) == 0o600


def test_the_keyring_file_is_written_over_no_other(desk, tmp_path):
    (tmp_path / "precious").write_text("precious")
    run = desk.keys("show", "--format", "service", "--out", tmp_path / "precious")
    assert (run.code, (tmp_path / "precious").read_text()) == (2, "precious")


def test_out_writes_keyring_files_only(desk, tmp_path):
    run = desk.keys("show", "--out", tmp_path / "table")
    assert (run.code, (tmp_path / "table").exists()) == (2, False)


# ---- backup ---------------------------------------------------------------------------------


def test_backup_prints_a_sheet_that_gives_the_keys_back(desk):
    run = desk.keys("backup")
    assert [v.keys for v in Sheet.read(run.stdout).versions] == [v.keys for v in desk.versions]


def test_backup_draws_a_code_only_where_it_can_be_scanned(desk):
    assert ("█" in desk.keys("backup").stdout, "█" in desk.seen("backup").stdout) == (False, True)


def test_backup_as_json_has_sheet_and_code(desk):
    (record,) = desk.keys("backup", "--json").records
    assert Sheet.read(record["sheet"]) == Sheet.read(record["qr"])


def test_backup_writes_the_code_as_an_image_for_one_user(desk, tmp_path):
    run = desk.keys("backup", "--svg", tmp_path / "code.svg")
    image = tmp_path / "code.svg"
    assert (stat.S_IMODE(image.stat().st_mode), "<svg" in image.read_text()) == (0o600, True)
    assert "MASTER-KEY" not in run.stdout


def test_printing_a_sheet_confirms_nothing(desk):
    desk.keys("backup")
    assert not desk.is_backed_up


def test_the_check_code_confirms_the_backup(desk):
    code = re.search(r"check code once: (\S+)", desk.keys("backup").stdout)[1]
    run = desk.keys("backup", "--confirm", typed=code.lower() + "\n")
    assert (run.code, run.stdout, desk.is_backed_up) == (0, "backup confirmed\n", True)


def test_the_check_code_is_typed_at_a_terminal(desk):
    run = desk.seen(
        "backup", "--confirm", answers=[("Check code on the sheet: ", desk.sheet.check_code)]
    )
    assert (run.code, desk.is_backed_up) == (0, True)


@pytest.mark.parametrize("form", ["text", "qr_text"])
def test_a_scanned_sheet_confirms_the_backup(desk, form):
    text = desk.sheet.qr_text() if form == "qr_text" else desk.sheet.text(0)
    assert (desk.keys("backup", "--confirm", typed=text).code, desk.is_backed_up) == (0, True)


@pytest.mark.parametrize("typed", ["", "y\n", "yes\n", "0000-0000\n"])
def test_a_yes_confirms_nothing(desk, typed):
    run = desk.keys("backup", "--confirm", typed=typed)
    assert (run.code, desk.is_backed_up) == (5, False)


def test_confirming_shows_neither_keys_nor_code(desk):
    run = desk.keys("backup", "--confirm", typed="0000-0000")
    for secret in (desk.secrets()[0][:8], desk.sheet.check_code):
        assert secret not in run.stdout + run.stderr


def test_confirming_prints_no_image(desk, tmp_path):
    assert desk.keys("backup", "--confirm", "--svg", tmp_path / "code.svg").code == 2


def test_a_new_version_wants_a_new_sheet(desk):
    code = desk.sheet.check_code
    desk.keys("rotate")
    assert (desk.keys("backup", "--confirm", typed=code).code, desk.is_backed_up) == (5, False)


# ---- restore --------------------------------------------------------------------------------


def test_a_sheet_makes_a_vault_with_the_same_keys(desk, other):
    desk.keys("rotate")
    run = other.keys("restore", "-", "--json", typed=desk.sheet.text(0))
    assert [record["restored"] for record in run.records] == [True, True]
    assert [(v.keys, v.state) for v in other.versions] == [
        (v.keys, v.state) for v in desk.versions
    ]
    assert (other.is_backed_up, "delete it" in run.stderr) == (True, True)


def test_a_sheet_is_read_from_a_file(desk, tmp_path):
    (tmp_path / "sheet").write_text(desk.sheet.text(0))
    run = desk.keys("restore", tmp_path / "sheet")
    assert (run.code, run.stdout.rstrip().endswith("was there")) == (0, True)


def test_keys_of_another_system_are_taken_from_a_keyring_file(desk, tmp_path):
    table = f'[[version]]\nordinal = 9\nscheme = "boltcard"\nissuer_key = "{"1F" * 16}"\n'
    write_private(tmp_path / "keyring.toml", table)
    assert desk.keys("restore", tmp_path / "keyring.toml").code == 0
    assert (desk.states, desk.is_backed_up) == ({1: "active", 9: "accepting"}, False)


def test_a_sheet_with_other_keys_is_refused(desk, other):
    other.keys("init")
    before = desk.versions
    assert desk.keys("restore", "-", typed=other.sheet.text(0)).code == 5
    assert desk.versions == before


def test_a_mistyped_sheet_is_refused_with_the_line(desk, other):
    text = desk.sheet.qr_text().replace("MASTER-KEY", "MASTER-KEV").replace("/", "\n")
    run = other.keys("restore", "-", typed=text)
    assert (run.code, other.vault.exists(), other.key_file.exists()) == (2, False, False)
    assert run.stderr.startswith("error: line 3 of the sheet does not fit its checksum\nhint: ")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_what_cannot_be_read_is_no_sheet(desk, tmp_path, content):
    if content:
        (tmp_path / "sheet").write_bytes(content)
    run = desk.keys("restore", tmp_path / "sheet")
    assert (run.code, run.stderr.count("\n")) == (2, 2)


# ---- rotate and retire ----------------------------------------------------------------------


def test_rotating_draws_another_key_of_the_same_scheme(desk):
    run = desk.keys("rotate", "--json")
    assert (run.records[0]["key_version"], run.records[0]["scheme"]) == (2, "an10922")
    assert desk.states == {1: "accepting", 2: "active"}
    assert len(set(desk.secrets())) == 2


def test_rotating_says_what_to_do_next(desk):
    run = desk.keys("rotate")
    assert ("keys backup" in run.stderr, "keyring file" in run.stderr) == (True, True)


def test_rotating_warns_of_versions_that_no_url_could_be_tried_with(desk):
    warned = ["warning" in desk.keys("rotate").stderr for _ in range(4)]
    assert warned == [False, False, False, True]


def test_a_version_without_tags_is_retired_unasked(desk):
    desk.keys("rotate")
    run = desk.keys("retire", "1", "--json")
    assert (run.records[0]["state"], desk.states) == ("retired", {1: "retired", 2: "active"})


def test_the_active_version_is_not_retired(desk):
    run = desk.keys("retire", "1", "--yes")
    assert (run.code, desk.states) == (5, {1: "active"})


def test_a_version_that_is_not_there_is_not_retired(desk):
    assert desk.keys("retire", "9").code == 2


@pytest.fixture
def lived_in(desk):
    """A vault with a tag under the first of two versions."""
    desk.keys("rotate")
    with desk.open() as vault:
        vault.put(tag(1, key_version=1))
    return desk


def test_a_version_with_tags_is_not_retired_where_nobody_can_be_asked(lived_in):
    run = lived_in.keys("retire", "1")
    assert (run.code, lived_in.states[1]) == (2, "accepting")
    assert run.stderr == (
        "error: Tags under key version 1 that stop working: 1. Retire it? "
        "Nobody is there to answer.\nhint: Say --yes to go on.\n"
    )


def test_a_version_with_tags_is_retired_if_that_is_meant(lived_in):
    assert (lived_in.keys("retire", "1", "--yes").code, lived_in.states[1]) == (0, "retired")


@pytest.mark.parametrize(("answer", "code", "state"), [("y", 0, "retired"), ("n", 5, "accepting")])
def test_whoever_is_there_is_asked_before_tags_stop_working(lived_in, answer, code, state):
    run = lived_in.seen("retire", "1", answers=[("Retire it? [y/N]: ", answer)])
    assert (run.code, lived_in.states[1]) == (code, state)


# ---- recover --------------------------------------------------------------------------------


@pytest.fixture
def url(desk):
    """A tap whose URL names the wrong version and the wrong epoch."""
    desk.keys("rotate")
    scheme = desk.versions[0].keys.scheme
    generation = Generation(1, 200)
    tap = tap_source(UrlTemplate(TEMPLATE), scheme, uid(5), generation=generation, read_counter=6)
    return tap.tap().replace("k=01C8", "k=0203")


FOUND = {"uid": "04000000000005", "key_version": 1, "epoch": 200, "counter": 7, "mode": "aes"}


def test_recover_finds_version_and_epoch(desk, url):
    run = desk.keys("recover", url, "--template", TEMPLATE, "--json")
    assert run.records == [FOUND]


def test_recover_takes_urls_from_stdin(desk, url):
    run = desk.keys("recover", "-", "--template", TEMPLATE, "--json", typed=f"{url}\n\n{url}\n")
    assert run.records == [FOUND, FOUND]


def test_recover_needs_no_vault_but_a_sheet(desk, url, tmp_path):
    write_private(tmp_path / "sheet", desk.sheet.text(0))
    desk.vault.unlink()
    run = desk.keys("recover", url, "--template", TEMPLATE, "--sheet", tmp_path / "sheet")
    text = "tag 04000000000005: key version 1, epoch 200, counter 7, aes\n"
    assert (run.code, run.stdout) == (0, text)


def test_recover_shows_no_key(desk, url):
    run = desk.keys("recover", url, "--template", TEMPLATE)
    assert not [secret for secret in desk.secrets() if secret in run.stdout + run.stderr]


def test_recover_says_so_if_no_key_fits(desk, url):
    run = desk.keys("recover", url[:-4] + "0000", "--template", TEMPLATE)
    assert (run.code, run.stderr.count("\n")) == (4, 2)


def test_recover_takes_an_address_for_the_usual_template(desk, url):
    assert desk.keys("recover", url, "--template", "https://id.example.com/t").code == 0


def test_recover_refuses_what_is_no_template(desk, url):
    run = desk.keys("recover", url, "--template", "https://id.example.com/{pic}")
    assert (run.code, "--template" in run.stderr) == (2, True)


def test_retired_keys_are_found_too(desk, url):
    desk.keys("retire", "1")
    assert desk.states[1] == KeyState.RETIRED.value
    assert desk.keys("recover", url, "--template", TEMPLATE).code == 0
