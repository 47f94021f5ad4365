"""`ntag424-service recover`: a ledger that was restored becomes fit to serve."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, closing
from typing import Annotated

import typer

from ntag424.errors import LedgerError, LedgerWentBackError
from ntag424.replay import LedgerArchive, Phase, Recovery, Witness, begin_recovery, compare
from ntag424.replay import recover as recover_ledger
from ntag424_service.errors import CopyError
from ntag424_service.settings import Settings, load_settings
from ntag424_service.storage.stores import find_store, read_identity
from ntag424_service.storage.witness import make_witness, open_witness, witness_path

_AGAIN = "Run the same command again: it goes on where this one ended."


def recover(
    *,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Even if nothing is missing: the whole machine was restored."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let a restored ledger serve again: no used tap counts, and every tag taps once more."""
    done = asyncio.run(_recover(load_settings(), anyway=anyway))
    if as_json:
        typer.echo(json.dumps({"tags": done.tags, "remembered": done.remembered}))
        return
    typer.echo(f"recovered: {done.tags} tags, {done.remembered} of them remembered here")
    typer.echo("The next tap of each tag earns no session and is answered: tap again.")
    typer.echo("Lost are states and enrolments from after the copy: suspend and enrol again.")
    typer.echo("Now restart the service, on every machine.")


async def _recover(settings: Settings, *, anyway: bool) -> Recovery:
    store, store_id = find_store(settings), read_identity(settings).store_id
    try:
        async with aclosing(await store.archive(store_id)) as archive:
            unknown = not await asyncio.to_thread(witness_path(settings).exists)
            if unknown:
                # Before the witness is there: a copy must not look like a ledger that it knows.
                await begin_recovery(archive)
                make_witness(settings, store_id)
            with closing(open_witness(settings, store_id)) as witness:
                if not (anyway or unknown or await _is_needed(archive, witness)):
                    raise CopyError(
                        "the ledger is as far as this machine knows it: nothing to recover",
                        "If all of the machine was restored, say so: recover --anyway.",
                    )
                return await recover_ledger(archive, witness)
    except LedgerError as error:
        raise CopyError(str(error), error.hint or _AGAIN) from error


async def _is_needed(archive: LedgerArchive, witness: Witness) -> bool:
    if await archive.phase() is Phase.RECOVERING:
        return True
    try:
        await compare(archive, witness)
    except LedgerWentBackError:
        return True
    return False
