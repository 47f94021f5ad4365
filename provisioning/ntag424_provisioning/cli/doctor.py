"""`ntag424 doctor`: why a reader or tag cannot be used, and the exact fix."""

from __future__ import annotations

from typing import Annotated

import typer

from ntag424_provisioning.cli.frame import Json, confirm, say, tell
from ntag424_provisioning.doctor import (
    Finding,
    Machine,
    State,
    examine,
    install,
    outdated,
    require_rights,
)
from ntag424_provisioning.exits import Exit
from ntag424_provisioning.links import parse_reader

_MARKS = {State.OK: "✓", State.WARNING: "!", State.FAULT: "✗"}
_MACHINE = Machine()


def doctor(
    *,
    reader: Annotated[
        str | None,
        typer.Option(metavar="READER", help="Look at this one alone; see ntag424 readers."),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Install udev rules and a modprobe list first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
    as_json: Json = False,
) -> None:
    """Say why a reader or a tag cannot be used, and what to do about it.

    Exit code 0 if nothing stands in the way, else 3.
    """
    named = parse_reader(reader) if reader else None
    if fix:
        mend(_MACHINE, ask=not yes)
    findings = examine(_MACHINE, named)
    for finding in findings:
        tell(finding.record(), _text(finding), as_json=as_json)
    if any(finding.state is State.FAULT for finding in findings):
        raise typer.Exit(Exit.NO_TAG)


def mend(machine: Machine, *, ask: bool) -> None:
    """Install what is missing, after showing it.

    Raises:
        SetupError: nobody is there to say yes, or it cannot be written.

    """
    files = outdated(machine)
    if not files:
        say("Nothing is to be written: udev rules and modprobe list are installed.")
        return
    require_rights(files)
    for file in files:
        say(f"--- {file.path}\n{file.text}")
    if ask and not confirm(f"Write {len(files)} files as shown?", unasked="--yes"):
        say("Nothing was written.")
        return
    for complaint in install(files):
        say(f"udev was told, and said: {complaint}")
    for file in files:
        say(f"{file.path} is written. Unplug the reader and plug it in again.")


def _text(finding: Finding) -> str:
    line = f" {_MARKS[finding.state]} {finding.what}: {finding.cause}"
    return "\n".join([line, *(f"     fix: {fix}" for fix in finding.fixes)])
