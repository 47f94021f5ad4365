"""The application in this process, on a real ledger, with tags to tap."""

from __future__ import annotations

import hashlib
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from ntag424_service.app import Parts, create_app
from ntag424_service.guards.failure_limits import FailureLimits
from ntag424_service.guards.penalties import Allowance
from ntag424_service.sentry.exchange import SentryExchange
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings
from ntag424_service.tags.enrolment import EnrolmentCredential

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion, Uid, UrlTemplate, Verifier
from ntag424.keys import An10922Keys, HkdfKeys
from ntag424.replay import SqliteLedger
from ntag424.testing import TapSource, tap_source
from tests.service.asking import JSON, Answer, ask, tap_body

TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"
UID = Uid.from_hex("04DE5F1EACC040")
NONCE = "5f0c1d2e3b4a59687786a5b4c3d2e1f0"
OTHER_NONCE = "00112233445566778899aabbccddeeff"
SESSION_KEY = bytes.fromhex("C0FFEE") + bytes(range(29))

#: Ordinals 1 to 3: accepting, active, retired; two schemes.
OLD = An10922Keys(Key.from_hex("0123456789ABCDEF0123456789ABCDEF"))
PRESENT = HkdfKeys(Key.from_hex("8899AABBCCDDEEFF0011223344556677"), salt=b"test")
RETIRED = An10922Keys(Key.from_hex("FEDCBA9876543210FEDCBA9876543210"), system_id=b"third")
KEYRING = Keyring(
    (
        KeyVersion(1, OLD, KeyState.ACCEPTING),
        KeyVersion(2, PRESENT, KeyState.ACTIVE),
        KeyVersion(3, RETIRED, KeyState.RETIRED),
    )
)
SCHEMES = {1: OLD, 2: PRESENT, 3: RETIRED}
PRESENT_GENERATION = Generation(key_version=2, epoch=2)


class HandClock:
    """A `Clock` that stands still until it is moved."""

    def __init__(self) -> None:
        self.boot_id = "this run of the machine"
        self.milliseconds = 1_000_000
        self.unix_seconds = 1_800_000_000

    def uptime_ms(self) -> int:
        return self.milliseconds

    def wall(self) -> int:
        return self.unix_seconds

    def pass_seconds(self, seconds: float) -> None:
        self.milliseconds += int(1000 * seconds)
        self.unix_seconds += int(seconds)


@dataclass(frozen=True, slots=True)
class House:
    """One service: application, ledger and the file under it."""

    app: Any
    ledger: SqliteLedger
    store: Path
    tokens: SessionTokens

    async def ask(self, method: str, path: str, **request: Any) -> Answer:
        return await ask(self.app, method, path, **request)

    async def post_tap(self, url: str, nonce: str | None = None) -> Answer:
        return await self.ask("POST", "/v1/taps", body=tap_body(url, nonce), headers=JSON)

    async def look_up(self, authorization: str | None) -> Answer:
        """Ask for the session of a token."""
        headers = {} if authorization is None else {"authorization": authorization}
        return await self.ask("GET", "/v1/session", headers=headers)

    @staticmethod
    def digest(token: str) -> bytes:
        """Give the name under which a ledger knows a token's session."""
        place = urlsafe_b64decode(token[:4])[:2]
        return (place + hashlib.sha256(token.encode("ascii")).digest())[:32]

    def contents(self) -> Mapping[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with closing(sqlite3.connect(self.store)) as db:
            tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            return {
                name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
                for (name,) in tables
            }


def build_house(
    folder: Path,
    *,
    template: str = TEMPLATE,
    keyring: Keyring = KEYRING,
    sentry: SentryExchange | None = None,
    credential: str | None = None,
    clock: HandClock | None = None,
    limits: FailureLimits | None = None,
    **settings: Any,
) -> House:
    """Build the service on a new ledger in *folder*; close the ledger afterwards."""
    store = folder / "ledger.db"
    store_id = SqliteLedger.init(store)
    ledger = SqliteLedger.open(store, store_id=store_id, clock=clock, deadline=60)
    tokens = SessionTokens(SESSION_KEY, store_id)
    verifier = Verifier(UrlTemplate(template), keyring)
    enrolment = None
    if credential is not None:
        enrolment = EnrolmentCredential(hashlib.sha256(credential.encode()).digest())
    parts = Parts(verifier, ledger, tokens, sentry, enrolment, limits or FailureLimits())
    return House(create_app(Settings(**settings), parts), ledger, store, tokens)


def no_limits() -> FailureLimits:
    """Let one source fail as often as a test of many refusals has it fail."""
    plenty = Allowance(burst=10**9, interval=1)
    return FailureLimits(per_source=plenty, per_tag=plenty)


def tag(
    uid: Uid = UID,
    *,
    key_version: int = 2,
    epoch: int = 2,
    template: str = TEMPLATE,
    read_counter: int = 0,
) -> TapSource:
    """Write a simulated tag with the keys of one version of `KEYRING`."""
    return tap_source(
        UrlTemplate(template),
        SCHEMES[key_version],
        uid,
        generation=Generation(key_version, epoch),
        read_counter=read_counter,
    )


def sdm_mac(key: bytes, uid: bytes, counter: int) -> str:
    """Compute SDMMAC over the empty text by hand (AN12196 section 3.4), 16 hex digits."""
    vector = bytes.fromhex("3CC300010080") + uid + counter.to_bytes(3, "little")
    session_key = CMAC.new(key, vector, ciphermod=AES).digest()
    return CMAC.new(session_key, b"", ciphermod=AES).digest()[1::2].hex().upper()


def url_by_hand(counter: int, *, uid: Uid = UID, picc_tag: int = 0xC7) -> str:
    """Write a URL of the present generation that no chip would send, with a valid MAC."""
    scheme, (version, epoch) = PRESENT, bytes(PRESENT_GENERATION)
    plain = bytes([picc_tag]) + uid + counter.to_bytes(3, "little") + b"noise"
    picc = AES.new(bytes(scheme.meta_read_key()), AES.MODE_ECB).encrypt(plain).hex().upper()
    mac = sdm_mac(bytes(scheme.tag_key(uid, 2, epoch)), uid, counter)
    return f"https://id.example.com/t#k={version:02X}{epoch:02X}&p={picc}&m={mac}"
