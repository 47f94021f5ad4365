"""`ntag424 sim`: tags made of software, for trying everything without hardware."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated

import typer

from ntag424 import Uid
from ntag424.ndef import read_uri
from ntag424_provisioning import sim as simulated
from ntag424_provisioning.cli.frame import Json, group, say, tell
from ntag424_provisioning.errors import RefusedError, SetupError

app = group("Make and use simulated tags; --reader sim:NAME is a reader with one on it.")

_NXP = b"\x04"
_VPCD_PORT = 35963

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, dash, underscore.")]
_Names = Annotated[str, typer.Argument(metavar="NAME", help="A name, or a pattern with * and ?.")]


@app.command()
def new(
    name: _Name,
    *,
    uid: Annotated[str | None, typer.Option(metavar="HEX", help="14 hex digits.")] = None,
    tamper: Annotated[bool, typer.Option("--tamper", help="With a tamper loop.")] = False,
    count: Annotated[
        int | None, typer.Option(min=1, max=9999, help="Make NAME-0001, NAME-0002 and so on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a tag as NXP delivers it, with another UID each time.

    It has no originality signature, because only NXP can sign: to "ntag424 provision" such
    a tag is not genuine, and is refused without --any-chip.
    """
    if uid is not None and count is not None:
        raise SetupError("one UID is not enough for several tags", "Leave out --uid or --count.")
    names = [name] if count is None else [f"{name}-{n:04}" for n in range(1, count + 1)]
    shelf = simulated.Shelf()
    if taken := sorted(set(names) & set(shelf.names())):
        hint = "Choose another name, or remove them: ntag424 sim remove."
        raise SetupError(f"there are simulated tags of this name already: {taken[0]}", hint)
    for each in names:
        octets = _random_uid() if uid is None else _uid(uid)
        shelf.make(each, octets, with_tamper_loop=tamper)
        tell({"name": each, "uid": str(octets)}, f"{each}  {octets}", as_json=as_json)


@app.command("list")
def list_tags(*, as_json: Json = False) -> None:
    """List the tags there are."""
    shelf = simulated.Shelf()
    for name in shelf.names():
        facts = shelf.facts(name)
        counter = facts["read_counter"]
        tell(facts, f"{name}  {facts['uid']}  counter {counter}", as_json=as_json)


@app.command()
def show(name: _Name, *, as_json: Json = False) -> None:
    """Show what a tag is like, without its keys."""
    facts = simulated.Shelf().facts(name)
    tell(facts, "\n".join(_lines(facts)), as_json=as_json)


@app.command()
def tap(name: _Name, *, as_json: Json = False) -> None:
    """Hold a tag to a phone once, and print the URL that the phone opens."""
    with simulated.Shelf().take(name) as taken:
        try:
            url = read_uri(taken.tag.tap())
        except ValueError as error:
            raise RefusedError(f"the simulated tag {name!r} cannot be read: {error}") from error
    if url is None:
        hint = f"Write one to it: ntag424 provision --reader sim:{name}."
        raise RefusedError(f"there is no URL on the simulated tag {name!r}", hint)
    tell({"name": name, "url": url}, url, as_json=as_json)


@app.command()
def serve(
    name: _Name,
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of vpcd, the virtual reader of pcscd.")
    ] = _VPCD_PORT,
    udp: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="For nfcpy instead; 0 is any free port."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lay a tag on a reader of pcscd's, or of nfcpy's, until Ctrl-C."""

    def announce(place: str) -> None:
        tell({"name": name, "place": place}, f"{name} is at {place}", as_json=as_json)

    with simulated.Shelf().take(name) as taken:
        try:
            if udp is None:
                simulated.serve_to_pcscd(taken, port, announce)
            simulated.serve_to_nfcpy(taken, udp, announce)
        except KeyboardInterrupt:
            say(f"{name} is taken away again.")


@app.command()
def tear(
    name: _Name,
    *,
    at: Annotated[int, typer.Option(min=0, metavar="K", help="At this command, counted from 0.")],
    executed: Annotated[
        bool,
        typer.Option("--executed/--not-executed", help="Whether the tag still carries it out."),
    ] = False,
) -> None:
    """Have a tag taken from the reader once, at a command to come.

    Commands are counted from when the tag is laid down. The tag is back at once, as if
    it had been laid back. That it was torn away is forgotten once it has happened.
    """
    simulated.Shelf().arm(name, simulated.Tear(at, executed))


@app.command()
def remove(name: _Names) -> None:
    """Destroy tags."""
    shelf = simulated.Shelf()
    for each in shelf.names(name) or [name]:
        shelf.remove(each)


def _random_uid() -> Uid:
    return Uid(_NXP + secrets.token_bytes(6))


def _uid(text: str) -> Uid:
    try:
        return Uid.from_hex(text)
    except ValueError as error:
        raise SetupError(str(error), "It begins with 04, as NXP's do.") from error


def _lines(facts: Mapping[str, object]) -> list[str]:
    return [f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in facts.items()]


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(str(each) for each in value)
        case dict():
            return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
        case _:
            return str(value)
