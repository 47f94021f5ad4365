"""The README's Python and the examples, as type checkers of users see them.

Run by `make check`, which installs the type checkers; `make test` runs what is checked here.
"""

import json
import subprocess
import sys

import pytest

from tests.docs.blocks import ROOT, blocks

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
PAGES = ["README.md", "docs/howto/explain.md", "docs/howto/talk-to-a-tag.md"]
# What somebody else's scheme may look like: plain attributes, or fields that are frozen.
SCHEMES = """
from dataclasses import dataclass

from ntag424 import Key, Keyring
from ntag424.keys import KeyScheme


class Plain:
    file_read_number = 2
    meta_read_number = None
    epochs = range(1)

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        return Key(bytes(16))

    def meta_read_key(self) -> Key:
        raise ValueError("there is none")


@dataclass(frozen=True)
class Frozen(Plain):
    file_read_number: int = 3


schemes: list[KeyScheme] = [Plain(), Frozen()]
rings = [Keyring.single(scheme) for scheme in schemes]
"""
OURS = """
from ntag424 import Key
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    KeyScheme,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
)

key = Key(bytes(16))
schemes: list[KeyScheme] = [
    An10922Keys(key),
    BoltcardKeys(key),
    HkdfKeys(key),
    SdmBackendKeys(key),
    SdmBackendLegacyKeys(key),
    SentryEv2Keys(key),
    SentryHkdfKeys(key, salt="sentry.red"),
    StaticKeys(file_read=key),
]
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Lay every program down where no settings of ours reach."""
    folder = tmp_path_factory.mktemp("programs")
    for page in PAGES:
        found = [block.text for block in blocks(ROOT / page) if block.language == "python"]
        name = page.replace("/", "_").replace("-", "_").removesuffix(".md")
        (folder / f"{name}.py").write_text("\n\n".join(found))
    for example in EXAMPLES:
        (folder / example.name).write_text(example.read_text())
    (folder / "their_schemes.py").write_text(SCHEMES)
    (folder / "our_schemes.py").write_text(OURS)
    settings = {"typeCheckingMode": "strict", "venvPath": sys.prefix, "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return folder


def run(folder, *command):
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def test_there_is_an_application_of_about_forty_lines():
    assert any(30 <= len(path.read_text().splitlines()) <= 45 for path in EXAMPLES)


def test_mypy_is_content(programs):
    done = run(programs, "mypy", "--strict", "--no-error-summary", ".")
    assert (done.stdout, done.returncode) == ("", 0)


def test_pyright_is_content(programs):
    done = run(programs, "basedpyright", "--pythonpath", sys.executable, "--outputjson")
    report = json.loads(done.stdout)
    assert [found["message"] for found in report["generalDiagnostics"]] == []
    assert report["summary"]["filesAnalyzed"] == len(list(programs.glob("*.py")))
