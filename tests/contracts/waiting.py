"""Waiting for a ledger whose servers were in trouble."""

from __future__ import annotations

import asyncio

from ntag424.errors import LedgerUnavailableError


async def until_it_serves(ledger):
    """Ask until the ledger is at it again: nothing tells when."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await ledger.check()
            except LedgerUnavailableError:
                await asyncio.sleep(0.01)
