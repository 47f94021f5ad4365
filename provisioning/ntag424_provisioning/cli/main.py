"""`ntag424`: from blank stickers to working tags, and never lose one."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from ntag424.errors import Ntag424Error
from ntag424_provisioning.cli import access, keys, sim, tag_transfer, tags
from ntag424_provisioning.cli.apdu import apdu
from ntag424_provisioning.cli.doctor import doctor
from ntag424_provisioning.cli.frame import group, report, say
from ntag424_provisioning.cli.inspect import inspect
from ntag424_provisioning.cli.plan import plan
from ntag424_provisioning.cli.provision import provision
from ntag424_provisioning.cli.readers import readers
from ntag424_provisioning.cli.repair import repair
from ntag424_provisioning.cli.reset import reset
from ntag424_provisioning.cli.rotate import rotate
from ntag424_provisioning.cli.station import station
from ntag424_provisioning.cli.urls import explain, tap, verify
from ntag424_provisioning.exits import Exit

_EPILOG = """\
Exit codes: 0 done, 1 a bug, 2 wrong usage or set-up, 3 no reader or no tag, 4 wrong key,
5 refused, 6 in doubt: repair, 7 not genuine, 130 interrupted.
"""

_COMMANDS = (
    inspect,
    plan,
    provision,
    station,
    repair,
    reset,
    rotate,
    verify,
    explain,
    apdu,
    tap,
    readers,
    doctor,
)

cli = group(__doc__, epilog=_EPILOG, completion=True)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's way
    if wanted:
        typer.echo(f"ntag424 {version('ntag424')}")
        raise typer.Exit


@cli.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of failures.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take what all commands share; `main` looks for --debug itself."""


for _command in _COMMANDS:
    cli.command()(_command)
tags.app.add_typer(tag_transfer.app)
_GROUPS = (("keys", keys.app), ("tags", tags.app), ("access", access.app), ("sim", sim.app))
for _name, _group in _GROUPS:
    cli.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; expected failures are one line and a hint, without traceback."""
    debug = "--debug" in sys.argv[1:]
    try:
        cli(prog_name="ntag424")
    except Ntag424Error as error:
        sys.exit(report(error, debug=debug))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        # Not its text: that may be about anything that was being worked on.
        say(f"error: a mistake of this program, {type(error).__name__}")
        say('hint: "ntag424 --debug ..." shows where; please report it.')
        sys.exit(Exit.BUG)
