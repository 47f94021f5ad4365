"""No key, no passphrase and no unspent tap gets out: not printed, not in files, not to others.

Two stories are told with keys that are known here, and all that they leave behind is searched.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
from ntag424_provisioning.vault import KeyFile, MasterKeys, Passphrase, Sheet, StoredVersion, Vault

from ntag424 import Key, KeyState
from ntag424.keys import An10922Keys
from tests.provisioning.hard import mishaps
from tests.provisioning.hard.canaries import forms, found, macs, tag_keys
from tests.provisioning.hard.errands import provision, repair
from tests.provisioning.hard.houses import (
    FORMER_URL,
    NAME,
    READER,
    UID,
    URL,
    child_environment,
)
from tests.provisioning.hard.terminal import Terminal

# Told once, by one worker.
pytestmark = pytest.mark.xdist_group("canaries")

MASTER = Key(bytes.fromhex("CA4A12E5FEE1DEAD5EC2E75EC2E7CAFE"))
SUNG, NEVER_SUNG = Passphrase("canaries sing in the dark"), "nobody ever sang this one"
#: A command late enough that keys have changed.
LATE = 60
#: Where keys, taps and records are in the hands of the program.
CRASHES = {
    "ntag424.keys:An10922Keys.tag_key": 3,
    "ntag424.session:AuthenticatedSession.send": 9,
    "ntag424_provisioning.vault:Vault.put": 4,
    "ntag424_provisioning.vault._sealing:Sealer.seal": 4,
    "ntag424_provisioning.engine.prove:_tap": 1,
}


class Story:
    """What was done in one home, and everything that could be seen of it meanwhile."""

    def __init__(self, folder, mother, unlock):
        self.home = folder / "home"
        self._mother = mother
        self._unlock = unlock
        self._inputs = folder / "inputs"
        self._inputs.mkdir()
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        #: Pairs of where it was and what it was.
        self.printed, self.listed, self.kept = [], [], []
        #: Where secrets are by design.
        self.by_design = []
        #: Pairs of an epoch and a counter, as the tag was read.
        self._taps = {(0, 0)}

    def file(self, name, text):
        path = self._inputs / name
        path.touch(0o600)
        path.write_text(text)
        return path

    @property
    def environment(self):
        return {"NTAG424_HOME": str(self.home), "TMPDIR": str(self._temporary)}

    @property
    def unlocked(self):
        match self._unlock:
            case KeyFile(path):
                return self.environment | {"NTAG424_KEY_FILE": str(path)}
            case Passphrase(text):
                path = self.file("passphrase", text)
                return self.environment | {"NTAG424_PASSPHRASE_FILE": str(path)}

    def run(self, code, *arguments, is_for_eyes=False, **how):
        """Run a command; what is for somebody's eyes by design is not searched."""
        ended = self._mother.run(*arguments, **self.unlocked, **how)
        assert ended.code == code, (arguments, ended)
        printed = self.by_design if is_for_eyes else self.printed
        printed.append((" ".join(arguments), ended.stdout.encode()))
        self.printed.append((" ".join(arguments), ended.stderr.encode()))
        self._count_taps()
        return ended.stdout

    def watch(self, code, *arguments, stdin=""):
        """Run a command as a program of its own, and look at it as any other user could."""
        outputs = [self.file(name, "") for name in ("stdout", "stderr")]
        given = self.file("stdin", stdin)
        with given.open() as source, outputs[0].open("wb") as out, outputs[1].open("wb") as err:
            command = [sys.executable, "-m", "ntag424_provisioning", *arguments]
            environment = child_environment(**self.unlocked)
            with subprocess.Popen(
                command, env=environment, stdin=source, stdout=out, stderr=err
            ) as process:
                while process.poll() is None:
                    self._look_at_process(process)
        assert process.returncode == code, outputs[1].read_text()
        self.printed += [(" ".join(arguments), output.read_bytes()) for output in outputs]
        self._count_taps()

    def _look_at_process(self, process):
        for name in ("cmdline", "environ"):
            with suppress(ProcessLookupError):  # it has just ended
                octets = Path(f"/proc/{process.pid}/{name}").read_bytes()
                seen = (f"{name} of {' '.join(process.args)}", octets)
                if seen not in self.listed:
                    self.listed.append(seen)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)

    def run_at_terminal(self, code, *arguments, typed):
        with Terminal(*arguments, **self.environment) as terminal:
            # The space is the last that is shown before it is hidden what is typed.
            terminal.await_text("Passphrase of the vault: ")
            terminal.type(typed)
            assert terminal.await_end() == code, terminal.shown
        self.printed.append((" ".join(arguments), terminal.shown.encode()))

    def keep_files(self, when):
        """Take a copy of all files but those of the simulated tags, which are their silicon."""
        for folder in (self.home, self._temporary):
            for path in folder.rglob("*"):
                if path.is_file():
                    kept = self.by_design if f"{NAME}.json" in path.name else self.kept
                    kept.append((f"{path.name} {when}", path.read_bytes()))

    def _count_taps(self):
        """Remember how often the tag was read: each time it made the MAC of a tap."""
        path = self.home / "sim" / f"{NAME}.json"
        if path.exists():
            document = json.loads(path.read_text())
            epochs = {document["keys"][2]["version"], max(self._taps)[0]}
            first = 1 + max(counter for _, counter in self._taps)
            counters = range(first, document["read_counter"] + 1)
            self._taps |= set(product(epochs, counters))

    def secrets(self):
        """Give all of them, by name; the second master key was drawn by the program."""
        match self._unlock:
            case KeyFile():
                yield "key file", self._unlock.read()
            case Passphrase():
                yield "passphrase", bytes(self._unlock)
                yield "wrong passphrase", NEVER_SUNG.encode()
        with Vault.open(self.home / "vault.db", self._unlock) as vault:
            schemes = [version.keys.scheme for version in vault.versions()]
        assert schemes[0].master == MASTER
        taps = sorted(tap for tap in self._taps if tap[0])
        for number, scheme in enumerate(schemes, 1):
            yield f"key version {number}", bytes(scheme.master)
            named = (*tag_keys(scheme, UID, range(1, taps[-1][0] + 3)), *macs(scheme, UID, taps))
            for name, secret in named:
                yield f"key version {number}, {name}", secret


def sheet():
    first = StoredVersion(
        1, KeyState.ACTIVE, MasterKeys(An10922Keys(MASTER)), 1_800_000_000, is_backed_up=True
    )
    return Sheet("0" * 32, (first,)).text(1_800_000_000)


# ---- at the reader, watched by somebody else on the machine ---------------------------------


@pytest.fixture(scope="module")
def watched(mother, tmp_path_factory):
    """A tag is lost, repaired, verified, rotated and reset."""
    story = Story(tmp_path_factory.mktemp("watched"), mother, SUNG)
    story.watch(0, "keys", "restore", "-", stdin=sheet())
    story.run(0, "sim", "new", NAME, "--uid", str(UID))
    story.run(0, "sim", "tear", NAME, "--at", str(LATE), "--executed")
    story.watch(6, *provision(URL))
    story.keep_files("in doubt")
    story.watch(0, *repair())
    url = story.run(0, "sim", "tap", NAME, is_for_eyes=True)
    story.watch(0, "verify", "-", "--url", URL, stdin=url)
    story.watch(0, "keys", "rotate")
    printed = story.run(0, "keys", "backup", is_for_eyes=True)
    story.run(0, "keys", "backup", "--confirm", stdin=printed)
    story.watch(0, "rotate", "--reader", READER)
    story.watch(0, "reset", "--yes", "--reader", READER)
    story.run_at_terminal(0, "tags", "list", typed=SUNG.text)
    story.run_at_terminal(2, "--debug", "tags", "list", typed=NEVER_SUNG)
    story.keep_files("at the end")
    return story


# ---- and whatever else may be asked, or go wrong --------------------------------------------


@pytest.fixture(scope="module")
def asked(mother, tmp_path_factory):
    """All that can be looked at is, and everything fails."""
    folder = tmp_path_factory.mktemp("asked")
    story = Story(folder, mother, KeyFile(folder / "key"))
    story.run(0, "keys", "restore", "-", stdin=sheet())
    story.run(0, "sim", "new", NAME, "--uid", str(UID))
    story.run(0, "plan", "--url", URL, "--reader", READER)
    story.run(0, *provision(URL))
    look(story)
    fail(story)
    crash(story)
    story.keep_files("at the end")
    return story


def look(story):
    """Look at vault, tag and taps in every way that needs no terminal."""
    url = story.run(0, "sim", "tap", NAME, is_for_eyes=True).strip()
    story.run(0, "verify", "-", "--url", URL, "--json", stdin=url)
    story.run(7, "verify", "-", "--url", URL, stdin=url[:-1])
    story.run(0, "explain", "-", "--url", URL, stdin=url)
    story.run(7, "explain", "-", "--url", FORMER_URL, stdin=url)
    story.run(0, "keys", "recover", "-", "--template", URL, stdin=url)
    story.run(0, "tap", "--url", URL, "--reader", READER)
    story.run(0, "tap", "--url", URL, "--reader", READER, "--json")
    story.run(0, "keys", "show")
    story.run(0, "keys", "show", "--json")
    story.run(5, "keys", "show", "--show-keys")
    story.run(5, "keys", "show", "--format", "service")
    story.run(0, "tags", "list")
    story.run(0, "tags", "list", "--json")
    story.run(0, "tags", "show", str(UID))
    story.run(0, "tags", "show", str(UID), "--json")
    story.run(0, "sim", "show", NAME, "--json")


def fail(story):
    """Fail in expected ways, where tracebacks are asked for."""
    story.run(2, "--debug", *provision("no address"))
    story.run(0, "sim", "tear", NAME, "--at", "20")
    story.run(3, "--debug", *provision(FORMER_URL))
    story.run(-9, *provision(FORMER_URL), mishaps=[mishaps.kill(LATE, executed=True)])
    story.keep_files("after a kill")
    story.run(0, "tags", "show", str(UID))
    story.run(5, "inspect", "--reader", READER)
    story.run(0, "sim", "tear", NAME, "--at", str(LATE))
    story.run(6, "--debug", *repair())


def crash(story):
    """Fail in ways that nobody expects: with tracebacks; and carelessly, without."""
    for number, (place, at) in enumerate(CRASHES.items()):
        plain, careless = (
            mishaps.crash(place, at, is_quoting=is_quoting) for is_quoting in (False, True)
        )
        story.run(1, "--debug", *provision(f"{URL}{number}"), mishaps=[plain])
        story.run(1, *provision(f"{URL}{number}-again"), mishaps=[careless])
    story.keep_files("after crashes")
    story.run(0, *repair())


# ---- the search -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secrets(watched, asked):
    return dict(watched.secrets()) | {f"{name} again": one for name, one in asked.secrets()}


def test_nothing_that_is_printed_holds_a_secret(watched, asked, secrets):
    assert found(secrets, watched.printed + asked.printed) == []


def test_no_other_user_sees_a_secret_in_the_list_of_processes(watched, secrets):
    assert found(secrets, watched.listed) == []


def test_no_file_of_the_program_holds_a_secret(watched, asked, secrets):
    assert found(secrets, watched.kept + asked.kept) == []


def test_the_search_was_where_something_was_to_be_found(watched, asked):
    assert any(b"ntag424_provisioning\0provision" in octets for _, octets in watched.listed)
    assert any(b"in _carry_out" in octets for _, octets in asked.printed)
    assert any(b"Passphrase of the vault" in octets for _, octets in watched.printed)
    assert {"vault.db-wal after a kill", "vault.db at the end"} < {name for name, _ in asked.kept}


def test_the_search_was_for_what_the_tag_holds(watched, asked, secrets):
    names = {name for name, _ in found(secrets, watched.by_design)}
    assert {"key version 1", "key version 2", "key version 1, meta read"} <= names
    assert {f"key version 1, epoch 1, key {number}" for number in (0, 2, 3, 4)} <= names
    assert any(", tap " in name for name in names)


@pytest.mark.parametrize("number", range(len(forms(bytes(MASTER)))))
def test_a_secret_is_found_in_each_form(number):
    form = sorted(forms(bytes(MASTER)))[number]
    assert found({"it": bytes(MASTER)}, [("here", b"before" + form + b"after")])
