"""What the documents show is what happens."""

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from ntag424_service.settings import Settings, variable
from ntag424_service.storage.keyring_file import read_keyring

from ntag424.testing import OpenPoints
from tests.docs.blocks import ROOT, Block, blocks, documents, matches

README = blocks(ROOT / "README.md")
CONSOLE = [block for block in README if block.language == "console"]
TOML = [block for path in documents() for block in blocks(path) if block.language == "toml"]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_block_of_the_readme_is_executed_by_a_test_below():
    assert {block.language for block in README} == {"console", "python", "text"}


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/howto/apdu.md",
        "docs/howto/explain.md",
        "docs/howto/talk-to-a-tag.md",
        "docs/howto/test-your-program.md",
    ],
)
def test_the_python_blocks_of_a_page_print_what_its_text_blocks_show(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = blocks(ROOT / name)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        namespace = {"__name__": "page"}
        for block in page:
            if block.language == "python":
                exec(compile(block.text, str(block), "exec"), namespace)
    promised = "".join(block.text for block in page if block.language == "text")
    assert printed.getvalue() == promised


def test_the_application_of_forty_lines_lets_a_tag_in_once():
    command = [sys.executable, str(ROOT / "docs" / "examples" / "tap_login.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "welcome 04DE5F1EACC040",
        "no: used before",
        "no: the tap does not verify",
        "no: the URL does not match the template",
    ]


def commands_and_promises(block: Block) -> list[tuple[str, str]]:
    pieces = re.split(r"^\$ (.*)$", block.text, flags=re.MULTILINE)[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def run_console(block: Block, folder: Path) -> list[str]:
    """Run the block's commands in one shell and return what each of them printed."""
    port = free_port()
    marker = "--- next ---"
    commands = [command for command, _ in commands_and_promises(block)]
    # A server in the background keeps its own output to itself.
    lines = [re.sub(r"&$", ">server.log 2>&1 &", command) for command in commands]
    script = f"\necho '{marker}'\n".join(lines).replace("8424", str(port))
    # Neither our own settings nor those of a make that runs the tests.
    foreign = ("NTAG424", "MAKE", "MFLAGS")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if "ntag424-service serve" in script:
        environment["NTAG424_PORT"] = str(port)
    finished = subprocess.run(
        ["bash", "-c", f"set -e\ntrap 'jobs -p | xargs -r kill; wait' EXIT\n{script}"],
        cwd=ROOT if "make" in script else folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    # Ports are free ones here, so that two runs at a time do not disturb each other.
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8424", finished.stdout)
    return printed.split(marker)


@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_a_console_block_of_the_readme_prints_what_it_shows(block, tmp_path):
    if "curl" in block.text and shutil.which("curl") is None:
        reason = "apt-get install --no-install-recommends curl"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    promises = [promise for _, promise in commands_and_promises(block)]
    printed = run_console(block, tmp_path)
    unlike = [
        (promise, output)
        for promise, output in zip(promises, printed, strict=True)
        if not matches(promise, output)
    ]
    assert unlike == []


@pytest.mark.parametrize("block", TOML, ids=str)
def test_a_keyring_shown_in_the_documents_is_accepted(block):
    assert read_keyring("DOCUMENT", block.text, allow_zero_keys=False).active.ordinal == 2


def test_every_setting_is_in_the_reference():
    reference = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    missing = [name for name in Settings.model_fields if f"`{variable(name)}`" not in reference]
    assert missing == []


def test_every_open_point_is_in_the_reference_and_no_other():
    reference = (ROOT / "docs/reference/open-points.md").read_text("utf-8")
    named = re.findall(r"^\| `(\w+)`", reference, re.MULTILINE)
    assert named == [field.name for field in fields(OpenPoints)]


def test_every_setting_in_the_reference_exists():
    reference = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    named = set(re.findall(r"^\| `(NTAG424_\w+)`", reference, re.MULTILINE))
    assert named - {"NTAG424_CRYPTO"} == {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path):
    broken = [
        link for link in LINK.findall(path.read_text("utf-8")) if not (path.parent / link).exists()
    ]
    assert broken == []
