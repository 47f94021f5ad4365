"""What a failover leaves of the taps that were acknowledged before it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ntag424.errors import LedgerUnavailableError
from ntag424.model import Generation, Uid
from ntag424.replay import Accepted
from ntag424.sdm import CountedTap
from tests.contracts.conftest import STORE_ID
from tests.contracts.waiting import until_it_serves

NOW = Generation(1, 2)
UIDS = [Uid(b"\x04" + number.to_bytes(6, "big")) for number in range(16)]
#: How long the standby gets nothing before the primary dies.
PARTITION_SECONDS = 0.2


@dataclass
class Tapping:
    """People who tap one after the other, for as long as they are let."""

    ledger: object
    #: By tag: the counter that was handed in last, and the last that was acknowledged.
    handed_in: dict
    acknowledged: dict = field(default_factory=dict)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    async def keep_tapping(self, uid):
        while not self.over:
            counter = self.handed_in[uid] = self.handed_in[uid] + 1
            try:
                verdict = await self.ledger.redeem(CountedTap(uid, NOW, counter))
            except LedgerUnavailableError:  # nothing else is raised, whatever happens
                await asyncio.sleep(0.01)  # as a person would: the server is down
                continue
            assert verdict == Accepted()
            self.acknowledged[uid] = counter
            self.begun.set()

    async def run_until(self, disaster):
        """Tap until *disaster* is over; it begins when everybody taps."""
        people = [asyncio.ensure_future(self.keep_tapping(uid)) for uid in self.handed_in]
        await self.begun.wait()
        await disaster()
        self.over = True
        await asyncio.gather(*people)


async def enrol_everybody(store):
    """Expect taps of all tags; nobody handed in any yet."""
    ledger = store.open(STORE_ID)
    for uid in UIDS:
        await ledger.enrol(uid, NOW, 0)
    await ledger.aclose()
    return dict.fromkeys(UIDS, 0)


async def acknowledged_and_lost(store, tapping):
    """Hand in, at a node that remembers nothing, the last tap acknowledged of each tag."""
    ledger = store.open(STORE_ID)
    try:
        await until_it_serves(ledger)
        again = [
            await ledger.redeem(CountedTap(uid, NOW, counter))
            for uid, counter in tapping.acknowledged.items()
        ]
    finally:
        await ledger.aclose()
    return again.count(Accepted())
