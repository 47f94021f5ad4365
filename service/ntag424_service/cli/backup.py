"""`ntag424-service backup`: the ledger goes into one file, while the service runs."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import typer

from ntag424_service.exits import Exit
from ntag424_service.operations.backup import back_up
from ntag424_service.settings import load_settings
from ntag424_service.storage.stores import find_store, read_identity

_SECONDS = 2.0


def backup(
    file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Copy the ledger into FILE, while the service runs; to use it, see `recover`."""
    settings = load_settings()
    store, store_id = find_store(settings), read_identity(settings).store_id
    try:
        tags = asyncio.run(back_up(store, store_id, file, _Progress()))
    except KeyboardInterrupt:
        typer.echo("interrupted: no file was made", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps({"tags": tags}))
    else:
        typer.echo(f"{tags} tags in {file}; keep identity and keyring elsewhere, they are secret")


class _Progress:
    """Says how far a copy is, on stderr, now and then."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """See `Tell`."""
        if time.monotonic() - self._told > _SECONDS:
            self._told = time.monotonic()
            typer.echo(f"copied {done} of about {total} tags", err=True)
