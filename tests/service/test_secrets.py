"""Nothing secret is written anywhere: logs, screens, reprs and tracebacks are searched for it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import traceback
from dataclasses import dataclass

import pytest
from ntag424_service.assembly import assemble
from ntag424_service.errors import TapRefusedError
from ntag424_service.sentry.exchange import SentryAccounts
from ntag424_service.sessions.tokens import digest
from ntag424_service.settings import load_settings
from ntag424_service.taps.exchange import Session, TapExchange

from ntag424 import Key, Uid, UrlTemplate
from ntag424.errors import LedgerUnavailableError
from ntag424.keys import SentryEv2Keys, StaticKeys
from ntag424.replay import Grant
from ntag424.testing import tap_source
from tests.service.asking import JSON, Wire
from tests.service.house import NONCE, OTHER_NONCE
from tests.service.running import serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04CA4A12E5CA7E")
SENTRY_UID = Uid.from_hex("04CA4A12E5CA7F")
SENTRY_MASTER = bytes.fromhex("CA4A12E5CA4A12E5CA4A12E5CA4A12E5")
ACCOUNT_KEY = bytes.fromhex("FEE1DEAD" * 8)
SENTRY_PATH = "/api/v1/auth/sdm/exchange"
#: Who asks does not matter here.
NOBODY = {"source": b"", "named_uid": lambda: None}
SENTRY_TEMPLATE = UrlTemplate("https://sentry.red/t?uid={uid}&sdmcounter={ctr}&sdmmac={mac}")


def forms(secret):
    """Give every way in which bytes get into a text, in lower case."""
    plain = base64.b64encode(secret).decode()
    return {
        form.lower().strip("=")
        for form in (
            secret.hex(),
            secret.hex(" "),
            plain,
            base64.urlsafe_b64encode(secret).decode(),
            repr(secret)[2:-1],
            str(list(secret))[1:-1],
            str(int.from_bytes(secret, "big")),
        )
    }


def assert_silent(text, secrets):
    """See that no form of any secret is in *text*."""
    text = text.lower()
    found = [name for name, secret in secrets.items() if any(f in text for f in forms(secret))]
    assert found == []


def test_the_search_finds_a_secret_in_each_form():
    secret = bytes(range(200, 216))
    for form in forms(secret):
        with pytest.raises(AssertionError):
            assert_silent(f"before {form.upper()} after", {"it": secret})


# ---- the real service, with taps of every outcome -------------------------------------------


@dataclass
class Story:
    """What was sent, what came back, and what the service wrote meanwhile."""

    outcomes: list[str]
    secrets: dict[str, bytes]
    urls: list[str]
    stdout: str
    stderr: str

    @property
    def events(self):
        lines = [line for line in self.stderr.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    @property
    def taps(self):
        return [event for event in self.events if event["event"] == "tap"]


def url_parts(url):
    """Give the secrets of one tap URL: encrypted identity and MAC."""
    return {part: bytes.fromhex(part) for part in re.findall(r"=([0-9A-F]{16,32})\b", url)}


@pytest.fixture(scope="module")
def site(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets") / "installation"
    keyring, account = folder / "sentry.toml", folder / "account.key"
    site = prepared.copied_to(
        folder,
        NTAG424_SENTRY_KEYRING_FILE=str(keyring),
        NTAG424_SENTRY_ACCOUNT_KEY_FILE=str(account),
    )
    text = '[[version]]\nordinal = 1\nscheme = "sentry-ev2"\n'
    keyring.write_text(f'{text}master_key = "{SENTRY_MASTER.hex()}"\n')
    account.write_text(ACCOUNT_KEY.hex())
    for path in (keyring, account):
        path.chmod(0o600)
    return site


@pytest.fixture(scope="module")
async def story(anyio_backend, site):
    await site.enrol(UID)
    phone = site.tag(UID)
    keys = SentryEv2Keys(Key(SENTRY_MASTER))
    sentry_key = keys.tag_key(SENTRY_UID, 2)
    sentry_phone = tap_source(SENTRY_TEMPLATE, StaticKeys(file_read=sentry_key), SENTRY_UID)
    first, second, sentry_url = phone.tap(), phone.tap(), sentry_phone.tap()
    uid, counter, mac = re.findall(r"=([0-9A-F]+)", sentry_url)
    sentry_tap = {"uid": uid, "sdmcounter": counter, "sdmmac": mac, "nonce": NONCE}
    tokens = []
    with serving(site) as service:
        wire = await Wire.open(service.port)

        async def post(url, nonce=None):
            answer = await wire.post_tap(url, nonce)
            tokens.extend(re.findall(r'"session":"([^"]+)"', answer.body.decode()))

        async def post_sentry():
            answer = await wire.ask("POST", SENTRY_PATH, json.dumps(sentry_tap).encode(), JSON)
            names = '"(?:session|account_token)":"([^"]+)"'
            tokens.extend(re.findall(names, answer.body.decode()))

        await post(first, NONCE)
        await post(first, NONCE)
        await post(first, OTHER_NONCE)
        await post(second[:-1] + f"{int(second[-1], 16) ^ 1:X}", OTHER_NONCE)
        await post(second + "0", NONCE)
        await post_sentry()
        await post_sentry()
        for token in (tokens[0], tokens[0][::-1]):
            await wire.ask("GET", "/v1/session", headers={"authorization": f"Bearer {token}"})
        await wire.ask("GET", f"/t?{first.partition('#')[2]}")
        await wire.ask("GET", f"/nowhere?{first.partition('#')[2]}")
        copy = site.folder / "copy"
        shutil.copyfile(site.store, copy)
        copy.replace(site.store)
        await post(second, NONCE)
        await post_sentry()
        await wire.aclose()
    assert len(tokens) == 4  # the first one twice, and one account with its session
    master = site.keyring.active.scheme
    secrets = {
        "master key": bytes(master.master),
        "meta-read key": bytes(master.meta_read_key()),
        "file-read key": bytes(master.tag_key(UID, 2, 1)),
        "session key": site.identity.session_key,
        "SENTRY master key": SENTRY_MASTER,
        "SENTRY tag key": bytes(sentry_key),
        "account key": ACCOUNT_KEY,
        "nonce": bytes.fromhex(NONCE),
        "other nonce": bytes.fromhex(OTHER_NONCE),
        "UID": UID,
        "SENTRY UID": SENTRY_UID,
        "SENTRY MAC": bytes.fromhex(mac),
    }
    for token in tokens:
        secrets[f"token {token}"] = base64.urlsafe_b64decode(token + "==")
    for url in (first, second):
        secrets |= url_parts(url)
    outcomes = ["accepted", "repeated", "replayed", "not_verified", "malformed"]
    outcomes += ["accepted", "replayed", "unavailable", "unavailable"]
    return Story(outcomes, secrets, [first, second], str(service.stdout), str(service.stderr))


async def test_every_tap_leaves_one_line_with_its_outcome(story):
    assert [event["outcome"] for event in story.taps] == story.outcomes


async def test_a_line_has_these_members_and_no_other(story):
    always = {"event", "level", "timestamp", "outcome", "duration_ms"}
    known = always | {"tag", "counter", "key_version", "epoch"}
    members = {event["outcome"]: set(event) for event in story.taps}
    assert members == {
        outcome: always if outcome in {"malformed", "not_verified"} else known
        for outcome in story.outcomes
    }


async def test_trouble_with_the_store_is_told_with_its_reason(story):
    reasons = [event for event in story.events if event["event"] == "store unavailable"]
    assert len(reasons) == 2
    assert all("replaced" in event["reason"] for event in reasons)


async def test_the_logs_hold_no_secret(story):
    assert_silent(story.stderr, story.secrets)


async def test_the_logs_hold_no_url_and_no_path(story):
    for part in ("https://id", "/t?", "&p=", "k=01", "/nowhere", "Bearer", "sdmmac"):
        assert part not in story.stderr


async def test_nothing_is_written_to_standard_output(story):
    assert story.stdout == ""


async def test_nothing_secret_is_stored_in_the_ledger(story, site):
    """Tokens, nonces and keys are not even in the file, its log or the one replaced."""
    stored = b"".join(path.read_bytes() for path in site.folder.glob("ledger.db*"))
    stored += (site.folder / "ledger.db").read_bytes()
    found = [
        name
        for name, secret in story.secrets.items()
        if name not in {"UID", "SENTRY UID"}
        and (secret in stored or secret.hex().encode() in stored)
    ]
    assert found == []
    assert UID in stored


# ---- objects --------------------------------------------------------------------------------


@pytest.fixture
async def parts(anyio_backend, site, monkeypatch, tmp_path):
    """Assemble the service from the real files, as `serve` does."""
    twin = site.copied_to(tmp_path / "twin", **site.extra)
    for name, value in twin.settings.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    parts = assemble(settings)
    yield settings, parts, twin
    await parts.ledger.aclose()


def key_secrets(site):
    scheme = site.keyring.active.scheme
    return {
        "master key": bytes(scheme.master),
        "meta-read key": bytes(scheme.meta_read_key()),
        "session key": site.identity.session_key,
        "SENTRY master key": SENTRY_MASTER,
        "account key": ACCOUNT_KEY,
    }


async def test_no_object_shows_a_key(parts):
    settings, made, site = parts
    exchange = TapExchange(made.ledger, made.tokens, made.limits, lifetime=300)
    objects = [
        settings,
        made,
        made.verifier,
        made.tokens,
        made.sentry,
        made.sentry.keyring,
        made.sentry.accounts,
        site.identity,
        site.keyring,
        list(site.keyring),
        site.keyring.active.scheme,
        site.keyring.active.scheme.master,
        exchange,
        vars(exchange),
        made.ledger,
    ]
    for shown in objects:
        assert_silent(f"{shown!r} {shown}", key_secrets(site))


async def test_no_session_or_account_shows_its_token(parts):
    _, made, site = parts
    verified = made.verifier.verify(site.tag(UID).tap())
    nonce = bytes.fromhex(NONCE)
    token = made.tokens.token(verified.counted(), nonce)
    account = SentryAccounts(ACCOUNT_KEY).account(UID)
    session = Session(token, 0, "subject", verified.counted())
    grant = Grant(digest(token), 300)
    secrets = {
        "token": base64.urlsafe_b64decode(token + "=="),
        "account token": base64.urlsafe_b64decode(account.account_token + "="),
        "digest": digest(token),
    }
    assert_silent(f"{session!r} {account!r} {grant!r}", secrets)


async def test_an_error_of_the_store_and_its_traceback_show_no_secret(parts):
    _, made, site = parts
    exchange = TapExchange(made.ledger, made.tokens, made.limits, lifetime=300)
    url = site.tag(UID).tap()
    site.store.unlink()
    nonce = bytes.fromhex(NONCE)
    with pytest.raises(TapRefusedError) as refused:
        await exchange.exchange(lambda: made.verifier.verify(url), nonce=nonce, **NOBODY)
    assert isinstance(refused.value.__cause__, LedgerUnavailableError)
    told = "".join(traceback.TracebackException.from_exception(refused.value).format())
    token = made.tokens.token(made.verifier.verify(url).counted(), nonce)
    secrets = key_secrets(site) | url_parts(url) | {"nonce": nonce, "UID": UID}
    assert_silent(told, secrets | {"token": base64.urlsafe_b64decode(token + "==")})


async def test_an_error_of_verification_shows_no_url(parts):
    _, made, site = parts
    exchange = TapExchange(made.ledger, made.tokens, made.limits, lifetime=300)
    url = site.tag(UID).tap()
    for wrong in (url + "0", url[:-1] + f"{int(url[-1], 16) ^ 1:X}"):
        with pytest.raises(TapRefusedError) as refused:
            await exchange.exchange(lambda wrong=wrong: made.verifier.verify(wrong), **NOBODY)
        told = "".join(traceback.TracebackException.from_exception(refused.value).format())
        assert_silent(told, url_parts(url))
