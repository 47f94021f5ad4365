"""A home of the program with a vault and a simulated tag, and the commands that run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from ntag424_provisioning.enrolment import Enrolled, ledger_enroller
from ntag424_provisioning.model import KnownTag
from ntag424_provisioning.sim import Shelf
from ntag424_provisioning.vault import KeyFile, Vault

from ntag424 import CountedTap, Uid, UrlTemplate, Verifier
from ntag424.ndef import read_uri
from ntag424.replay import SqliteLedger, SqliteStore
from ntag424.testing import SimulatedTag

UID, OTHER_UID = Uid.from_hex("04DE5F1EACC040"), Uid.from_hex("04C767F2066180")
NAME = "alice"
READER = f"sim:{NAME}"
#: Only against hanging for ever; nothing is measured by it.
PATIENCE_SECONDS = 60
URL, FORMER_URL = "https://id.example.com/t", "https://id.example.com/former"
#: What the program makes of the first.
TEMPLATE = URL + "#k={kv}{epoch}&p={picc}&m={mac}"


def child_environment(**more):
    """Give a child what it needs to find our modules, and none of our settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NTAG424_") or name == "NTAG424_CRYPTO"
    }
    paths = os.pathsep.join(path for path in sys.path if path)
    return inherited | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"} | more


def started(*arguments, stdin="", **environment):
    """Run `ntag424` to its end as people do: as a program of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "ntag424_provisioning", *arguments],
        env=child_environment(**environment),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Ended:
    """How a command line ended, and what it said."""

    code: int
    stdout: str
    stderr: str


class Mother:
    """The program of `mother.py`, at work."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.provisioning.hard.mother"],
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, stdin="", mishaps=(), **environment):
        """Run `ntag424` with these *arguments* in a child of the program's."""
        request = {
            "arguments": arguments,
            "environment": environment,
            "stdin": stdin,
            "mishaps": mishaps,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def make_ledger(folder):
    """Make a ledger and the file by which it is known, as a service does."""
    identity = folder / "identity.json"
    identity.touch(0o600)
    identity.write_text(json.dumps({"store_id": SqliteLedger.init(folder / "ledger.db")}))


def enrolling_at(folder):
    """Say where that ledger is, as the option `--enrol` does."""
    return f"sqlite:///{folder / 'ledger.db'}?identity={folder / 'identity.json'}"


class House:
    """One home; *run* is `Mother.run` or anything like it."""

    def __init__(self, folder, run):
        self.folder = folder
        self._run = run

    @classmethod
    def build(cls, folder, run):
        """Draw a master key, confirm its backup, make a blank tag, and a ledger for it."""
        house = cls(folder, run)
        folder.mkdir()
        make_ledger(folder)
        house.done("keys", "init")
        house.confirm_backup()
        house.done("sim", "new", NAME, "--uid", str(UID))
        return house

    def twin(self, folder):
        """Copy it; nothing may be at work in it."""
        shutil.copytree(self.folder, folder)
        return House(folder, self._run)

    def burn_down(self):
        shutil.rmtree(self.folder)

    @property
    def home(self):
        return self.folder / "home"

    @property
    def vault_path(self):
        return self.home / "vault.db"

    @property
    def tag_path(self):
        return self.home / "sim" / f"{NAME}.json"

    @property
    def settings(self):
        return {
            "NTAG424_HOME": str(self.home),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "NTAG424_KEY_FILE": str(self.folder / "key"),
            "NTAG424_ENROL": enrolling_at(self.folder),
        }

    # ---- doing ------------------------------------------------------------------------------

    def run(self, *arguments, **how):
        return self._run(*arguments, **how, **self.settings)

    def done(self, *arguments, **how):
        """Run a command that has to succeed, and return what it printed."""
        ended = self.run(*arguments, **how)
        assert ended.code == 0, ended.stderr
        return ended.stdout

    def confirm_backup(self):
        self.done("keys", "backup", "--confirm", stdin=self.done("keys", "backup"))

    # ---- looking ----------------------------------------------------------------------------

    def vault(self):
        return Vault.open(self.vault_path, KeyFile(self.folder / "key"))

    def known(self):
        with self.vault() as vault:
            return vault.find(UID)

    def tag(self):
        """Return the simulated tag as it is on disk."""
        return SimulatedTag.load(self.tag_path)

    def facts(self):
        return Shelf(self.home / "sim").facts(NAME)

    def state(self):
        """Return what the vault knows of the tag, and the tag but for how often it was read."""
        return self.known(), json.loads(self.tag_path.read_text("ascii")) | {"read_counter": None}

    def look(self, template=TEMPLATE):
        """See what is known of the tag, what is so, and what a service thinks of it."""
        with self.vault() as vault:
            known, keyring = vault.find(UID), vault.keyring()
        store = SqliteStore(self.folder / "ledger.db")
        with ledger_enroller(store, self.folder / "identity.json") as ledger:
            enrolled = ledger.find(UID)
        document = json.loads(self.tag_path.read_text("ascii"))
        url = read_uri(self.tag().tap())
        verifier = Verifier(UrlTemplate(template), keyring)
        return Seen(
            known,
            enrolled,
            [(bytes.fromhex(key["value"]), key["version"]) for key in document["keys"]],
            tuple(key["failures"] for key in document["keys"]),
            verifier.verify(url).counted() if url else None,
        )


@dataclass(frozen=True)
class Seen:
    """A tag, by its record in the vault and by its memory."""

    known: KnownTag
    #: What the ledger would accept it in.
    enrolled: Enrolled
    keys_on_the_tag: list
    failed_attempts: tuple
    #: None where there is no URL on it.
    tap: CountedTap | None


def keys_on_record(known):
    """Return the keys that the vault takes to be on the tag, if it knows each of them."""
    assert [len(slot) for slot in known.slots] == [1] * 5
    return [(bytes(slot[0].key), slot[0].version) for slot in known.slots]
