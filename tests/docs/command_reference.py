"""The part of docs/reference/cli.md that is made from the command line itself."""

import inspect
import types
import typing
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import typer
from ntag424_provisioning.cli.main import cli

BEGIN = "<!-- made by: pytest tests/docs/test_operator_pages.py --update-snapshots -->\n"
END = "<!-- end of what is made -->\n"
#: An option that means the same in so many commands stands in a table of its own.
_MANY = 3
_KINDS = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "FILE"}
_HEAD = ["", "| option | meaning |", "| --- | --- |"]


@dataclass(frozen=True)
class Option:
    """An option or an argument, as it is shown."""

    name: str
    spelling: str
    remarks: str
    envvar: str | None

    @property
    def row(self):
        spelling = self.spelling.replace("|", "\\|")
        return f"| `{spelling}` | {self.remarks} |"


@dataclass(frozen=True)
class Command:
    """One command, as it is typed."""

    name: str
    prose: str
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]

    @property
    def spelled(self):
        """The options, as they are typed."""
        return [option.name for option in self.options]


def commands():
    """Give every command that there is."""
    return list(_below(typer.main.get_command(cli), ("ntag424",)))


def written():
    """Write the commands down, the options that many of them have first."""
    counted = Counter(option for command in commands() for option in command.options)
    shared = [option for option, count in counted.items() if count >= _MANY]
    lines = ["## Options that many commands take", *_HEAD, *(option.row for option in shared)]
    for command in commands():
        own = [option for option in command.options if option not in shared]
        also = [f"`{option.name}`" for option in command.options if option in shared]
        lines += ["", f"## `{command.name}`", "", *command.prose.splitlines()]
        if own or command.arguments:
            lines += [*_HEAD, *(each.row for each in (*command.arguments, *own))]
        if also:
            lines += ["", f"Also: {', '.join(also)}."]
    return "\n".join(lines) + "\n"


def _below(command, words):
    for name, below in getattr(command, "commands", {}).items():
        yield from _below(below, (*words, name))
    if not hasattr(command, "commands"):
        hints = typing.get_type_hints(command.callback)
        found = {"argument": [], "option": []}
        for each in command.params:
            found[each.param_type_name].append(_option(each, hints[each.name]))
        prose = inspect.cleandoc(command.help)
        yield Command(" ".join(words), prose, tuple(found["argument"]), tuple(found["option"]))


def _option(parameter, annotation):
    is_option = parameter.param_type_name == "option"
    names = "/".join(parameter.opts + parameter.secondary_opts)
    if is_option:
        spelling = f"{names} {parameter.metavar or _kind(annotation)}".rstrip()
    else:
        spelling = parameter.metavar or parameter.name.upper()
    remarks = [parameter.help or ""]
    if is_option and parameter.required:
        remarks.append("Required.")
    if parameter.default is not False and isinstance(parameter.default, int | float | str):
        remarks.append(f"Default: {parameter.default}." if parameter.default != "" else "")
    if parameter.envvar:
        remarks.append(f"Else `{parameter.envvar}`.")
    return Option(parameter.opts[0], spelling, " ".join(filter(None, remarks)), parameter.envvar)


def _kind(annotation):
    """Say what is to be written behind an option; nothing behind a flag."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union, list):
        return _kind(typing.get_args(annotation)[0])
    if annotation is bool:
        return ""
    if issubclass(annotation, Enum):
        return "|".join(str(each.value) for each in annotation)
    return _KINDS.get(annotation, "")
