"""Where PostgreSQL's programs are, who may run them, and what a server starts with."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.servers.process import PLACE


def needs_postgres() -> None:
    """Skip the test where there is no PostgreSQL server; fail it in CI."""
    if programs() is None or shutil.which("setpriv") is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("no PostgreSQL server or no setpriv: apt-get install postgresql util-linux")


def release_memory(cluster: Path) -> None:
    """Remove the little that a killed server leaves to the one that is started next."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        segment = lines[6].split()[1]
    except (OSError, IndexError):
        return
    subprocess.run(["ipcrm", "-m", segment], check=False, capture_output=True)


@cache
def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: Debian keeps them out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    if shutil.which("pg_config"):
        asked = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True)
        folders.insert(0, Path(asked.stdout.decode().strip()))
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


@cache
def template() -> Path:
    """Make one cluster, from which all servers of this process get a copy."""
    folder = TemporaryDirectory(dir=PLACE, prefix="ntag424-template-")
    atexit.register(folder.cleanup)
    os.chown(folder.name, *owner())
    cluster = Path(folder.name) / "cluster"
    who = ["-U", "postgres", "--auth", "trust", "-E", "UTF8", "--locale", "C"]
    run("initdb", "-D", str(cluster), *who, "--wal-segsize", "1", "--no-sync")
    return cluster


def make_cluster(place: Path) -> None:
    """Give a server something to start with."""
    subprocess.run(["cp", "-a", template(), place], check=True)


def run(*command: str) -> None:
    """Run a program of PostgreSQL to its end."""
    done = subprocess.run(as_owner(*command), check=False, capture_output=True, cwd="/")
    assert done.returncode == 0, done.stderr.decode()


def as_owner(program: str, *arguments: str) -> list[str]:
    """Write a command line under which *program* runs as somebody who is not root."""
    folder = programs()
    assert folder is not None, "no PostgreSQL server: see needs_postgres"
    command = [str(folder / program), *arguments]
    if os.geteuid() != 0:
        return command
    user, group = (str(number) for number in owner())
    # Changing the user forgets what is to happen at the parent's death.
    become = ["--reuid", user, "--regid", group, "--clear-groups", "--pdeathsig", "KILL"]
    return ["setpriv", *become, *command]


@cache
def owner() -> tuple[int, int]:
    """Return the user and group whose the servers are: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return entry.pw_uid, entry.pw_gid
