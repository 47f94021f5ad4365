"""The option `--reader` of every command that talks to a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ntag424.errors import ReaderChoiceError
from ntag424.readers import Identify
from ntag424_provisioning.cli.frame import ask, can_ask, say
from ntag424_provisioning.links import (
    Link,
    ReaderName,
    as_option,
    candidates,
    open_link,
    parse_reader,
)

Reader = Annotated[
    str | None,
    typer.Option(
        "--reader",
        envvar="NTAG424_READER",
        metavar="READER",
        help="pcsc:NAME, usb, udp:HOST:PORT or sim:NAME; the only one connected if not given.",
    ),
]


def open_reader(text: str | None, *, identify: Identify | None = None) -> Link:
    """Open the reader that *text* names, else the only one, else the one that is chosen.

    Raises:
        SetupError: *text* names no reader.
        ReaderChoiceError: there is none, or nobody can be asked which.
        ReaderError, TransportError: see `open_link`.

    """
    reader = parse_reader(text) if text else choose(connected())
    return open_link(reader, identify=identify)


def connected() -> list[ReaderName]:
    """Name all readers that are connected.

    Raises:
        ReaderChoiceError: there is none.

    """
    readers = candidates()
    if not readers:
        raise ReaderChoiceError(
            "no reader is connected, or none can be used",
            candidates=(),
            hint='"ntag424 doctor" says why; --reader sim:NAME works without hardware.',
        )
    return readers


def choose(readers: Sequence[ReaderName]) -> ReaderName:
    """Return the only one of *readers*, or the one that the person at the keyboard wants.

    Raises:
        ReaderChoiceError: nobody is there to be asked.

    """
    if len(readers) == 1:
        return readers[0]
    if can_ask():
        for number, reader in enumerate(readers, 1):
            say(f"{number:3}  {as_option(reader)}")
        return _wanted(readers)
    raise _too_many(readers)


def _wanted(readers: Sequence[ReaderName]) -> ReaderName:
    while True:
        number = ask("Which reader, by its number")
        if number.isdecimal() and 1 <= int(number) <= len(readers):
            return readers[int(number) - 1]


def _too_many(readers: Sequence[ReaderName]) -> ReaderChoiceError:
    listed = ", ".join(as_option(reader) for reader in readers)
    names = [str(reader) for reader in readers]
    return ReaderChoiceError(f"there are several readers: {listed}", candidates=names)
