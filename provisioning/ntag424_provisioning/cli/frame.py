"""What all commands have in common: manners of output, of questions and of failing.

stdout is data, stderr is talk. With `--json` stdout has one object per line.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from getpass import getpass
from typing import Annotated

import typer

from ntag424.errors import Ntag424Error
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.exits import Exit, exit_of

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def group(text: str, *, epilog: str | None = None, completion: bool = False) -> typer.Typer:
    """Make a group of commands: help as plain text, tracebacks without local variables."""
    return typer.Typer(
        help=text,
        epilog=epilog,
        add_completion=completion,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def tell(record: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print one result on stdout: *record* as JSON, or *text* for people."""
    typer.echo(json.dumps(record) if as_json else text)


def say(text: str) -> None:
    """Talk to the person at the keyboard, on stderr."""
    typer.echo(text, err=True)


def can_ask() -> bool:
    """Whether somebody is there to answer: stdin and stderr are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, unasked: str) -> bool:
    """Ask for yes or no; *unasked* is the option that says yes where nobody can be asked.

    Raises:
        SetupError: nobody is there.
        KeyboardInterrupt: they pressed Ctrl-C, or Ctrl-D.

    """
    if not can_ask():
        raise SetupError(f"{question} Nobody is there to answer.", f"Say {unasked} to go on.")
    return ask(f"{question} [y/N]").lower() in ("y", "yes")


def ask(question: str) -> str:
    """Ask for a line of text, on stderr: typer's own prompt writes to stdout too.

    Raises:
        KeyboardInterrupt: they pressed Ctrl-C, or Ctrl-D.

    """
    typer.echo(f"{question}: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line.strip()


def ask_secret(question: str) -> str:
    """Ask for a line of text that nobody sees.

    Raises:
        KeyboardInterrupt: they pressed Ctrl-C, or Ctrl-D.

    """
    try:
        return getpass(f"{question}: ")
    except EOFError:
        raise KeyboardInterrupt from None


def report(error: Ntag424Error, *, debug: bool) -> Exit:
    """Say what went wrong and what to do, in one line each; return the exit code.

    With *debug* a traceback says the same, and from where it came.
    """
    if debug:
        traceback.print_exception(error)
        return exit_of(error)
    say(f"error: {error}")
    if error.hint:
        say(f"hint: {error.hint}")
    return exit_of(error)
