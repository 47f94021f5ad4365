"""`ntag424-service`: serve, prepare and look after the service."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ntag424 import Generation, Uid
from ntag424.errors import LedgerError, UnknownTagError
from ntag424.replay import Enrolment, TagLedger, TagRecord, TagState
from ntag424_service.api.sample import sample_document
from ntag424_service.assembly import find_served
from ntag424_service.cli.backup import backup
from ntag424_service.cli.demo import run_demo
from ntag424_service.cli.import_list import ImportReport, import_list
from ntag424_service.cli.move import move
from ntag424_service.cli.recover import recover
from ntag424_service.errors import (
    CopyError,
    ListRefusedError,
    MoveError,
    NotServedError,
    SettingsError,
)
from ntag424_service.exits import Exit
from ntag424_service.operations.log import configure_logging
from ntag424_service.server.serve import run_service
from ntag424_service.settings import load_settings
from ntag424_service.storage.preparation import draw_credential, initialise, migrate_store
from ntag424_service.storage.stores import open_store, take_up_store
from ntag424_service.tags.signed_list import Signer, read_signed_list

T = TypeVar("T")

_ERASED_HINT = "Only an enrolment in a higher generation brings it back: provision it again."


@unique
class _State(StrEnum):
    """The states of a tag that can be set by hand."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"


def _uid(text: str) -> Uid:
    try:
        return Uid.from_hex(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


_Tag = Annotated[Uid, typer.Argument(parser=_uid, metavar="UID", help="14 hex digits.")]
_Byte = typer.Option(min=0, max=255)

cli = typer.Typer(
    help="Exchange NTAG 424 DNA taps for sessions. Settings: environment variables NTAG424_*.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # tracebacks with local variables would show keys
)
for command in (move, backup, recover):
    cli.command()(command)


@cli.command()
def serve() -> None:
    """Serve until interrupted. Refuses to start on anything missing or unsafe."""
    configure_logging()
    run_service(load_settings())


@cli.command()
def init(
    *,
    new_keyring: Annotated[
        bool, typer.Option("--new-keyring", help="Also draw a master key into a new keyring file.")
    ] = False,
    uid_digests: Annotated[
        bool,
        typer.Option("--uid-digests", help="Name tags in the ledger by keyed digests of UIDs."),
    ] = False,
) -> None:
    """Make the store, the identity file and the witness, and never overwrite any."""
    settings = load_settings()
    for line in initialise(settings, new_keyring=new_keyring, uid_digests=uid_digests):
        typer.echo(line)


@cli.command()
def migrate() -> None:
    """Bring the store of an older release up to date. Stop the service first."""
    for line in migrate_store(load_settings()):
        typer.echo(line)


@cli.command()
def enrol(
    uid: _Tag,
    key_version: Annotated[int, _Byte] = 1,
    epoch: Annotated[int, _Byte] = 0,
    counter: Annotated[int, typer.Option(min=0, max=0xFFFFFF, help="Taps up to it are used.")] = 0,
) -> None:
    """Accept taps of a tag from now on, in this generation."""
    generation = Generation(key_version, epoch)

    if (served := find_served(load_settings())) is not None:
        served.require(Enrolment(uid, generation, counter))

    async def enrol(ledger: TagLedger) -> TagRecord | None:
        """Enrol the tag, and read its record back."""
        await ledger.enrol(uid, generation, counter)
        return await ledger.find(uid)

    record = _with_ledger(enrol)
    # Taps that opened the record may have used more than was asked for.
    used = counter if record is None else record.counter
    typer.echo(f"{uid} enrolled: key version {key_version}, epoch {epoch}, counter {used}")


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `ntag424 tags export --signed` wrote.")],
    signer: Annotated[
        str, typer.Option(metavar="HEX|FILE", help="Who must have signed it: `tags signer` there.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Enrol every tag of a signed list; importing it again does no harm."""
    tags = read_signed_list(file, Signer.read(signer))
    served = find_served(load_settings())
    report = _with_ledger(lambda ledger: import_list(ledger, tags, served))
    _print_report(report, as_json=as_json)
    if report.stale or report.not_served:
        raise typer.Exit(Exit.FAILED)


@cli.command("enrolment-credential")
def enrolment_credential(
    out: Annotated[Path, typer.Option(help="File for whoever writes tags; it must not exist.")],
) -> None:
    """Draw the credential for `POST /v1/tags`; the service keeps its digest alone."""
    for line in draw_credential(load_settings(), out):
        typer.echo(line)


@cli.command()
def state(uid: _Tag, new_state: Annotated[_State, typer.Argument(metavar="STATE")]) -> None:
    """Set a tag active, suspended or erased; its sessions end unless it is active."""
    wanted = TagState(new_state.value)

    async def change(ledger: TagLedger) -> None:
        """Set it, and say of an erased tag what can still be done."""
        record = await ledger.find(uid)
        if record is None or record.state is not TagState.ERASED:
            await ledger.set_state(uid, wanted)
        elif wanted is not TagState.ERASED:
            raise UnknownTagError(f"tag {uid} was erased", hint=_ERASED_HINT)

    _with_ledger(change)
    typer.echo(f"{uid} {new_state.value}")


@cli.command()
def show(uid: _Tag) -> None:
    """Print what the store knows of a tag, as JSON."""
    record = _with_ledger(lambda ledger: ledger.find(uid))
    if record is None:
        typer.echo(f"error: there is no tag {uid}", err=True)
        raise typer.Exit(Exit.FAILED)
    typer.echo(json.dumps(_members(record)))


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document, with the SENTRY routes switched on."""
    typer.echo(json.dumps(sample_document(), indent=2))


@cli.command()
def demo() -> None:
    """Serve on this machine with one simulated tag, and tap it from the keyboard."""
    raise typer.Exit(run_demo())


def _members(record: TagRecord) -> dict[str, str | int]:
    return {
        "uid": str(record.uid),
        "key_version": record.generation.key_version,
        "epoch": record.generation.epoch,
        "counter": record.counter,
        "state": record.state.value,
        "enrolled": record.enrolled,
        "behind": record.behind,
    }


def _print_report(report: ImportReport, *, as_json: bool) -> None:
    counts = {"enrolled": report.enrolled, "already": report.already}
    if as_json:
        stale = [_members(tag) for tag in report.stale]
        not_served = [str(refusal.uid) for refusal in report.not_served]
        typer.echo(json.dumps({**counts, "stale": stale, "not_served": not_served}))
    else:
        counts |= {"stale": len(report.stale), "not served": len(report.not_served)}
        typer.echo(", ".join(f"{name} {number}" for name, number in counts.items()))
    for tag in report.stale:
        known = f"key version {tag.generation.key_version}, epoch {tag.generation.epoch}"
        typer.echo(f"stale: {tag.uid} is known with {known}, counter {tag.counter}", err=True)
    for refusal in report.not_served:
        typer.echo(f"not served: {refusal}", err=True)


def _with_ledger(ask: Callable[[TagLedger], Awaitable[T]]) -> T:
    async def run() -> T:
        settings = load_settings()
        await take_up_store(settings)
        _, ledger = open_store(settings)
        try:
            return await ask(ledger)
        finally:
            await ledger.aclose()

    return asyncio.run(run())


def main() -> None:
    """Run the command line; expected failures are one line and a hint, without traceback."""
    try:
        cli()
    except SettingsError as error:
        sys.exit(_report(error, error.hint, Exit.SETTINGS))
    except (CopyError, ListRefusedError, MoveError, NotServedError, LedgerError) as error:
        sys.exit(_report(error, error.hint, Exit.FAILED))


def _report(error: Exception, hint: str, code: Exit) -> Exit:
    typer.echo(f"error: {error}\nhint: {hint}", err=True)
    return code
