"""A service's share of clients, in a process of its own.

Usage: client_process.py URL STORE_ID CLIENTS

For every counter read, all clients redeem that tap at once; the verdicts are counted and told.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import store_at
from ntag424.sdm import CountedTap

UID = Uid.from_hex("04A1B2C3D4E5F6")
NOW = Generation(1, 2)


async def verdict(ledger, counter):
    """Name what came of a redemption."""
    try:
        return type(await ledger.redeem(CountedTap(UID, NOW, counter))).__name__
    except LedgerUnavailableError as error:
        return type(error).__name__


async def main(url, store_id, clients):
    # Should the one who started us hang, end all the same.
    signal.alarm(120)
    ledger = store_at(url).open(store_id, deadline=60)
    await ledger.check()
    print("ready", flush=True)  # noqa: T201
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        calls = (verdict(ledger, int(line)) for _ in range(int(clients)))
        print(json.dumps(Counter(await asyncio.gather(*calls))), flush=True)  # noqa: T201
    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
