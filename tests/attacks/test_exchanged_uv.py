"""Attack: a package index, or a mirror of it, hands out another `uv` than it used to."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = "#!/bin/sh\necho exchanged\n"


def path_without_uv():
    """Give the folders of programs in which there is neither uv nor our environment."""
    folders = os.environ["PATH"].split(os.pathsep)
    ours = {str(ROOT / ".venv" / "bin")}
    return os.pathsep.join(
        folder for folder in folders if folder not in ours and not (Path(folder) / "uv").exists()
    )


def make_wheel(folder, version):
    """Write a wheel of the right name and version, whose uv says what it is."""
    info = f"uv-{version}.dist-info"
    with zipfile.ZipFile(folder / f"uv-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"uv-{version}.data/scripts/uv", SCRIPT)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: uv\nVersion: {version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_a_uv_whose_hash_is_another_is_not_run(tmp_path):
    path = path_without_uv()
    if shutil.which("python3", path=path) is None:
        pytest.skip("no python3 but that of our environment")
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "tools/uv", "tools/uv-requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    lines = (ROOT / "tools" / "uv-requirements.txt").read_text().splitlines()
    version = next(line for line in lines if line.startswith("uv==")).split()[0][4:]
    make_wheel(tmp_path, version)
    done = subprocess.run(
        [tmp_path / "tools" / "uv", "--version"],
        env={"PATH": path, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
        | {name: value for name, value in os.environ.items() if name == "HOME"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "No module named pip" in done.stderr:
        pytest.skip("apt-get install python3-pip")
    assert (done.returncode, done.stdout) == (1, "")
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / ".tools" / "bin").exists()
