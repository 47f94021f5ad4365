"""A program that uses a ledger and can be killed, or run out of disk, without harm to us.

Usage: ledger_process.py (rounds | count | fill) PATH STORE_ID
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import Grant, SqliteLedger
from ntag424.sdm import CountedTap

UID = Uid.from_hex("04A1B2C3D4E5F6")
NOW = Generation(1, 2)


def tap(counter):
    return CountedTap(UID, NOW, counter)


def grant(counter):
    return Grant(hashlib.sha256(b"%d" % counter).digest(), 3600)


def tell(fact):
    print(json.dumps(fact), flush=True)  # noqa: T201


async def outcome(call):
    """Name what came of a redemption."""
    try:
        return type(await call).__name__
    except LedgerUnavailableError as error:
        return type(error).__name__


async def rounds(ledger, path):
    """Redeem each counter that is read 16 times at once; tell how often which verdict came."""
    tell("ready")
    for line in iter(sys.stdin.readline, ""):
        calls = (outcome(ledger.redeem(tap(int(line)))) for _ in range(16))
        tell(Counter(await asyncio.gather(*calls)))


async def count(ledger, path):
    """Redeem one counter after the other; tell each once it is accepted."""
    counter = (await ledger.find(UID)).counter
    while True:
        counter += 1
        if await outcome(ledger.redeem(tap(counter), grant=grant(counter))) == "Accepted":
            tell(counter)


async def fill(ledger, path):
    """Redeem before, while, and after the files of this process may not grow."""
    used = await outcome(ledger.redeem(tap(1)))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = path.with_name(f"{path.name}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, hard))
    check = await outcome(ledger.check())
    calls = (outcome(ledger.redeem(tap(n), grant=grant(n))) for n in range(2, 66))
    refused = await asyncio.gather(*calls)
    sessions = [await ledger.grant(grant(n).digest) for n in range(2, 66)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    again = await outcome(ledger.redeem(tap(1)))
    fresh = await outcome(ledger.redeem(tap(66)))
    tell(
        {
            "before": used,
            "check": check,
            "while": Counter(refused),
            "sessions": sum(session is not None for session in sessions),
            "after": [again, fresh],
        }
    )


async def main(task, path, store_id):
    # Should the one who started us hang, end all the same.
    signal.alarm(60)
    ledger = SqliteLedger.open(Path(path), store_id=store_id)
    await {"rounds": rounds, "count": count, "fill": fill}[task](ledger, Path(path))
    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
