"""`ntag424-service move`: what is said while a ledger moves."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated

import typer

from ntag424.errors import StoreUrlError
from ntag424.replay import LedgerStore, store_at
from ntag424_service.exits import Exit
from ntag424_service.operations.move import Progress, Step
from ntag424_service.operations.move import move as move_ledger
from ntag424_service.settings import load_settings
from ntag424_service.storage.stores import read_identity

_SECONDS = 2.0
_SENTENCES = {
    Step.READY: "the ledger to move to is ready to be filled",
    Step.LEAVING: "the ledger to move from accepts nothing: services on it answer 503 from now on",
    Step.VERIFIED: "verified: every tag arrived",
    Step.SERVING: "the ledger that was moved to is serving",
}


def _store(url: str) -> LedgerStore:
    try:
        return store_at(url)
    except StoreUrlError as error:
        raise typer.BadParameter(f"{error}. {error.hint}") from None


def move(
    source: Annotated[
        LedgerStore,
        typer.Option("--from", parser=_store, metavar="URL", help="The store that serves now."),
    ],
    target: Annotated[
        LedgerStore,
        typer.Option("--to", parser=_store, metavar="URL", help="Where nothing is yet."),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Move the ledger into another store; run it again if it was cut off."""
    store_id = read_identity(load_settings()).store_id
    try:
        tags = asyncio.run(move_ledger(source, target, store_id, Narrator()))
    except KeyboardInterrupt:
        text = "interrupted: run the same command again, it goes on where this one ended"
        typer.echo(text, err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps({"moved": tags is not None, "tags": tags}))
    elif tags is None:
        typer.echo("nothing to do: the move has finished")
    else:
        typer.echo(f"moved {tags} tags: set NTAG424_STORE to where they are, on every machine")


class Narrator:
    """Says how far a move is, on stderr: every step, and now and then a number."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """See `Tell`."""
        if progress.step is not Step.COPIED:
            typer.echo(_SENTENCES[progress.step], err=True)
        elif progress.done == progress.total or time.monotonic() - self._told > _SECONDS:
            self._told = time.monotonic()
            typer.echo(f"copied {progress.done} of about {progress.total} tags", err=True)
