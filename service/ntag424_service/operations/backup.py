"""A copy of a ledger in one file, made while the service runs."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias

from ntag424.errors import LedgerError
from ntag424.replay import LedgerArchive, LedgerStore, Phase, SqliteStore
from ntag424_service.errors import CopyError

#: Told how many tags were copied, and about how many there are.
Tell: TypeAlias = Callable[[int, int], None]


async def back_up(store: LedgerStore, store_id: str, path: Path, tell: Tell) -> int:
    """Copy the ledger called *store_id* into the new file *path*; return how many tags it has.

    The file appears complete or not at all, for its owner alone. It is a SQLite ledger that
    serves only after a recovery: taps go on while it is made, and afterwards.

    Raises:
        CopyError: something is there already, or one of the two could not be used.

    """
    try:
        await asyncio.to_thread(_require_free, path)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
            draft = Path(folder) / "draft.db"
            async with aclosing(await store.archive(store_id)) as origin:
                tags = await _copy(origin, draft, store_id, tell)
            await asyncio.to_thread(_publish, draft, path)
    except LedgerError as error:
        raise CopyError(str(error), error.hint) from error
    except FileExistsError:
        raise CopyError(
            f"{path} exists, and nothing is ever overwritten", "Name a file that does not exist."
        ) from None
    except OSError as error:
        raise CopyError(
            f"{path} cannot be written ({error.strerror})",
            "Check the folder, the room in it, and who may write to it.",
        ) from error
    return tags


async def _copy(origin: LedgerArchive, draft: Path, store_id: str, tell: Tell) -> int:
    target = SqliteStore(draft)
    await target.init(store_id=store_id, phase=Phase.RECOVERING)
    done, total = 0, await origin.count()
    async with aclosing(await target.archive(store_id)) as copy:
        async for records in origin.records():
            await copy.merge(records)
            done += len(records)
            tell(done, max(done, total))
        if await origin.is_incomplete():
            await copy.mark_incomplete()
    return done


def _require_free(path: Path) -> None:
    if path.exists():
        raise FileExistsError


def _publish(draft: Path, path: Path) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.link(draft, path)  # where a rename would overwrite, a link fails
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
