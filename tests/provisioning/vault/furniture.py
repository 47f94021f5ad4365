"""Vaults to try things on, tags to put down in them, and programs that use them elsewhere."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

from ntag424_provisioning.model import Goal, KnownTag, Profile, SlotKey, Stage
from ntag424_provisioning.vault import KeyFile, MasterKeys, StoredVersion, Vault

from ntag424 import Generation, Key, KeyState, Uid, UrlTemplate
from ntag424.keys import An10922Keys

TEMPLATE = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PATIENCE_SECONDS = 60


def uid(number):
    return Uid(b"\x04" + number.to_bytes(6, "big"))


def master(number, **options):
    return MasterKeys(An10922Keys(Key(bytes([number]) * 16), **options))


def stored(ordinal, keys, state=KeyState.ACCEPTING):
    return StoredVersion(ordinal, state, keys, 1_800_000_000, is_backed_up=True)


def tag(number, *, key_version=1, stage=Stage.READY, **rest):
    """Give a tag in use, with keys of its own."""
    goal = Goal(Profile(TEMPLATE), Generation(key_version, 1))
    slots = tuple((SlotKey(Key(bytes([number % 255 + 1, n]) * 8), 1),) for n in range(5))
    return KnownTag(uid(number), slots, stage, goal, **rest)


def same(one, other):
    """Compare what was put down, but for the time of it."""
    return [k.to_json() for k in map(undated, one)] == [k.to_json() for k in map(undated, other)]


def undated(known):
    record = KnownTag.from_json(known.to_json())
    object.__setattr__(record, "changed_at", 0)
    return record


class Place:
    """A vault with a key file, closed; the test opens it."""

    def __init__(self, folder):
        self.path = folder / "house" / "vault.db"
        self.unlock = KeyFile(folder / "key")

    def made(self, *versions):
        Vault.create(self.path, self.unlock, versions).close()
        return self

    def twin(self, folder):
        """Make a copy of it, which is faster than another one."""
        shutil.copytree(self.unlock.path.parent, folder, dirs_exist_ok=True)
        return Place(folder)

    def open(self):
        return Vault.open(self.path, self.unlock)

    def contents(self):
        """Return what is in it: key versions, and tags."""
        with self.open() as vault:
            return vault.versions(), [known.to_json() for known in vault.tags()]

    def sql(self, statement, *values):
        """Work on the file without the vault's leave."""
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("PRAGMA synchronous = OFF")
            rows = db.execute(statement, values).fetchall()
            db.commit()
        return rows


def run_elsewhere(program, *arguments, **options):
    """Start a Python program that can import what we can."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
        text=True,
        stdout=subprocess.PIPE,
        **options,
    )


def forms(secret):
    """Give every way in which bytes get into a text or a file."""
    plain = base64.b64encode(secret)
    texts = [
        secret.hex().encode(),
        secret.hex().upper().encode(),
        secret.hex(" ", 2).upper().encode(),
        plain.strip(b"="),
        base64.urlsafe_b64encode(secret).strip(b"="),
        repr(secret)[2:-1].encode(),
        str(list(secret))[1:-1].encode(),
    ]
    return [secret, *texts]
