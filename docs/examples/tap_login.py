"""Forty lines that let a tag log in: a keyring, a ledger, and a simulated tag."""

import asyncio
import tempfile
from pathlib import Path

from ntag424 import Generation, Key, Keyring, Uid, UrlTemplate, VerificationError, Verifier
from ntag424.keys import An10922Keys
from ntag424.replay import Accepted, SqliteLedger, TagLedger
from ntag424.testing import tap_source

TEMPLATE = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
KEYS = An10922Keys(Key.from_hex("00112233445566778899AABBCCDDEEFF"), system_id=b"doors")
VERIFIER = Verifier(TEMPLATE, Keyring.single(KEYS))
LIFE = Generation(key_version=1, epoch=1)


async def log_in(url: str, ledger: TagLedger) -> str:
    """Say who may come in by this URL, if anybody."""
    try:
        tap = VERIFIER.verify(url)
        verdict = await ledger.redeem(tap.counted())
    except VerificationError as error:
        return f"no: {error}"
    return f"welcome {tap.uid}" if isinstance(verdict, Accepted) else "no: used before"


async def main(path: Path) -> None:
    """Enrol a tag by its first tap, and tap it on."""
    ledger = SqliteLedger.open(path, store_id=SqliteLedger.init(path))
    phone = tap_source(TEMPLATE, KEYS, Uid.from_hex("04DE5F1EACC040"), generation=LIFE)
    first = VERIFIER.verify(phone.tap())
    await ledger.enrol(first.uid, first.generation, first.read_counter or 0)
    url = phone.tap()
    for tried in (url, url, url.replace("k=0101", "k=0102"), "https://id.example.com/t"):
        print(await log_in(tried, ledger))
    await ledger.aclose()


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(Path(folder) / "ledger.db"))
