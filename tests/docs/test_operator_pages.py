"""The pages for whoever writes tags: what they show happens, and nothing is missing in them."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from ntag424_provisioning.engine.defects import DefectKind
from ntag424_provisioning.engine.diagnose import _WARNING
from ntag424_provisioning.engine.workpiece import _PATIENCE, RUN_LIMIT
from ntag424_provisioning.exits import Exit, exit_of
from ntag424_provisioning.model import Stage
from ntag424_provisioning.model.known_tag import ATTEMPTS

from ntag424.errors import Ntag424Error
from ntag424.testing import SimulatedTag
from tests.docs import command_reference, messages
from tests.docs.blocks import ROOT
from tests.docs.shells import Shells, commands, marked, prints
from tests.provisioning.cli.running import run

FIRST_TAG = ROOT / "docs/howto/first-tag.md"
WRONG = ROOT / "docs/howto/when-it-goes-wrong.md"
NEVER = ROOT / "docs/explanation/never-lose-a-tag.md"
CLI = ROOT / "docs/reference/cli.md"
CHIP = json.loads((ROOT / "tests/vectors/chip.json").read_text("utf-8"))
URL = "https://id.example.com/t"
VARIABLES = ("READER", "URL", "ENROL", "ENROLMENT_CREDENTIAL", "PASSPHRASE_FILE")


def rows(page, heading):
    """Give the rows of the first table under *heading*, without its head."""
    section = page.read_text("utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code_in(cell):
    return re.findall("`([^`]+)`", cell)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Make a vault whose master key is on paper, a simulated tag, and a chip that NXP signed."""
    for name in VARIABLES:
        monkeypatch.delenv(f"NTAG424_{name}", raising=False)
    monkeypatch.setenv("NTAG424_HOME", str(tmp_path))
    monkeypatch.setenv("NTAG424_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("NTAG424_URL", URL)
    monkeypatch.setenv("NTAG424_ENROL", "later")
    run("keys", "init")
    run("keys", "backup", "--confirm", typed=run("keys", "backup").out)
    run("sim", "new", "alice", "--uid", "04DE5F1EACC040")
    published = next(each["in"] for each in CHIP["vectors"] if each["id"] == "an12196-t30")
    uid, signature = (bytes.fromhex(published[name]) for name in ("message", "signature"))
    SimulatedTag.blank(uid, signature=signature).save(tmp_path / "sim/signed.json")
    return tmp_path


# ---- what the pages show --------------------------------------------------------------------


def test_the_walk_with_a_reader_prints_what_it_shows(home, monkeypatch):
    monkeypatch.setenv("NTAG424_READER", "sim:signed")
    unlike = []
    for block in marked(FIRST_TAG, "simulated reader"):
        for _, command, promised in commands(block):
            done = run(*shlex.split(command)[1:])
            if done.code or not prints(promised, done.err + done.out):
                unlike.append((command, done))
    assert unlike == []


def test_the_walk_without_hardware_prints_what_it_shows(tmp_path):
    if shutil.which("curl") is None:
        reason = "apt-get install --no-install-recommends curl"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    typed = [each for block in marked(FIRST_TAG, "shells") for each in commands(block)]
    # A failure is shown only where the next command asks for its exit code.
    asked = [following[1] == "echo $?" for following in typed[1:]] + [False]
    unlike = []
    with Shells(tmp_path) as shells:
        for (prompt, command, promised), may_fail in zip(typed, asked, strict=True):
            printed, code = shells.run(prompt, command)
            if not prints(promised, printed) or (code != 0) is not may_fail:
                unlike.append((command, code, printed))
    assert unlike == []


# ---- the reference --------------------------------------------------------------------------


def test_the_reference_has_every_command_with_its_options(request):
    page = CLI.read_text("utf-8")
    before, _, rest = page.partition(command_reference.BEGIN)
    _, end, after = rest.partition(command_reference.END)
    due = before + command_reference.BEGIN + command_reference.written() + end + after
    if request.config.getoption("--update-snapshots"):
        CLI.write_text(due, "utf-8")
    assert CLI.read_text("utf-8") == due


def test_the_reference_has_every_variable_that_an_option_reads():
    read = {option.envvar for each in command_reference.commands() for option in each.options}
    others = {"NTAG424_HOME", "XDG_STATE_HOME", "NTAG424_CRYPTO", "NO_COLOR"}
    named = {name for row in rows(CLI, "Variables") for name in code_in(row[0])}
    assert named == read - {None} | others


def test_the_reference_has_every_error_with_its_exit_code():
    named = {name: int(row[0]) for row in rows(CLI, "Exit codes") for name in code_in(row[2])}
    due = {each.__name__: int(exit_of(each.__new__(each))) for each in _raised(Ntag424Error)}
    assert named == due


def _raised(kind):
    """Give the errors that are raised: the others say of themselves that they never are."""
    for each in kind.__subclasses__():
        # What the library raises is on one page; any other error of its own stays inside.
        if not each.__module__.startswith(("ntag424.errors", "ntag424_provisioning.")):
            continue
        if "Never raised itself." not in each.__doc__:
            yield each
        yield from _raised(each)


@pytest.mark.parametrize("page", [CLI, WRONG], ids=lambda page: page.name)
def test_every_exit_code_is_explained(page):
    assert [int(row[0]) for row in rows(page, "Exit codes")] == sorted(Exit)


def test_every_stage_of_a_tag_is_in_the_reference():
    text = CLI.read_text("utf-8").split("## What `--json` prints")[1]
    assert [stage for stage in Stage if f"`{stage}`" not in text] == []


def test_json_has_the_members_that_the_reference_says(home, monkeypatch):
    monkeypatch.setenv("NTAG424_READER", "sim:alice")
    promised = _members()
    done = {name: run(*line, "--json") for name, line in _asked(home)}
    told = {name: set(each.records[0]) if each.out else each.err for name, each in done.items()}
    assert {name: promised[name] for name in told} == told


def test_every_command_with_json_is_in_the_reference():
    takes = [each.name for each in command_reference.commands() if "--json" in each.spelled]
    assert [name for name in takes if name.removeprefix("ntag424 ") not in _members()] == []


def _members():
    """Read what members each command prints; one row may build on another."""
    found = {}
    for row in rows(CLI, "What `--json` prints"):
        names, told = row[0].replace("`", "").split(", "), row[2]
        members = set(code_in(told))
        for other in list(members & set(found)):
            members = members - {other} | found[other]
        if row[0].endswith("not genuine"):
            names = [row[0].replace("`", "")]
        found |= dict.fromkeys(names, members)
    return found


def _asked(home):
    """Give command lines in an order in which each can do its work."""
    yield "keys init", ("keys", "init", "--vault", home / "two.db", "--key-file", home / "two")
    yield "keys show", ("keys", "show")
    yield "keys rotate", ("keys", "rotate")
    yield "keys retire", ("keys", "retire", "1", "--yes")
    yield "keys backup", ("keys", "backup")
    sheet = home / "sheet"
    sheet.write_text(run("keys", "backup").out, "utf-8")
    yield "keys restore", ("keys", "restore", sheet)
    code = re.search("once: (.*)", sheet.read_text("utf-8"))[1]
    assert run("keys", "backup", "--confirm", typed=code).code == 0
    yield "plan", ("plan",)
    yield "provision", ("provision", "--any-chip")
    yield "repair", ("repair",)
    yield "rotate", ("rotate",)
    yield "inspect", ("inspect",)
    yield "tap", ("tap",)
    address = run("sim", "tap", "alice").out.strip()
    yield "verify", ("verify", address)
    yield "verify, not genuine", ("verify", f"{address[:-4]}0000")
    yield "explain", ("explain", address)
    log = home / "session.log"
    log.write_text("--> 90 60 00 00 00\n<-- 91 1C\n", "utf-8")
    yield "apdu", ("apdu", log)
    yield "keys recover", ("keys", "recover", address, "--template", URL)
    yield "tags list", ("tags", "list")
    yield "tags show", ("tags", "show", "04DE5F1EACC040")
    yield "tags signer", ("tags", "signer")
    card = {"version": 1, "action": "wipe", "uid": "04DE5F1EACC042"}
    card |= {f"k{number}": f"{number + 1}" * 32 for number in range(5)}
    cards = home / "cards.json"
    cards.write_text(json.dumps(card), "utf-8")
    yield "tags import", ("tags", "import", cards, "--from", "boltcard")
    yield "sim new", ("sim", "new", "bob")
    zeros = home / "zeros"
    zeros.touch(0o600)
    zeros.write_text("4 " + "00" * 16)
    yield "sim list", ("sim", "list")
    yield "sim show", ("sim", "show", "alice")
    yield "sim tap", ("sim", "tap", "alice")
    yield "access show", ("access", "show")
    yield "access set", ("access", "set", "proprietary", "--read", "2")
    yield "reset", ("reset", "--yes")
    yield "access adopt", ("access", "adopt", "--keys", zeros)
    yield "access change-key", ("access", "change-key", "4", "--keys", zeros)


def test_files_have_the_modes_that_the_reference_says(home, monkeypatch):
    monkeypatch.chdir(home)
    before = os.umask(0o022)
    try:
        run("keys", "init", "--vault", "three/vault.db", "--key-file", "three.key")
        run("keys", "show", "--format", "service", "--out", "keyring.toml")
        run("keys", "backup", "--svg", "sheet.svg")
    finally:
        os.umask(before)
    made = {
        "$NTAG424_HOME": "three",
        "$NTAG424_HOME/vault.db": "three/vault.db",
        "$NTAG424_HOME/sim/NAME.json": "sim/alice.json",
        "--key-file": "three.key",
        "keys show --out": "keyring.toml",
        "keys backup --svg": "sheet.svg",
    }
    promised = {code_in(row[0])[0]: row[1] for row in rows(CLI, "Files")}
    modes = {name: f"{Path(path).stat().st_mode & 0o777:o}" for name, path in made.items()}
    assert {name: promised[name] for name in made} == modes


# ---- when it goes wrong ---------------------------------------------------------------------


def _lines():
    """Give what the tables of the page say that the program says."""
    page = WRONG.read_text("utf-8")
    tables = re.findall(r"^\| line \|.*\n\|[ -|]*\n((?:\|.*\n)+)", page, re.MULTILINE)
    for table in tables:
        yield from (code_in(line)[0] for line in table.splitlines())


def test_every_line_on_the_page_is_one_that_the_program_says():
    assert [line for line in _lines() if not messages.says(line)] == []


@pytest.mark.parametrize("room", ["engine", "enrolment"])
def test_every_failure_at_a_tag_is_on_the_page(room):
    lines = list(_lines())
    raised = messages.raised_in(room)
    assert [text for text in raised if not any(messages.alike(each, text) for each in lines)] == []


def test_every_kind_of_defect_is_on_the_page():
    kinds = [code_in(row[0])[0] for row in rows(WRONG, "What `inspect` calls a defect")]
    assert sorted(kinds) == sorted(kind.value for kind in DefectKind)


def test_the_budget_of_attempts_is_the_one_that_is_explained():
    told = [int(row[1]) for row in rows(NEVER, "A budget of attempts")]
    assert told == [RUN_LIMIT, ATTEMPTS, ATTEMPTS, _WARNING]


def test_the_patience_with_a_tag_is_the_one_that_is_told():
    assert f"up to {_PATIENCE} times" in WRONG.read_text("utf-8")
